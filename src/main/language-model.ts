/** Builds the language model that the configuration asks for: the offline assistant, alone or behind hosted models. */
import { createAiSdkModel } from '../agents/ai-sdk-model.ts'
import { createFallbackChain } from '../agents/fallback-chain.ts'
import type { LanguageModel } from '../agents/language-model.ts'
import type { ModelMeter } from '../agents/model-meter.ts'
import { createSteadyModel } from '../agents/steady-model.ts'
import type { Config } from '../config.ts'
import type { Logger } from '../shared/logger.ts'
import { steadinessOf } from './steadiness.ts'

export interface BuiltModel {
  readonly model: LanguageModel
  /** Ends all connections to providers. */
  readonly close: () => Promise<void>
}

export function buildLanguageModel(
  config: Config,
  offline: LanguageModel,
  { meter, logger }: { readonly meter: ModelMeter; readonly logger: Logger },
): BuiltModel {
  const elapsedMs = () => performance.now()
  const hosted = config.models.map((reference) =>
    createAiSdkModel({
      reference,
      connectTimeoutMs: config.LLM_CONNECT_TIMEOUT_MS,
      firstTokenTimeoutMs: config.LLM_FIRST_TOKEN_TIMEOUT_MS,
      idleTimeoutMs: config.LLM_IDLE_TIMEOUT_MS,
      thinkingTokensMax: config.LLM_THINKING_TOKENS_MAX,
    }),
  )
  const steady = hosted.map((model) => createSteadyModel(model, { ...steadinessOf(config), meter, logger, elapsedMs }))
  const [first, ...others] = steady
  return {
    model: first === undefined ? offline : createFallbackChain([first, ...others, offline], meter),
    async close() {
      await Promise.all(hosted.map((model) => model.close()))
    },
  }
}
