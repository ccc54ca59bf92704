/** The port to whatever makes pictures: a hosted image model, or the offline drawing. */
import type { MissedModel, ModelName, Usage } from './language-model.ts'

export interface ImageModel extends ModelName {
  /** Throws a `Fault` when no picture comes of it, and the signal's reason when it aborts. */
  readonly draw: (wish: ImageWish, signal: AbortSignal) => Promise<Picture>
}

export interface ImageWish {
  /** What it shows, in a few words; also what people who cannot see it are told. */
  readonly title: string
  /** What the person wants to see, in their words. */
  readonly description: string
  readonly form: 'picture' | 'diagram'
  /** Short texts for the parts of a diagram, in order. */
  readonly labels: readonly string[]
}

export interface Picture {
  readonly mediaType: 'image/svg+xml' | HostedPictureType
  readonly bytes: Uint8Array
  /** Says in words what is to be seen. */
  readonly alt: string
  readonly made: PictureMaking
}

/** What hosted models may send; nothing that could run or load something. */
export type HostedPictureType = 'image/png' | 'image/jpeg' | 'image/webp'

/** How a picture came about; stands in the record beside it. */
export interface PictureMaking {
  /** Made by an image model, or put together from words and shapes. */
  readonly origin: 'generated' | 'drawn'
  readonly model: ModelName
  /** The models that were to make it and did not, in the order they were asked. */
  readonly insteadOf: readonly MissedModel[]
  /** What the provider counted; absent when it did not. */
  readonly usage?: Usage
}
