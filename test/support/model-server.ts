/** A real HTTP server on loopback that speaks the OpenAI Chat Completions protocol, well or badly, as a script says. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface SeenRequest {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  // biome-ignore lint/suspicious/noExplicitAny: bodies are looked at by tests, field by field
  readonly body: any
}

export interface Exchange {
  readonly request: SeenRequest
  readonly response: ServerResponse
  /** Writes one server-sent event. */
  readonly event: (data: unknown) => void
}

export type Behaviour = (exchange: Exchange) => void | Promise<void>

export interface ModelServer {
  /** What `LLM_BASE_URL` is. */
  readonly url: string
  readonly requests: readonly SeenRequest[]
  /** Behaves like this, one request after the other; the last for all that follow. */
  readonly script: (...behaviours: readonly Behaviour[]) => void
  /** Resolves when a client has gone away before its answer was whole, since the last script, with the time by `performance.now()`. */
  readonly disconnected: () => Promise<number>
  readonly stop: () => Promise<void>
}

export async function startModelServer(...script: readonly Behaviour[]): Promise<ModelServer> {
  const requests: SeenRequest[] = []
  const leavings: number[] = []
  let waiting: ((atMs: number) => void)[] = []
  let behaviours = script
  let next = 0
  const server = createServer((incoming, response) => {
    response.on('close', () => {
      if (response.writableEnded) return
      leavings.push(performance.now())
      for (const tell of waiting.splice(0)) tell(leavings.at(-1) ?? 0)
    })
    response.on('error', () => {})
    void readBody(incoming).then(async (text) => {
      const request = {
        path: incoming.url ?? '',
        headers: incoming.headers,
        body: text === '' ? undefined : JSON.parse(text),
      }
      requests.push(request)
      const behave = behaviours[Math.min(next, behaviours.length - 1)]
      next += 1
      await behave?.({ request, response, event: (data) => writeEvent(response, data) })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/v1`,
    requests,
    script(...others) {
      behaviours = others
      next = 0
      leavings.length = 0
    },
    disconnected: () => {
      const last = leavings.at(-1)
      return last === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(last)
    },
    async stop() {
      waiting = []
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of incoming) text += String(chunk)
  return text
}

function writeEvent(response: ServerResponse, data: unknown): void {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`)
}

const chunk = (delta: object, finishReason: string | null = null) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'scripted',
  choices: [{ index: 0, delta, finish_reason: finishReason }],
})

export const usage = { prompt_tokens: 21, completion_tokens: 7, total_tokens: 28 }

interface Ending {
  readonly finishReason?: string
  readonly usage?: object | null
}

function end({ event, response }: Exchange, { finishReason = 'stop', usage: counted = usage }: Ending): void {
  event(chunk({}, finishReason))
  if (counted !== null) event({ ...chunk({}), choices: [], usage: counted })
  event('[DONE]')
  response.end()
}

function write({ event }: Exchange, words: readonly string[]): void {
  for (const word of words) event(chunk({ role: 'assistant', content: word }))
}

/** Writes the words, each in an event of its own, and ends well. */
export const says =
  (words: readonly string[], ending: Ending = {}): Behaviour =>
  (exchange) => {
    write(exchange, words)
    end(exchange, ending)
  }

export interface ScriptedCall {
  readonly id: string
  readonly name: string
  /** The arguments, in the pieces in which they are sent. */
  readonly pieces: readonly string[]
}

/** Asks for tools; the pieces of several calls are sent in turns, as some servers do. */
export const callsTools =
  (calls: readonly ScriptedCall[], words: readonly string[] = []): Behaviour =>
  (exchange) => {
    write(exchange, words)
    const { event } = exchange
    for (const [index, { id, name }] of calls.entries()) {
      event(chunk({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] }))
    }
    const longest = Math.max(...calls.map(({ pieces }) => pieces.length))
    for (let piece = 0; piece < longest; piece += 1) {
      for (const [index, { pieces }] of calls.entries()) {
        const text = pieces[piece]
        if (text !== undefined) event(chunk({ tool_calls: [{ index, function: { arguments: text } }] }))
      }
    }
    end(exchange, { finishReason: 'tool_calls' })
  }

/** Writes the words, if any, and then nothing more, with the connection open. */
export const stalls =
  (words: readonly string[] = []): Behaviour =>
  (exchange) =>
    write(exchange, words)

/** Ends the answer in its middle, as if it were whole. */
export const endsEarly =
  (words: readonly string[]): Behaviour =>
  (exchange) => {
    write(exchange, words)
    exchange.response.end()
  }

/** Breaks the connection once the words are out. */
export const breaksOff =
  (words: readonly string[]): Behaviour =>
  (exchange) => {
    write(exchange, words)
    exchange.response.socket?.write('', () => exchange.response.destroy())
  }

/** Takes the request and breaks the connection without an answer, like a kept-alive connection that was closed meanwhile. */
export const hangsUp: Behaviour = ({ response }) => {
  response.socket?.resetAndDestroy()
}

export const refuses =
  (status: number, headers: Record<string, string> = {}, message = 'no'): Behaviour =>
  ({ response }) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify({ error: { message, type: 'error', code: null, param: null } }))
  }

/** Answers with a body of any kind. */
export const answers =
  (contentType: string, body: string): Behaviour =>
  ({ response }) => {
    response.writeHead(200, { 'content-type': contentType })
    response.end(body)
  }

/** Writes without end, until the client has had enough. */
export const neverStops =
  (words: string): Behaviour =>
  async (exchange) => {
    while (!exchange.response.destroyed) {
      write(exchange, [words])
      const heard = new AbortController()
      const options = { signal: heard.signal }
      const isReady = [once(exchange.response, 'drain', options), once(exchange.response, 'close', options)]
      if (exchange.response.writableNeedDrain) await Promise.race(isReady)
      heard.abort()
      await Promise.allSettled(isReady)
    }
  }
