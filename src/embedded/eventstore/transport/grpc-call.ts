/** One gRPC call on one HTTP/2 stream: whole messages in, messages out with back-pressure, one status at the end. */
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { constants } from 'node:http2'
import { NOBODY, type Principal } from '../access/access-control.ts'
import { LIMITS } from '../limits.ts'
import { MalformedMessage } from '../protocol/protobuf-reader.ts'
import type { StoreLogger } from '../store-logger.ts'
import { GRPC_STATUS, GrpcError } from './grpc-error.ts'
import { FRAME_HEADER_BYTES, FrameReader, putFrameHeader, type UnfinishedBytes } from './grpc-framing.ts'

/** Serves one call. A thrown GrpcError becomes the call's status, anything else an UNKNOWN that is logged. */
export type RpcHandler = (call: GrpcCall) => void | Promise<void>

const RESPONSE_HEADERS = { ':status': 200, 'content-type': 'application/grpc', 'grpc-accept-encoding': 'identity' }
const GOOD_END: Readonly<Record<string, string>> = { 'grpc-status': '0' }

export interface CallOptions {
  readonly stream: ServerHttp2Stream
  readonly headers: IncomingHttpHeaders
  readonly unfinished: UnfinishedBytes
  readonly logger: StoreLogger
}

export class GrpcCall {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** Whoever calls: known before a handler begins. */
  principal: Principal = NOBODY
  /** Whether the client let the last `writable` wait: it takes less than it is given. */
  hasWaited = false
  /** For calls that write: whoever is not answered yet when the server stops is told that it is unavailable. */
  isWriting = false
  readonly #stream: ServerHttp2Stream
  readonly #logger: StoreLogger
  readonly #unfinished: UnfinishedBytes
  readonly #frames: FrameReader
  readonly #onClose: (() => void)[] = []
  #messageHandler: ((message: Buffer) => void) | undefined
  #endHandler: (() => void) | undefined
  #trailers = GOOD_END
  #isOver = false
  #heldBytes = 0
  #outbox: Uint8Array[] = []
  #wakeWriter: (() => void) | undefined
  #deadline: NodeJS.Timeout | undefined
  #linger: NodeJS.Timeout | undefined

  constructor(options: CallOptions) {
    this.#stream = options.stream
    this.headers = options.headers
    this.path = String(options.headers[':path'])
    this.#logger = options.logger
    this.#unfinished = options.unfinished
    this.#frames = new FrameReader(options.unfinished)
    this.#stream.on('error', () => {}) // The peer went away or broke the protocol; 'close' follows and tidies up.
    this.#stream.on('close', () => this.#closed())
    this.#stream.on('drain', () => this.#wakeWriter?.())
    this.#stream.on('wantTrailers', () => {
      if (!this.#stream.closed && !this.#stream.destroyed) this.#stream.sendTrailers(this.#trailers)
    })
    this.#startDeadline(String(options.headers['grpc-timeout'] ?? ''))
  }

  /** False once it has ended, failed or been broken off. */
  get isOpen(): boolean {
    return !this.#isOver && !this.#stream.closed && !this.#stream.destroyed
  }

  /** Runs `callback` once when the call is over, whoever ended it; at once if it already is. */
  onClose(callback: () => void): void {
    if (this.#stream.closed || this.#stream.destroyed) callback()
    else this.#onClose.push(callback)
  }

  /** Hears every message, and with `onEnd` that the client has no more. */
  onMessage(handler: (message: Buffer) => void, onEnd: () => void = () => {}): void {
    this.#messageHandler = handler
    this.#endHandler = onEnd
    this.#stream.on('data', (chunk: Buffer) =>
      this.#guard(() => this.#frames.push(chunk, (message) => this.#deliver(message))),
    )
    this.#stream.on('end', () => {
      if (!this.isOpen) return
      if (this.#frames.isInside) this.fail(new GrpcError(GRPC_STATUS.internal, 'the last message was cut short'))
      else this.#guard(() => this.#endHandler?.())
    })
  }

  /** The one message of a unary or server-streaming call. */
  request(): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      let message: Buffer | undefined
      const late = () => new GrpcError(GRPC_STATUS.internal, 'this call takes exactly one message')
      this.onMessage(
        (found) => {
          if (message) throw late()
          message = found
          resolve(found) // Before the client half-closes: some never do.
        },
        () => message ?? reject(late()),
      )
      this.onClose(() => reject(new GrpcError(GRPC_STATUS.cancelled, 'the call was broken off')))
    })
  }

  /**
   * Counts bytes that are kept for this call against what all calls together may keep; throws RESOURCE_EXHAUSTED when
   * that is too much. What is not released by hand is when the call is over.
   */
  hold(bytes: number): void {
    this.#heldBytes += bytes
    this.#unfinished.add(bytes)
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes
    this.#unfinished.remove(bytes)
  }

  /** Stops reading from the client until `resume`. */
  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }

  /** Sends the headers at once, for calls whose first message may take a while. */
  begin(): void {
    if (this.isOpen && !this.#stream.headersSent) this.#stream.respond(RESPONSE_HEADERS, { waitForTrailers: true })
  }

  /** Sends one message. Messages sent within one turn of the event loop leave together. */
  send(message: Uint8Array): void {
    const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + message.byteLength)
    frame.set(message, putFrameHeader(frame, 0, message.byteLength))
    this.sendFrames(frame)
  }

  /** Sends messages that are framed already. */
  sendFrames(frames: Uint8Array): void {
    if (!this.isOpen || frames.byteLength === 0) return
    this.#outbox.push(frames)
    if (this.#outbox.length === 1) process.nextTick(() => this.#flush())
  }

  /** Waits until the client takes more; answers false when the call is over. */
  async writable(): Promise<boolean> {
    this.#flush()
    this.hasWaited = this.isCongested
    while (this.isOpen && this.isCongested)
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve
      })
    return this.isOpen
  }

  /** True while more waits to be taken by the client than may. */
  get isCongested(): boolean {
    return this.#stream.writableLength > LIMITS.outputBytesMax
  }

  /** Sends a last message, if given, and ends the call well. */
  end(message?: Uint8Array): void {
    if (!this.isOpen) return
    if (message) this.send(message)
    this.begin()
    this.#finish()
  }

  /** Ends the call with a status. */
  fail(error: GrpcError): void {
    if (!this.isOpen) return
    if (this.#stream.headersSent || this.#outbox.length > 0) {
      this.begin()
      this.#trailers = error.toTrailers()
      this.#finish()
      return
    }
    this.#isOver = true
    this.#stream.respond({ ...RESPONSE_HEADERS, ...error.toTrailers() }, { endStream: true })
    this.#stopReading()
  }

  /** Ends the call because the server stops: readers that had begun are broken off, so that clients connect anew. */
  abandon(): void {
    if (!this.isOpen) return
    if (this.isWriting || !this.#stream.headersSent)
      this.fail(new GrpcError(GRPC_STATUS.unavailable, 'the server is shutting down'))
    else {
      this.#isOver = true
      this.#stream.close(constants.NGHTTP2_CANCEL)
    }
  }

  /** Serves the call with a handler and turns whatever it throws into a status. */
  async serve(handler: RpcHandler): Promise<void> {
    try {
      await handler(this)
    } catch (error) {
      this.#failWith(error)
    }
  }

  #deliver(message: Buffer): void {
    if (this.isOpen) this.#messageHandler?.(message)
  }

  #guard(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.#failWith(error)
    }
  }

  #failWith(error: unknown): void {
    if (error instanceof GrpcError) this.fail(error)
    else if (error instanceof MalformedMessage) this.fail(new GrpcError(GRPC_STATUS.internal, error.message))
    else {
      this.#logger.error({ path: this.path, error }, 'a call failed unexpectedly')
      this.fail(new GrpcError(GRPC_STATUS.unknown, 'the server failed unexpectedly'))
    }
  }

  #flush(): void {
    if (this.#outbox.length === 0 || this.#stream.closed || this.#stream.destroyed) return
    this.begin()
    const frames = this.#outbox
    this.#outbox = []
    this.#stream.write(frames.length === 1 ? frames[0] : Buffer.concat(frames))
  }

  #finish(): void {
    this.#flush()
    this.#isOver = true
    this.#stream.end()
    this.#stopReading()
  }

  /** What the client still sends is thrown away for a while, so that the stream can close in good order. */
  #stopReading(): void {
    this.#messageHandler = undefined
    this.#endHandler = undefined
    this.#frames.clear()
    this.#stream.resume()
    if (this.#stream.readableEnded) return
    this.#linger = setTimeout(() => this.#stream.close(constants.NGHTTP2_NO_ERROR), LIMITS.lingerMs)
    this.#linger.unref()
  }

  #closed(): void {
    this.#isOver = true
    this.#frames.clear()
    this.release(this.#heldBytes)
    this.#outbox = []
    clearTimeout(this.#deadline)
    clearTimeout(this.#linger)
    this.#wakeWriter?.()
    for (const callback of this.#onClose) callback()
  }

  #startDeadline(timeout: string): void {
    const ms = timeoutMs(timeout)
    if (ms === undefined || ms > TIMER_MS_MAX) return
    this.#deadline = setTimeout(() => {
      this.fail(new GrpcError(GRPC_STATUS.deadlineExceeded, 'the deadline has passed'))
    }, ms)
    this.#deadline.unref()
  }
}

const TIMER_MS_MAX = 2 ** 31 - 1
const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 }

/** The header grpc-timeout in milliseconds: up to eight digits and a unit. */
function timeoutMs(header: string): number | undefined {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(header) ?? []
  return digits && unit ? Math.ceil(Number(digits) * (UNIT_MS[unit] as number)) : undefined
}
