/** How one record lies in a segment file: found again, checked and read field by field without touching its body. */
import { crc32 } from 'node:zlib'
import type { LogRecord, NewRecord, RecordHeader } from './event-log.ts'
import { hashId } from './name-hash.ts'
import { formatUuid, parseUuid } from './uuid-bytes.ts'

// A frame, all numbers little-endian:
//
//    0 magic     4 checksum    8 length      (of the whole frame; the checksum covers everything from here on)
//   12 kind     13 flags      14 stream bytes    16 type bytes    18 zero    20 how many follow in the transaction
//   24 position (64 bits)     32 revision        40 created, ms   48 event id
//   64 stream, type, body
//
// The checksum begins with the segment's own random salt: bytes of another file, or of a frame that somebody stored
// as an event's data, are never taken for a frame of this one.
export const FRAME_MAGIC = 0x4c_42_4d_45
export const FRAME_HEADER_BYTES = 64
const NAME_BYTES_MAX = 0xff_ff

// A mark is the short frame with which every group commit begins:
//
//    0 magic     4 checksum    8 length (40)    12 kind    16 zero    24 position of the next record    32 its own offset
//
// It is written only after everything before it was synced, so a valid mark **proves** that what lies before it was
// once whole. That tells corruption (a mark follows the bad place: refuse) from a torn tail (none does: cut).
export const MARK_BYTES = 40

export const KIND_EVENT = 1
export const KIND_MARK = 2

const WORD = 2 ** 32

export function readU64(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + 4) * WORD + bytes.readUInt32LE(at)
}

export function writeU64(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32LE(value % WORD, at)
  bytes.writeUInt32LE(Math.floor(value / WORD), at + 4)
}

/** The most bytes that `writeEvent` may need. */
export function eventBytesMax(record: NewRecord): number {
  return FRAME_HEADER_BYTES + 3 * (record.stream.length + record.type.length) + record.body.byteLength
}

export interface EventPlace {
  readonly position: number
  /** How many records of the same transaction come after this one; 0 for the last. */
  readonly following: number
  readonly salt: number
}

/** Throws on a record that cannot be written: before anything of its transaction is. */
export function assertWritable({ stream, type, eventId }: NewRecord): void {
  for (const name of [stream, type]) {
    if (name.length * 3 > NAME_BYTES_MAX && Buffer.byteLength(name) > NAME_BYTES_MAX) {
      throw new Error(`a name has more than ${NAME_BYTES_MAX} bytes`)
    }
  }
  parseUuid(eventId, scratch, 0)
}

const scratch = new Uint8Array(16)

/** Writes the frame of a record that is writable; answers its length. */
export function writeEvent(into: Buffer, at: number, record: NewRecord, place: EventPlace): number {
  const streamBytes = into.write(record.stream, at + FRAME_HEADER_BYTES)
  const typeAt = at + FRAME_HEADER_BYTES + streamBytes
  const typeBytes = into.write(record.type, typeAt)
  into.set(record.body, typeAt + typeBytes)
  const length = FRAME_HEADER_BYTES + streamBytes + typeBytes + record.body.byteLength
  into.writeUInt32LE(KIND_EVENT | (record.flags << 8), at + 12)
  into.writeUInt16LE(streamBytes, at + 14)
  into.writeUInt32LE(typeBytes, at + 16)
  into.writeUInt32LE(place.following, at + 20)
  writeU64(into, place.position, at + 24)
  writeU64(into, record.revision, at + 32)
  writeU64(into, record.createdMs, at + 40)
  parseUuid(record.eventId, into, at + 48)
  sealFrame(into, at, length, place.salt)
  return length
}

/** The mark that stands at `offset` of the segment with that salt, when `position` is the next record's. */
export function encodeMark(offset: number, position: number, salt: number): Buffer {
  const mark = Buffer.alloc(MARK_BYTES)
  mark.writeUInt32LE(KIND_MARK, 12)
  writeU64(mark, position, 24)
  writeU64(mark, offset, 32)
  sealFrame(mark, 0, MARK_BYTES, salt)
  return mark
}

/** Writes length, checksum and magic of a frame whose other bytes stand. */
function sealFrame(bytes: Buffer, at: number, length: number, salt: number): void {
  bytes.writeUInt32LE(length, at + 8)
  bytes.writeUInt32LE(checksum(bytes, at, length, salt), at + 4)
  bytes.writeUInt32LE(FRAME_MAGIC, at)
}

function checksum(bytes: Buffer, at: number, length: number, salt: number): number {
  return crc32(bytes.subarray(at + 8, at + length), salt)
}

/** Where a frame lies: its first byte in some memory. Good until that memory changes. */
export interface Frame {
  readonly bytes: Buffer
  readonly at: number
}

export const markOffset = ({ bytes, at }: Frame) => readU64(bytes, at + 32)
export const framePosition = ({ bytes, at }: Frame) => readU64(bytes, at + 24)
export const frameLength = ({ bytes, at }: Frame) => bytes.readUInt32LE(at + 8)
export const frameKind = ({ bytes, at }: Frame) => bytes.readUInt8(at + 12)
export const frameFollowing = ({ bytes, at }: Frame) => bytes.readUInt32LE(at + 20)

/** Whether the frame is what was written. Its length must have been looked at before. */
export function isWhole({ bytes, at }: Frame, salt: number): boolean {
  return checksum(bytes, at, bytes.readUInt32LE(at + 8), salt) === bytes.readUInt32LE(at + 4)
}

/** A record seen in the memory where it lies: names are decoded only when somebody asks. Good until that memory changes. */
export class RecordView implements RecordHeader {
  readonly position: number
  readonly #bytes: Buffer
  readonly #at: number
  #stream: string | undefined
  #type: string | undefined

  /** Names that are known need not be decoded. */
  constructor({ bytes, at }: Frame, names?: { readonly stream: string; readonly type: string }) {
    this.#bytes = bytes
    this.#at = at
    this.position = readU64(bytes, at + 24)
    this.#stream = names?.stream
    this.#type = names?.type
  }

  get length(): number {
    return this.#bytes.readUInt32LE(this.#at + 8)
  }

  get revision(): number {
    return readU64(this.#bytes, this.#at + 32)
  }

  get createdMs(): number {
    return readU64(this.#bytes, this.#at + 40)
  }

  get flags(): number {
    return this.#bytes.readUInt8(this.#at + 13)
  }

  get stream(): string {
    this.#stream ??= this.#bytes.toString('utf8', this.#at + FRAME_HEADER_BYTES, this.#typeAt)
    return this.#stream
  }

  get type(): string {
    this.#type ??= this.#bytes.toString('utf8', this.#typeAt, this.#bodyAt)
    return this.#type
  }

  get eventId(): string {
    return formatUuid(this.#bytes, this.#at + 48)
  }

  /** A hash of the event id in its stream, given the stream's. */
  idHash(streamHash: number): number {
    return hashId(streamHash, this.#bytes, this.#at + 48)
  }

  hasEventId(id: Buffer): boolean {
    return this.#bytes.compare(id, 0, 16, this.#at + 48, this.#at + 64) === 0
  }

  /** The whole record, its body copied, so that it may be kept for as long as one likes. */
  toRecord(): LogRecord {
    const body = Buffer.allocUnsafe(this.#at + this.length - this.#bodyAt)
    this.#bytes.copy(body, 0, this.#bodyAt, this.#at + this.length)
    return {
      stream: this.stream,
      revision: this.revision,
      type: this.type,
      eventId: this.eventId,
      createdMs: this.createdMs,
      flags: this.flags,
      body,
      position: this.position,
    }
  }

  /** A copy of the frame for another segment, where it stands for itself: its transaction was complete long ago. */
  toFrame(salt: number): Buffer {
    const frame = Buffer.from(this.#bytes.subarray(this.#at, this.#at + this.length))
    frame.writeUInt32LE(0, 20)
    sealFrame(frame, 0, frame.byteLength, salt)
    return frame
  }

  get #typeAt(): number {
    return this.#at + FRAME_HEADER_BYTES + this.#bytes.readUInt16LE(this.#at + 14)
  }

  get #bodyAt(): number {
    return this.#typeAt + this.#bytes.readUInt16LE(this.#at + 16)
  }
}
