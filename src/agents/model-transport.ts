/** Carries requests to a provider over HTTP, within limits: time to connect, size and kind of what comes back. */
import { Agent, fetch as undiciFetch } from 'undici'
import { Fault } from '../shared/failures.ts'

/** No streamed answer of a model is larger; a server that sends more is cut off. */
const STREAM_BYTES_MAX = 16 * 1024 * 1024
/** Connections to one provider; more calls than that wait for one. */
const CONNECTIONS_MAX = 256

export interface ModelTransport {
  readonly fetch: typeof globalThis.fetch
  readonly close: () => Promise<void>
}

export interface TransportOptions {
  readonly connectTimeoutMs: number
  /** Takes answers of any kind and of this size, rather than streams. */
  readonly wholeAnswers?: { readonly bytesMax: number }
}

export function createModelTransport({ connectTimeoutMs, wholeAnswers }: TransportOptions): ModelTransport {
  // How long an answer takes is watched by whoever reads it; here these limits would only be in the way.
  const agent = new Agent({
    connect: { timeout: connectTimeoutMs },
    connections: CONNECTIONS_MAX,
    headersTimeout: 0,
    bodyTimeout: 0,
    allowH2: false,
  })
  const request = undiciFetch as unknown as (input: unknown, init: object) => Promise<Response>
  return {
    async fetch(input, init) {
      // A redirect would take the key and the question to somewhere else than what is configured.
      const response = await request(input, { ...init, dispatcher: agent, redirect: 'manual' })
      if (response.ok && wholeAnswers === undefined && !isStream(response.headers.get('content-type'))) {
        await response.body?.cancel()
        throw new Fault('model-answer-invalid', { contentType: response.headers.get('content-type') })
      }
      const { status, statusText, headers } = response
      return new Response(response.body?.pipeThrough(bounded(wholeAnswers?.bytesMax ?? STREAM_BYTES_MAX)) ?? null, {
        status,
        statusText,
        headers,
      })
    },
    close: () => agent.destroy(),
  }
}

/** Servers that stream are trusted to mean it, whatever they call it; a page or a document is no stream. */
function isStream(contentType: string | null): boolean {
  return contentType === null || !/html|json|xml/i.test(contentType)
}

function bounded(bytesMax: number): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0
  return new TransformStream({
    transform(chunk, controller) {
      bytes += chunk.byteLength
      if (bytes > bytesMax) controller.error(new Fault('model-answer-too-large', { bytes }))
      else controller.enqueue(chunk)
    },
  })
}
