/**
 * Makes a model steady: it is asked again when that may help, and left alone for a while when it is not well.
 *
 * closed ─► open ─► half-open ─► closed          (failuresMax in a row; breakerOpenMs; one question as a test)
 *             ▲─────────┘ failed
 *
 * A question is asked again only while nobody has seen a word of its answer: two beginnings never make one text.
 */
import { isFault } from '../shared/failures.ts'
import { pause } from '../shared/waiting.ts'
import type { LanguageModel, ModelPart, ModelRequest } from './language-model.ts'
import { createBreaker, retryDelayMs, type SteadinessOptions } from './model-breaker.ts'
import { modelFault } from './model-failure.ts'

export interface SteadyModelOptions extends SteadinessOptions {
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
