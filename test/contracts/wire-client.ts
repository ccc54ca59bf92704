/** Speaks gRPC without any client library, to say what the official client never would. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from 'node:http2'
import { ProtobufReader } from '../../src/embedded/eventstore/protocol/protobuf-reader.ts'
import { ProtobufWriter } from '../../src/embedded/eventstore/protocol/protobuf-writer.ts'

export class WireClient {
  readonly session: ClientHttp2Session
  readonly #authorization: OutgoingHttpHeaders

  constructor(connectionString: string) {
    const url = new URL(connectionString.replace(/^\w+:/, 'http:'))
    const isSecure = url.searchParams.get('tls') !== 'false'
    this.session = connect(`${isSecure ? 'https' : 'http'}://${url.host}`, { rejectUnauthorized: false })
    this.session.on('error', () => {}) // Told by each call.
    const credentials = Buffer.from(`${url.username}:${url.password}`).toString('base64')
    this.#authorization = url.username ? { authorization: `Basic ${credentials}` } : {}
  }

  call(method: string, headers: OutgoingHttpHeaders = {}): WireCall {
    const stream = this.session.request({
      ':method': 'POST',
      ':path': `/event_store.client.${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...this.#authorization,
      ...headers,
    })
    return new WireCall(stream)
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.session.closed || this.session.destroyed) resolve()
      this.session.once('close', resolve)
      this.session.destroy()
    })
  }
}

/** One call: messages as they come, and how it ended. */
export class WireCall {
  readonly stream: ClientHttp2Stream
  readonly messages: Buffer[] = []
  /** The status of gRPC; undefined when the call was broken off. */
  readonly status: Promise<string | undefined>
  #received: Buffer = Buffer.alloc(0)
  #wake: (() => void) | undefined

  constructor(stream: ClientHttp2Stream) {
    this.stream = stream
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => this.#take(chunk))
    this.status = new Promise((resolve) => {
      const take = (headers: Record<string, unknown>) =>
        headers['grpc-status'] && resolve(String(headers['grpc-status']))
      stream.on('response', take)
      stream.on('trailers', take)
      stream.on('close', () => resolve(undefined))
    })
  }

  send(message: Uint8Array): this {
    const frame = Buffer.alloc(5 + message.byteLength)
    frame.writeUInt32BE(message.byteLength, 1)
    frame.set(message, 5)
    this.stream.write(frame)
    return this
  }

  /** Waits until so many messages have come. */
  async received(count: number): Promise<readonly Buffer[]> {
    while (this.messages.length < count)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    return this.messages
  }

  cancel(): void {
    this.stream.close(constants.NGHTTP2_CANCEL)
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk])
    while (this.#received.length >= 5) {
      const end = 5 + this.#received.readUInt32BE(1)
      if (this.#received.length < end) break
      this.messages.push(this.#received.subarray(5, end))
      this.#received = this.#received.subarray(end)
    }
    this.#wake?.()
  }
}

export interface ChunkOptions {
  readonly stream: string
  /** Milliseconds since the epoch. */
  readonly deadlineMs?: number
}

/** A BatchAppendReq; `options` belong into the first chunk of a batch. */
export function batchChunk(
  correlationId: string,
  eventIds: readonly string[],
  isFinal: boolean,
  options?: ChunkOptions,
): Buffer {
  const writer = new ProtobufWriter()
  writer.message(1, (id) => id.string(2, correlationId))
  if (options)
    writer.message(2, (fields) => {
      fields.message(1, (identifier) => identifier.string(3, options.stream)).message(4)
      if (options.deadlineMs !== undefined) writeTimestamp(fields, options.deadlineMs)
    })
  for (const eventId of eventIds)
    writer.message(3, (event) =>
      event
        .message(1, (id) => id.string(2, eventId))
        .message(2, (entry) => entry.string(1, 'type').string(2, 'noted'))
        .message(2, (entry) => entry.string(1, 'content-type').string(2, 'application/json'))
        .bytes(4, Buffer.from('{}')),
    )
  return writer.bool(4, isFinal).finish()
}

function writeTimestamp(fields: ProtobufWriter, ms: number): void {
  const seconds = Math.floor(ms / 1_000)
  fields.message(6, (timestamp) => timestamp.uint(1, seconds).uint(2, Math.floor((ms - seconds * 1_000) * 1_000_000)))
}

export interface BatchReply {
  readonly correlationId: string
  readonly isSuccess: boolean
  /** Last part of the detail's type, such as `Timeout`. */
  readonly failure: string | undefined
  readonly stream: string
}

export function readBatchReply(message: Buffer): BatchReply {
  const reader = new ProtobufReader(message)
  const reply = { correlationId: '', isSuccess: false, failure: undefined as string | undefined, stream: '' }
  while (reader.next()) {
    if (reader.field === 1) reply.correlationId = lastText(reader.message())
    else if (reader.field === 2) reply.failure = failureOf(reader.message())
    else if (reader.field === 3) reply.isSuccess = true
    else if (reader.field === 4) reply.stream = lastText(reader.message())
  }
  return reply
}

function lastText(reader: ProtobufReader): string {
  let text = ''
  while (reader.next()) text = reader.string()
  return text
}

function failureOf(status: ProtobufReader): string {
  let name = ''
  while (status.next())
    if (status.field === 3) {
      const any = status.message()
      while (any.next()) if (any.field === 1) name = any.string().split('.').at(-1) ?? ''
    }
  return name
}
