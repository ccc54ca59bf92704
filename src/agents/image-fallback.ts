/** Draws a picture offline when the hosted image model does not make it in time, and says openly that it did. */
import { Fault } from '../shared/failures.ts'
import type { ImageModel } from './image-model.ts'
import { modelFault } from './model-failure.ts'
import type { ModelMeter } from './model-meter.ts'

export interface ImageFallbackParts {
  readonly hosted: ImageModel
  readonly offline: ImageModel
  /** How long the hosted model may take, repeated requests included. */
  readonly timeoutMs: number
  readonly meter: ModelMeter
}

/** A filter of the provider is not gone around: `model-answer-filtered` is thrown. */
export function createImageFallback({ hosted, offline, timeoutMs, meter }: ImageFallbackParts): ImageModel {
  const { provider, id } = hosted
  return {
    provider,
    id,
    async draw(wish, signal) {
      const late = new AbortController()
      const timer = setTimeout(() => late.abort(new Fault('model-timeout', { waitedMs: timeoutMs })), timeoutMs)
      try {
        return await hosted.draw(wish, AbortSignal.any([signal, late.signal]))
      } catch (error) {
        signal.throwIfAborted()
        const { code } = modelFault(error)
        if (code === 'model-answer-filtered') throw error
        meter.fellBack(hosted, offline, code)
        const picture = await offline.draw(wish, signal)
        return { ...picture, made: { ...picture.made, insteadOf: [{ provider, id, code }] } }
      } finally {
        clearTimeout(timer)
      }
    },
  }
}
