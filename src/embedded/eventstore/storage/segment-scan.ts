/** Reads a segment frame by frame, and tells a write that a crash cut short from damage to what was once durable. */
import type { CachedFile } from './block-cache.ts'
import {
  encodeMark,
  FRAME_HEADER_BYTES,
  FRAME_MAGIC,
  type Frame,
  frameFollowing,
  frameKind,
  frameLength,
  framePosition,
  isWhole,
  KIND_EVENT,
  KIND_MARK,
  MARK_BYTES,
  markOffset,
  RecordView,
} from './record-format.ts'
import { HEADER_BYTES, type SegmentHeader } from './segment-header.ts'

export interface SegmentScan {
  /** Where the last whole transaction ends. */
  readonly end: number
  /** Position after it. */
  readonly endPosition: number
  /** True when the segment ends with a mark: nothing can have been cut off it unnoticed. */
  readonly isMarked: boolean
  /** What stands behind `end`, if it is not what belongs there. */
  readonly broken: BrokenPlace | undefined
}

export interface BrokenPlace {
  readonly offset: number
  /** Position of the record that should stand there. */
  readonly position: number
  readonly reason: string
  /** True when a later mark proves that this place was whole once: damage, not a torn tail. */
  readonly wasDurable: boolean
}

type Found = (record: RecordView, offset: number) => void

/** Goes through all frames of a segment file up to `file.end`, and calls `found` for each record of a whole transaction. */
export function scanSegment(file: CachedFile, header: SegmentHeader, found: Found): SegmentScan {
  const scan = new Scan(header)
  let reason: string | undefined
  while (scan.at < file.end && reason === undefined) {
    const frame = frameAt(file, scan.at, header.salt)
    reason = typeof frame === 'string' ? frame : scan.take(frame)
    const offsets = scan.completed()
    // The records of a larger transaction are read again: views do not last that long.
    if (offsets.length === 1) found(new RecordView(frame as Frame), offsets[0] as number)
    else for (const offset of offsets) found(new RecordView(frameAt(file, offset, header.salt) as Frame), offset)
  }
  if (reason === undefined && scan.following > 0) reason = INCOMPLETE
  const { end, position } = scan
  if (reason === undefined) return { end, endPosition: position, isMarked: scan.isMarked, broken: undefined }
  const broken = { offset: scan.at, position, reason, wasDurable: hasMarkFrom(file, scan.at, header.salt) }
  return { end, endPosition: position - scan.transaction.length, isMarked: false, broken }
}

const NONE: number[] = []
const INCOMPLETE = 'a transaction is not complete'

/** Where a scan stands, frame by frame. */
class Scan {
  at = HEADER_BYTES
  end = HEADER_BYTES
  isMarked = false
  /** Of the next record. */
  position: number
  /** How many records of the open transaction are still to come. */
  following = 0
  /** Offsets of the records of the open transaction. */
  transaction: number[] = []
  readonly #isDense: boolean

  constructor(header: SegmentHeader) {
    this.position = header.firstPosition
    this.#isDense = header.rewrite === 0
  }

  /** Takes the next frame, or answers why it does not belong there. */
  take(frame: Frame): string | undefined {
    const isMark = frameKind(frame) === KIND_MARK
    const reason = isMark ? this.#wrongMark(frame) : this.#wrongRecord(frame)
    if (reason !== undefined) return reason
    if (!isMark) this.#add(frame)
    this.isMarked = isMark
    this.at += frameLength(frame)
    return undefined
  }

  /** The offsets of the transaction that the last frame completed; none if it did not. */
  completed(): number[] {
    if (this.following > 0 || this.transaction.length === 0) return NONE
    const offsets = this.transaction
    this.transaction = []
    this.end = this.at
    return offsets
  }

  #add(frame: Frame): void {
    this.following = frameFollowing(frame)
    this.position = framePosition(frame) + 1
    this.transaction.push(this.at)
  }

  #wrongMark(mark: Frame): string | undefined {
    if (this.following > 0) return INCOMPLETE
    if (markOffset(mark) !== this.at) return 'a mark is out of its place'
    const position = framePosition(mark)
    return this.#isDense && position !== this.position ? `a mark names position ${position}` : undefined
  }

  #wrongRecord(frame: Frame): string | undefined {
    const position = framePosition(frame)
    const isNext = this.#isDense ? position === this.position : position >= this.position
    if (!isNext) return `a record names position ${position}`
    const isInOrder = this.following === 0 || frameFollowing(frame) === this.following - 1
    return isInOrder ? undefined : 'a transaction is not in order'
  }
}

/** The whole frame at an offset, or why there is none. */
export function frameAt(file: CachedFile, at: number, salt: number): Frame | string {
  const header = file.span(at, MARK_BYTES)
  if (!header) return CUT_SHORT
  if (header.bytes.readUInt32LE(header.at) !== FRAME_MAGIC) return 'no record begins here'
  const length = frameLength(header)
  const kind = frameKind(header)
  const isKnown = kind === KIND_EVENT ? length >= FRAME_HEADER_BYTES : kind === KIND_MARK && length === MARK_BYTES
  if (!isKnown) return 'the record has an impossible length or kind'
  const frame = file.span(at, length)
  if (!frame) return CUT_SHORT
  return isWhole(frame, salt) ? frame : 'the checksum does not fit'
}

const CUT_SHORT = 'the file ends within a record'

const SEARCH_BYTES = 1024 * 1024

/** True when a valid mark stands anywhere at or after `from`. */
function hasMarkFrom(file: CachedFile, from: number, salt: number): boolean {
  const magic = encodeMark(0, 0, salt).subarray(0, 4)
  for (let start = from; start + MARK_BYTES <= file.end; start += SEARCH_BYTES) {
    const bytes = file.copy(start, SEARCH_BYTES + MARK_BYTES)
    for (
      let at = bytes.indexOf(magic);
      at >= 0 && at + MARK_BYTES <= bytes.byteLength;
      at = bytes.indexOf(magic, at + 1)
    ) {
      if (isMark({ bytes, at }, start + at, salt)) return true
    }
  }
  return false
}

function isMark(mark: Frame, offset: number, salt: number): boolean {
  const isShaped = frameKind(mark) === KIND_MARK && frameLength(mark) === MARK_BYTES && markOffset(mark) === offset
  return isShaped && isWhole(mark, salt)
}
