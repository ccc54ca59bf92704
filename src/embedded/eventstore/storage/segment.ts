/** What reading needs of a segment, whether it is still being written or sealed long ago. */
import type { CachedFile } from './block-cache.ts'
import { RecordView } from './record-format.ts'
import type { SegmentHeader } from './segment-header.ts'
import { lowerBound, type SegmentIndex } from './segment-index.ts'
import { frameAt } from './segment-scan.ts'
import { StorageFault } from './storage-fault.ts'

export interface Segment {
  readonly header: SegmentHeader
  /** One past the highest position it covers. */
  readonly endPosition: number
  readonly index: SegmentIndex
  /** Records below this offset of the file are durable. */
  readonly durableBytes: number
  /** Bytes on disk. */
  readonly bytes: number
  /** The record at an offset that an index gave. Throws `log-damaged` when it is no longer what was written. */
  recordAt(offset: number): RecordView
  close(): void
}

/** Reads a record from a segment's file, checked. */
export function readRecord(file: CachedFile, name: string, segment: Segment, offset: number): RecordView {
  const frame = frameAt(file, offset, segment.header.salt)
  if (typeof frame !== 'string') return new RecordView(frame)
  const { index } = segment
  const i = lowerBound(index.count, offset, (at) => index.offsetAt(at))
  const position = i < index.count ? index.positionAt(i) : 'unknown'
  throw new StorageFault('log-damaged', { file: name, offset, position, reason: frame })
}
