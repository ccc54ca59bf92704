/** When a model is asked again, and when it is left alone: the same for words and for pictures. */
import { BrokenCircuitError, CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from 'cockatiel'
import { Fault, isFault } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import type { ModelName } from './language-model.ts'
import { failureKindOf, retryAfterMsOf } from './model-failure.ts'
import type { BreakerState, ModelMeter } from './model-meter.ts'

const RETRY_DELAY_MS_MIN = 250
const RETRY_DELAY_MS_MAX = 4_000

export interface SteadinessOptions {
  readonly retriesMax: number
  /** A model that asks for a longer wait is not waited for. */
  readonly retryAfterMsMax: number
  readonly breakerFailuresMax: number
  readonly breakerOpenMs: number
  readonly meter: ModelMeter
  readonly logger: Logger
}

/** Undefined: it is not asked again. The delay is random below a bound that doubles, so that many do not come back at once. */
export function retryDelayMs(fault: Fault, attempt: number, { retriesMax, retryAfterMsMax }: SteadinessOptions) {
  if (attempt > retriesMax || !failureKindOf(fault).mayRetry) return undefined
  const askedMs = retryAfterMsOf(fault) ?? 0
  if (askedMs > retryAfterMsMax) return undefined
  const boundMs = Math.min(RETRY_DELAY_MS_MAX, RETRY_DELAY_MS_MIN * 2 ** attempt)
  return askedMs + Math.random() * boundMs
}

export function createBreaker(
  model: ModelName,
  { breakerFailuresMax, breakerOpenMs, meter, logger }: SteadinessOptions,
) {
  const isIllness = (error: unknown) => isFault(error) && failureKindOf(error).isIllness
  const failures = new ConsecutiveBreaker(breakerFailuresMax)
  const policy = circuitBreaker(handleWhen(isIllness), {
    halfOpenAfter: breakerOpenMs,
    breaker: {
      state: undefined,
      failure: () => failures.failure(),
      // A good beginning ends the test, but not the count: that takes a whole answer.
      success: (state) => state === CircuitState.HalfOpen && failures.success(),
    },
  })
  const tell = (state: BreakerState) => {
    logger.warn({ provider: model.provider, model: model.id, state }, 'the breaker of a model has changed')
    meter.breakerIs(model, state)
  }
  policy.onBreak(() => tell('open'))
  policy.onHalfOpen(() => tell('half-open'))
  policy.onReset(() => tell('closed'))
  meter.breakerIs(model, 'closed')

  return {
    async begin<Value>(work: () => Promise<Value>): Promise<Value> {
      // The library would let others wait for the test; another model answers sooner.
      if (policy.state === CircuitState.HalfOpen) throw new Fault('model-unavailable')
      try {
        return await policy.execute(work)
      } catch (error) {
        throw error instanceof BrokenCircuitError ? new Fault('model-unavailable') : error
      }
    },
    succeed: () => failures.success(),
    async fail(error: unknown): Promise<never> {
      if (policy.state === CircuitState.Closed) await policy.execute(() => Promise.reject(error)).catch(() => {})
      throw error
    },
  }
}
