/**
 * Makes a model steady: it is asked again when that may help, and left alone for a while when it is not well.
 *
 * closed ─► open ─► half-open ─► closed          (failuresMax in a row; breakerOpenMs; one question as a test)
 *             ▲─────────┘ failed
 *
 * A question is asked again only while nobody has seen a word of its answer: two beginnings never make one text.
 */
import { BrokenCircuitError, CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from 'cockatiel'
import { Fault, isFault } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import { pause } from '../shared/waiting.ts'
import type { LanguageModel, ModelPart, ModelRequest } from './language-model.ts'
import { failureKindOf, modelFault, retryAfterMsOf } from './model-failure.ts'
import type { BreakerState, ModelMeter } from './model-meter.ts'

const RETRY_DELAY_MS_MIN = 250
const RETRY_DELAY_MS_MAX = 4_000

export interface SteadyModelOptions {
  readonly retriesMax: number
  /** A model that asks for a longer wait is not waited for. */
  readonly retryAfterMsMax: number
  readonly breakerFailuresMax: number
  readonly breakerOpenMs: number
  readonly meter: ModelMeter
  readonly logger: Logger
  /** Milliseconds that only go forward. */
  readonly elapsedMs: () => number
}

export function createSteadyModel(model: LanguageModel, options: SteadyModelOptions): LanguageModel {
  const { meter, logger, elapsedMs } = options
  const breaker = createBreaker(model, options)

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelPart> {
    let isShown = false
    for (let attempt = 1; ; attempt += 1) {
      try {
        for await (const part of once(request, signal)) {
          isShown ||= part.type === 'text'
          yield part
        }
        return
      } catch (error) {
        signal.throwIfAborted()
        const fault = modelFault(error)
        const delayMs = isShown ? undefined : retryDelayMs(fault, attempt, options)
        const { provider, id } = model
        logger.warn({ provider, model: id, attempt, delayMs, error: fault.message }, 'a model did not answer')
        if (delayMs === undefined) throw fault
        meter.retried(model, fault.code)
        await pause(delayMs, signal)
        signal.throwIfAborted()
      }
    }
  }

  /** Asks once, through the breaker; a failure in the middle of an answer counts like one at its beginning. */
  async function* once(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelPart> {
    const parts = model.stream(request, signal)[Symbol.asyncIterator]()
    const startedMs = elapsedMs()
    try {
      let next = await breaker.begin(() => {
        meter.called(model)
        return parts.next()
      })
      meter.firstToken(model, elapsedMs() - startedMs)
      while (next.done !== true) {
        if (next.value.type === 'finish') {
          breaker.succeed()
          meter.answered(model, next.value.usage)
        }
        yield next.value
        next = await parts.next().catch(breaker.fail)
      }
    } catch (error) {
      // Ended by a person or a shutdown it has not failed; given up because it took too long, it has.
      if (!signal.aborted || isFault(signal.reason)) meter.failed(model, modelFault(error).code)
      throw error
    } finally {
      await parts.return?.()
    }
  }

  return { provider: model.provider, id: model.id, stream }
}

/** Undefined: it is not asked again. The delay is random below a bound that doubles, so that many do not come back at once. */
function retryDelayMs(fault: Fault, attempt: number, { retriesMax, retryAfterMsMax }: SteadyModelOptions) {
  if (attempt > retriesMax || !failureKindOf(fault).mayRetry) return undefined
  const askedMs = retryAfterMsOf(fault) ?? 0
  if (askedMs > retryAfterMsMax) return undefined
  const boundMs = Math.min(RETRY_DELAY_MS_MAX, RETRY_DELAY_MS_MIN * 2 ** attempt)
  return askedMs + Math.random() * boundMs
}

function createBreaker(model: LanguageModel, { breakerFailuresMax, breakerOpenMs, meter, logger }: SteadyModelOptions) {
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
