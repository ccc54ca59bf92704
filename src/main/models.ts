/** Builds whoever writes answers and makes pictures, as the configuration asks for them. */
import type { Registry } from 'prom-client'
import type { ImageModel } from '../agents/image-model.ts'
import type { LanguageModel } from '../agents/language-model.ts'
import { svgDrawing } from '../agents/offline/svg-drawing.ts'
import type { Config } from '../config.ts'
import type { Logger } from '../shared/logger.ts'

export interface BuiltModels {
  readonly model: LanguageModel
  readonly images: ImageModel
  /** Ends all connections to providers. */
  readonly close: () => Promise<void>
}

/** Nothing of hosted models is loaded where all is done offline: it would cost every start. */
export async function buildModels(
  config: Config,
  offline: LanguageModel,
  { registry, logger }: { readonly registry: Registry; readonly logger: Logger },
): Promise<BuiltModels> {
  const { models, imageModel } = config
  if (models.length === 0 && imageModel === undefined) {
    return { model: offline, images: svgDrawing, close: async () => {} }
  }
  const [{ buildLanguageModel }, { buildImageModel }, { createModelMetrics }] = await Promise.all([
    import('./language-model.ts'),
    import('./image-model.ts'),
    import('../agents/model-metrics.ts'),
  ])
  const parts = { meter: createModelMetrics(registry), logger }
  const words = buildLanguageModel(config, offline, parts)
  const pictures = imageModel && buildImageModel(config, imageModel, svgDrawing, parts)
  return {
    model: words.model,
    images: pictures?.images ?? svgDrawing,
    close: async () => void (await Promise.all([words.close(), pictures?.close()])),
  }
}
