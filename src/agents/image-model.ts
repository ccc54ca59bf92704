/** The port to whatever makes pictures: a hosted image model, or the offline drawing. */
export interface ImageModel {
  readonly provider: string
  readonly id: string
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
  readonly mediaType: 'image/svg+xml' | 'image/png' | 'image/jpeg' | 'image/webp'
  readonly bytes: Uint8Array
  /** Says in words what is to be seen. */
  readonly alt: string
  /** How it came about: made by an image model, or put together from words and shapes. */
  readonly origin: 'generated' | 'drawn'
}
