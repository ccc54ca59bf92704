/** Cuts a byte stream into gRPC messages: one byte of flags, four of length, then the message. */
import { LIMITS } from '../limits.ts'
import { GRPC_STATUS, GrpcError } from './grpc-error.ts'

export const FRAME_HEADER_BYTES = 5

/** Counts the bytes of unfinished messages over all calls of a server, so that many callers cannot fill its memory. */
export class UnfinishedBytes {
  #count = 0

  add(bytes: number): void {
    this.#count += bytes
    if (this.#count > LIMITS.unfinishedBytesMax)
      throw new GrpcError(GRPC_STATUS.resourceExhausted, 'too many unfinished messages at once')
  }

  remove(bytes: number): void {
    this.#count -= bytes
  }
}

/** Collects the chunks of one call and hands out whole messages. Throws GrpcError on what is too large or compressed. */
export class FrameReader {
  readonly #unfinished: UnfinishedBytes
  #chunks: Buffer[] = []
  #held = 0

  constructor(unfinished: UnfinishedBytes) {
    this.#unfinished = unfinished
  }

  /** True in the middle of a message: the end of the stream here means that it was cut short. */
  get isInside(): boolean {
    return this.#held > 0
  }

  push(chunk: Buffer, deliver: (message: Buffer) => void): void {
    let rest = this.#held === 0 ? chunk : this.#join(chunk)
    if (!rest) return
    while (rest.length >= FRAME_HEADER_BYTES) {
      const end = FRAME_HEADER_BYTES + messageBytes(rest)
      if (rest.length < end) break
      deliver(rest.subarray(FRAME_HEADER_BYTES, end))
      rest = rest.subarray(end)
    }
    if (rest.length > 0) this.#hold(rest)
  }

  /** Forgets what is held; to be called when the call is over. */
  clear(): void {
    this.#unfinished.remove(this.#held)
    this.#chunks = []
    this.#held = 0
  }

  /** All held bytes with the new chunk, once they make a whole message; copied once, however many chunks it took. */
  #join(chunk: Buffer): Buffer | undefined {
    this.#hold(chunk)
    const first = this.#chunks[0] as Buffer
    const start = first.length >= FRAME_HEADER_BYTES ? first : Buffer.concat(this.#chunks.slice(0, FRAME_HEADER_BYTES))
    if (start.length < FRAME_HEADER_BYTES) return undefined
    if (this.#held < FRAME_HEADER_BYTES + messageBytes(start)) return undefined
    const joined = Buffer.concat(this.#chunks)
    this.clear()
    return joined
  }

  #hold(chunk: Buffer): void {
    if (chunk.length >= FRAME_HEADER_BYTES && this.#held === 0) messageBytes(chunk) // Refuses early what is too large.
    this.#chunks.push(chunk)
    this.#held += chunk.length
    this.#unfinished.add(chunk.length)
  }
}

function messageBytes(frame: Buffer): number {
  if (frame[0] !== 0) throw new GrpcError(GRPC_STATUS.unimplemented, 'compressed messages are not supported')
  const length = frame.readUInt32BE(1)
  if (length > LIMITS.messageBytesMax)
    throw new GrpcError(GRPC_STATUS.resourceExhausted, `a message may have at most ${LIMITS.messageBytesMax} bytes`)
  return length
}

/** Writes the header of a frame and answers where the message goes. */
export function putFrameHeader(bytes: Buffer, at: number, length: number): number {
  bytes[at] = 0
  return bytes.writeUInt32BE(length, at + 1)
}
