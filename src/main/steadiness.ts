/** How often hosted models are asked again, and when they are left alone: the same for words and for pictures. */
import type { SteadinessOptions } from '../agents/model-breaker.ts'
import type { Config } from '../config.ts'

export function steadinessOf(config: Config): Omit<SteadinessOptions, 'meter' | 'logger'> {
  return {
    retriesMax: config.LLM_RETRIES_MAX,
    retryAfterMsMax: config.LLM_RETRY_AFTER_MS_MAX,
    breakerFailuresMax: config.LLM_BREAKER_FAILURES_MAX,
    breakerOpenMs: config.LLM_BREAKER_OPEN_MS,
  }
}
