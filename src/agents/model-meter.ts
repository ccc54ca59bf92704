/** What is counted about models: how often they are asked, how they fail, and what became of it. Never what they write. */
import type { ModelName, Usage } from './language-model.ts'

/** `half-open`: one question is let through to see whether the model is well again. */
export type BreakerState = 'closed' | 'half-open' | 'open'

export interface ModelMeter {
  readonly called: (model: ModelName) => void
  readonly firstToken: (model: ModelName, afterMs: number) => void
  readonly answered: (model: ModelName, usage: Usage) => void
  readonly failed: (model: ModelName, code: string) => void
  readonly retried: (model: ModelName, code: string) => void
  readonly fellBack: (from: ModelName, to: ModelName, code: string) => void
  readonly breakerIs: (model: ModelName, state: BreakerState) => void
}
