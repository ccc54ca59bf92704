/** Writes protobuf's wire format into one growing buffer. */

const INITIAL_BYTES = 256
const UINT64_NEGATIVE = 1n << 64n

/** Fields are written in the order of the calls; values equal to protobuf's default are written all the same. */
export class ProtobufWriter {
  #bytes: Buffer
  #at = 0

  constructor(expectedBytes = INITIAL_BYTES) {
    this.#bytes = Buffer.allocUnsafe(expectedBytes)
  }

  uint(field: number, value: number | bigint): this {
    this.#varint(field * 8)
    return typeof value === 'bigint' ? this.#bigVarint(value) : this.#varint(value)
  }

  /** Negative numbers take ten bytes, as protobuf wants them. */
  int(field: number, value: number): this {
    return value < 0 ? this.uint(field, UINT64_NEGATIVE + BigInt(value)) : this.uint(field, value)
  }

  bool(field: number, value: boolean): this {
    return this.uint(field, value ? 1 : 0)
  }

  string(field: number, value: string): this {
    const length = Buffer.byteLength(value)
    this.#header(field, length)
    this.#at += this.#bytes.write(value, this.#at, 'utf8')
    return this
  }

  bytes(field: number, value: Uint8Array): this {
    this.#header(field, value.byteLength)
    this.#bytes.set(value, this.#at)
    this.#at += value.byteLength
    return this
  }

  /** A nested message, written by `fill` with this same writer. */
  message(field: number, fill?: (writer: this) => void): this {
    this.#varint(field * 8 + 2)
    this.#reserve(1)
    const lengthAt = this.#at++
    fill?.(this)
    const length = this.#at - lengthAt - 1
    const more = varintBytes(length) - 1
    if (more > 0) {
      // The length takes more than the one byte left for it: the content moves up.
      this.#reserve(more)
      this.#bytes.copyWithin(lengthAt + 1 + more, lengthAt + 1, this.#at)
    }
    this.#at = lengthAt
    this.#varint(length)
    this.#at += length
    return this
  }

  /** What was written, not copied; the writer must not be used afterwards. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at)
  }

  #header(field: number, length: number): void {
    this.#varint(field * 8 + 2)
    this.#varint(length)
    this.#reserve(length)
  }

  #varint(value: number): this {
    this.#reserve(10)
    this.#at = putVarint(this.#bytes, this.#at, value)
    return this
  }

  #bigVarint(value: bigint): this {
    this.#reserve(10)
    let rest = value
    for (; rest >= 0x80n; rest >>= 7n) this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80
    this.#bytes[this.#at++] = Number(rest)
    return this
  }

  #reserve(count: number): void {
    const needed = this.#at + count
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}

/** Writes a number up to 2^53 and answers where the next byte goes. */
export function putVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value
  let next = at
  for (; rest >= 0x80_00_00_00; rest = Math.floor(rest / 128)) bytes[next++] = (rest % 128) | 0x80
  for (; rest >= 0x80; rest >>>= 7) bytes[next++] = (rest & 0x7f) | 0x80
  bytes[next++] = rest
  return next
}

/** How many bytes `putVarint` takes. */
export function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) bytes += 1
  return bytes
}
