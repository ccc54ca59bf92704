/** How one record lies in a segment file: found again, checked and read field by field without touching its body. */
import { crc32 } from 'node:zlib'
import type { LogRecord, NewRecord, RecordHeader } from './event-log.ts'
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
export function sealFrame(bytes: Buffer, at: number, length: number, salt: number): void {
  bytes.writeUInt32LE(length, at + 8)
  bytes.writeUInt32LE(checksum(bytes, at, length, salt), at + 4)
  bytes.writeUInt32LE(FRAME_MAGIC, at)
}

export function checksum(bytes: Buffer, at: number, length: number, salt: number): number {
  return crc32(bytes.subarray(at + 8, at + length), salt)
}

export const markOffset = (mark: Buffer) => readU64(mark, 32)
export const framePosition = (frame: Buffer) => readU64(frame, 24)
export const frameLength = (frame: Buffer) => frame.readUInt32LE(8)
export const frameKind = (frame: Buffer) => frame.readUInt8(12)
export const setFollowing = (frame: Buffer, following: number) => frame.writeUInt32LE(following, 20)
export const frameFollowing = (frame: Buffer) => frame.readUInt32LE(20)

/** A record seen in the bytes where it lies: names are decoded only when somebody asks. Good until those bytes change. */
export class RecordView implements RecordHeader {
  readonly frame: Buffer
  readonly position: number
  #stream: string | undefined
  #type: string | undefined

  /** `frame` is the record's whole frame; names that are known need not be decoded. */
  constructor(frame: Buffer, names?: { readonly stream: string; readonly type: string }) {
    this.frame = frame
    this.position = framePosition(frame)
    this.#stream = names?.stream
    this.#type = names?.type
  }

  get length(): number {
    return frameLength(this.frame)
  }

  get revision(): number {
    return readU64(this.frame, 32)
  }

  get createdMs(): number {
    return readU64(this.frame, 40)
  }

  get flags(): number {
    return this.frame.readUInt8(13)
  }

  get stream(): string {
    this.#stream ??= this.frame.toString('utf8', FRAME_HEADER_BYTES, this.#typeAt)
    return this.#stream
  }

  get type(): string {
    this.#type ??= this.frame.toString('utf8', this.#typeAt, this.#bodyAt)
    return this.#type
  }

  get eventId(): string {
    return formatUuid(this.frame, 48)
  }

  get bodyBytes(): number {
    return this.length - this.#bodyAt
  }

  /** The whole record, its body copied, so that it may be kept for as long as one likes. */
  toRecord(): LogRecord {
    return {
      stream: this.stream,
      revision: this.revision,
      type: this.type,
      eventId: this.eventId,
      createdMs: this.createdMs,
      flags: this.flags,
      body: Buffer.from(this.frame.subarray(this.#bodyAt, this.length)),
      position: this.position,
    }
  }

  get #typeAt(): number {
    return FRAME_HEADER_BYTES + this.frame.readUInt16LE(14)
  }

  get #bodyAt(): number {
    return this.#typeAt + this.frame.readUInt16LE(16)
  }
}
