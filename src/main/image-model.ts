/** Builds what makes pictures as the configuration asks for it: a hosted model with the offline drawing behind it. */
import { createAiSdkImageModel } from '../agents/ai-sdk-image-model.ts'
import { createImageFallback } from '../agents/image-fallback.ts'
import type { ImageModel } from '../agents/image-model.ts'
import type { ModelMeter } from '../agents/model-meter.ts'
import type { ModelReference } from '../agents/model-reference.ts'
import { createSteadyImageModel } from '../agents/steady-image-model.ts'
import { ATTACHMENT_BYTES_MAX } from '../commands/attachment-record.ts'
import type { Config } from '../config.ts'
import type { Logger } from '../shared/logger.ts'
import { steadinessOf } from './steadiness.ts'

export interface BuiltImageModel {
  readonly images: ImageModel
  /** Ends all connections to the provider. */
  readonly close: () => Promise<void>
}

export function buildImageModel(
  config: Config,
  reference: ModelReference,
  offline: ImageModel,
  { meter, logger }: { readonly meter: ModelMeter; readonly logger: Logger },
): BuiltImageModel {
  const asked = createAiSdkImageModel({
    reference,
    connectTimeoutMs: config.LLM_CONNECT_TIMEOUT_MS,
    ...(config.IMAGE_SIZE !== undefined && { size: config.IMAGE_SIZE as `${number}x${number}` }),
    bytesMax: ATTACHMENT_BYTES_MAX,
  })
  const hosted = createSteadyImageModel(asked, { ...steadinessOf(config), meter, logger })
  return {
    images: createImageFallback({ hosted, offline, timeoutMs: config.IMAGE_TIMEOUT_MS, meter }),
    close: asked.close,
  }
}
