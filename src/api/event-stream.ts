/** Server-sent events on one reply: written as they come, at the client's pace, and ended when the client is gone. */
import { once } from 'node:events'
import type { FastifyReply } from 'fastify'

export interface EventStream {
  /** Aborts when the client is gone, or when the server closes the connection. */
  readonly signal: AbortSignal
  /** Resolves when the client has taken enough of it that there is room for more. */
  readonly send: (data: string) => Promise<void>
  /** A line that clients pass over; it keeps proxies from taking the stream for dead. */
  readonly comment: (text: string) => Promise<void>
  readonly end: () => void
}

/** Sends the headers at once; from here on the reply is ours. */
export function openEventStream(reply: FastifyReply, headers: Readonly<Record<string, string>> = {}): EventStream {
  const set = Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)] as const)
  reply.hijack()
  const { raw } = reply
  const gone = new AbortController()
  raw.on('close', () => gone.abort())
  raw.on('error', () => gone.abort())
  raw.writeHead(200, {
    ...Object.fromEntries(set),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    ...headers,
  })
  raw.flushHeaders()

  async function write(text: string): Promise<void> {
    if (gone.signal.aborted || raw.write(text)) return
    await once(raw, 'drain', { signal: gone.signal }).catch(() => {}) // Gone: nothing more is written.
  }

  return {
    signal: gone.signal,
    send: (data) => write(`data: ${data}\n\n`),
    comment: (text) => write(`: ${text}\n\n`),
    end: () => raw.end(),
  }
}
