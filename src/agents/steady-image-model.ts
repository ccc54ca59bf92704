/** Makes an image model steady: it is asked again when that may help, and left alone for a while when it is not well. */
import { type Fault, isFault } from '../shared/failures.ts'
import { pause } from '../shared/waiting.ts'
import type { ImageModel, ImageWish, Picture } from './image-model.ts'
import { createBreaker, retryDelayMs, type SteadinessOptions } from './model-breaker.ts'
import { modelFault } from './model-failure.ts'

export function createSteadyImageModel(model: ImageModel, options: SteadinessOptions): ImageModel {
  const { provider, id } = model
  const { meter, logger } = options
  const breaker = createBreaker(model, options)

  async function draw(wish: ImageWish, signal: AbortSignal): Promise<Picture> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await once(wish, signal)
      } catch (error) {
        signal.throwIfAborted()
        const fault = modelFault(error)
        const delayMs = retryDelayMs(fault, attempt, options)
        logger.warn({ provider, model: id, attempt, delayMs, error: fault.message }, 'an image model did not answer')
        if (delayMs === undefined) throw fault
        meter.retried(model, fault.code)
        await pause(delayMs, signal)
        signal.throwIfAborted()
      }
    }
  }

  async function once(wish: ImageWish, signal: AbortSignal): Promise<Picture> {
    try {
      const picture = await breaker.begin(() => {
        meter.called(model)
        return model.draw(wish, signal)
      })
      breaker.succeed()
      if (picture.made.usage !== undefined) meter.answered(model, picture.made.usage)
      return picture
    } catch (error) {
      const fault = failureOf(error, signal)
      if (fault !== undefined) meter.failed(model, fault.code)
      throw error
    }
  }

  return { provider, id, draw }
}

/** Ended by a person or a shutdown it has not failed; given up because it took too long, it has. */
function failureOf(error: unknown, signal: AbortSignal): Fault | undefined {
  if (!signal.aborted) return modelFault(error)
  return isFault(signal.reason) ? signal.reason : undefined
}
