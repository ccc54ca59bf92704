/**
 * A hosted image model, over the Vercel AI SDK: asks it once for one picture, and takes what it sends only if it is one.
 *
 * Time, asking again and what stands in for it are others' work (steady-image-model.ts, image-fallback.ts). The libraries are
 * loaded with the first wish.
 */
import { Fault } from '../shared/failures.ts'
import { untilAborted } from '../shared/waiting.ts'
import { loadAiSdkImageModel } from './ai-sdk-provider.ts'
import type { HostedPictureType, ImageModel, ImageWish, Picture } from './image-model.ts'
import { modelFault } from './model-failure.ts'
import type { ModelReference } from './model-reference.ts'

/** What stands around a picture in an answer, such as a prompt that the provider has revised. */
const ENVELOPE_BYTES_MAX = 64 * 1024
const ALT_CHARACTERS_MAX = 400
/** Asks for the picture itself rather than an address; the other providers always send it. */
const SEND_IT = { response_format: 'b64_json' }

export interface AiSdkImageModelOptions {
  readonly reference: ModelReference
  readonly connectTimeoutMs: number
  /** Width x height, in pixels; absent: the model's own. */
  readonly size?: `${number}x${number}`
  /** A larger picture is refused with `model-answer-too-large`. */
  readonly bytesMax: number
}

export interface HostedImageModel extends ImageModel {
  /** Ends all connections. */
  readonly close: () => Promise<void>
}

export function createAiSdkImageModel(options: AiSdkImageModelOptions): HostedImageModel {
  const { reference, size, bytesMax } = options
  const name = { provider: reference.provider, id: reference.id }
  let loading: ReturnType<typeof load> | undefined

  async function draw(wish: ImageWish, signal: AbortSignal): Promise<Picture> {
    signal.throwIfAborted()
    try {
      loading ??= load(options)
      const { sdk, model } = await untilAborted(loading, signal)
      const asked = sdk.generateImage({
        model,
        prompt: promptOf(wish),
        ...(size && { size }),
        ...(name.provider === 'openai-compatible' && { providerOptions: { compatible: SEND_IT } }),
        maxRetries: 0,
        abortSignal: signal,
      })
      const { image, usage } = await untilAborted(asked, signal)
      const bytes = image.uint8Array
      if (bytes.byteLength > bytesMax) throw new Fault('model-answer-too-large', { bytes: bytes.byteLength })
      const { inputTokens, outputTokens } = usage
      const isCounted = isCount(inputTokens) && isCount(outputTokens)
      return {
        mediaType: mediaTypeOf(bytes),
        bytes,
        alt: altOf(wish),
        made: {
          origin: 'generated',
          model: name,
          insteadOf: [],
          ...(isCounted && { usage: { inputTokens, outputTokens } }),
        },
      }
    } catch (error) {
      signal.throwIfAborted() // The reason itself, rather than what the library makes of it.
      throw emptyAnswerFault(error) ?? modelFault(error)
    }
  }

  return { ...name, draw, close: async () => (await loading?.catch(() => undefined))?.transport.close() }
}

async function load({ reference, connectTimeoutMs, bytesMax }: AiSdkImageModelOptions) {
  const [sdk, { createModelTransport }] = await Promise.all([import('ai'), import('./model-transport.ts')])
  // The library would print warnings of its own.
  Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false })
  const wholeAnswers = { bytesMax: Math.ceil((bytesMax * 4) / 3) + ENVELOPE_BYTES_MAX }
  const transport = createModelTransport({ connectTimeoutMs, wholeAnswers })
  const model = await loadAiSdkImageModel(reference, withinOrigin(reference.baseUrl, transport.fetch))
  return { sdk, transport, model }
}

/** Some servers answer with an address instead of a picture. We fetch from nowhere but the server that is configured. */
function withinOrigin(baseUrl: string | undefined, fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  if (baseUrl === undefined) return fetch // The libraries of those providers take no addresses.
  const { origin } = new URL(baseUrl)
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    if (url.origin !== origin) throw new Fault('model-answer-invalid', { reason: 'a picture somewhere else' })
    return await fetch(input, init)
  }
}

/** What a provider counts is recorded only if it is a number of tokens. */
function isCount(value: number | undefined): value is number {
  return value !== undefined && Number.isSafeInteger(value) && value >= 0
}

function promptOf({ title, description, form, labels }: ImageWish): string {
  const said = description === title ? [title] : [title, description]
  if (form === 'diagram')
    said.push(`A clear diagram${labels.length > 0 ? ` with the parts: ${labels.join('; ')}` : ''}`)
  return said.join('. ')
}

function altOf({ title, description }: ImageWish): string {
  const alt = description === title ? title : `${title}: ${description}`
  return alt.length > ALT_CHARACTERS_MAX ? `${alt.slice(0, ALT_CHARACTERS_MAX - 1)}…` : alt
}

/** By what the content begins with, whatever the server calls it: PNG (RFC 2083), JPEG (JFIF), WebP (RFC 9649). */
function mediaTypeOf(bytes: Uint8Array): HostedPictureType {
  const begins = Buffer.from(bytes.subarray(0, 12)).toString('latin1')
  if (begins.startsWith('\x89PNG\r\n\x1a\n')) return 'image/png'
  if (begins.startsWith('\xff\xd8\xff')) return 'image/jpeg'
  if (begins.startsWith('RIFF') && begins.endsWith('WEBP')) return 'image/webp'
  throw new Fault('model-answer-invalid', { reason: 'not a picture' })
}

/** An answer without a picture is a refusal by a filter, where the provider says so. */
function emptyAnswerFault(error: unknown): Fault | undefined {
  if (!(error instanceof Error) || error.name !== 'AI_NoImageGeneratedError') return undefined
  const { calls = [] } = error as Error & { readonly calls?: readonly { readonly providerMetadata?: unknown }[] }
  const reasons = JSON.stringify(calls.map(({ providerMetadata }) => providerMetadata) ?? [])
  return new Fault(/SAFETY|PROHIBITED|BLOCKLIST/.test(reasons) ? 'model-answer-filtered' : 'model-answer-empty')
}
