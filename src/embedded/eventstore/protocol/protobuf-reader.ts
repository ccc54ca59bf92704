/** Reads protobuf's wire format field by field, without copying and without trusting a single length. */

/** The bytes are not what their schema says. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage'
}

const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const
const VARINT_BYTES_MAX = 10

/**
 * Walks over the fields of one message: `while (reader.next()) switch (reader.field) …`. A field that is not asked for
 * is skipped by the next `next()`. Every method throws MalformedMessage on bytes that do not fit.
 */
export class ProtobufReader {
  field = 0
  readonly #bytes: Buffer
  readonly #end: number
  #at: number
  #wire = 0
  #isPending = false

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  /** Steps to the next field; false at the end of the message. */
  next(): boolean {
    if (this.#isPending) this.#skip()
    if (this.#at >= this.#end) return false
    const tag = this.#varint()
    this.field = Math.floor(tag / 8)
    this.#wire = tag % 8
    if (this.field === 0) throw new MalformedMessage('field number 0')
    this.#isPending = true
    return true
  }

  /** An unsigned number up to 2^53. */
  number(): number {
    this.#take(WIRE.varint)
    const value = this.#varint()
    if (!Number.isSafeInteger(value)) throw new MalformedMessage('number out of range')
    return value
  }

  /** A 32-bit number that may be negative. */
  int32(): number {
    return Number(BigInt.asIntN(32, this.uint64()))
  }

  uint64(): bigint {
    this.#take(WIRE.varint)
    const start = this.#at
    const value = this.#varint()
    if (Number.isSafeInteger(value)) return BigInt(value)
    this.#at = start
    return this.#bigVarint()
  }

  int64(): bigint {
    return BigInt.asIntN(64, this.uint64())
  }

  bool(): boolean {
    return this.uint64() !== 0n
  }

  /** The field's bytes, not copied. */
  bytes(): Buffer {
    const end = this.#lengthDelimited()
    const found = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return found
  }

  string(): string {
    const end = this.#lengthDelimited()
    const found = this.#bytes.toString('utf8', this.#at, end)
    this.#at = end
    return found
  }

  message(): ProtobufReader {
    const end = this.#lengthDelimited()
    const reader = new ProtobufReader(this.#bytes, this.#at, end)
    this.#at = end
    return reader
  }

  #take(wire: number): void {
    if (this.#wire !== wire) throw new MalformedMessage(`field ${this.field} has wire type ${this.#wire}`)
    this.#isPending = false
  }

  #lengthDelimited(): number {
    this.#take(WIRE.bytes)
    const end = this.#varint() + this.#at
    if (!(end <= this.#end)) throw new MalformedMessage(`field ${this.field} reaches beyond its message`)
    return end
  }

  #skip(): void {
    this.#isPending = false
    if (this.#wire === WIRE.varint) this.#varint()
    else if (this.#wire === WIRE.fixed64) this.#at += 8
    else if (this.#wire === WIRE.fixed32) this.#at += 4
    else if (this.#wire === WIRE.bytes) this.#at = this.#varint() + this.#at
    else throw new MalformedMessage(`wire type ${this.#wire}`)
    if (!(this.#at <= this.#end)) throw new MalformedMessage(`field ${this.field} reaches beyond its message`)
  }

  /** Exact up to 2^53; above it only roughly right, which callers either refuse or read again as a bigint. */
  #varint(): number {
    let value = 0
    let scale = 1
    for (let count = 0; count < VARINT_BYTES_MAX; count += 1) {
      if (this.#at >= this.#end) throw new MalformedMessage('truncated number')
      const byte = this.#bytes[this.#at++] as number
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
    throw new MalformedMessage('number too long')
  }

  #bigVarint(): bigint {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#bytes[this.#at++] as number
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
  }
}
