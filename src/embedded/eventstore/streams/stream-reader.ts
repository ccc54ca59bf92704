/** Reads a stream or the whole log in slices small enough to stop between them. */
import { LIMITS } from '../limits.ts'
import { type Direction, type LogRecord, RECORD_FLAGS, type RecordHeader } from '../storage/event-log.ts'
import type { EventFilter } from './event-filter.ts'
import type { EventStore } from './event-store.ts'

export interface StreamRange {
  readonly stream: string
  readonly direction: Direction
  /** First revision to read; anything above the last counts as the last when going backwards. */
  readonly from: number
  /** How many events at most; Infinity for all. */
  readonly count: number
  /** What may be seen, both included. */
  readonly first: number
  readonly last: number
}

/** Yields the events of a range, slice by slice. */
export function* readStreamSlices(store: EventStore, range: StreamRange): Generator<readonly LogRecord[]> {
  const isForwards = range.direction === 'forwards'
  let left = range.count
  let from = isForwards ? Math.max(range.from, range.first) : Math.min(range.from, range.last)
  while (left > 0 && from >= range.first && from <= range.last) {
    const countMax = Math.min(left, LIMITS.sliceRecords)
    const found = store.log.readStream(range.stream, {
      from,
      direction: range.direction,
      countMax,
      bytesMax: LIMITS.sliceBytes,
    })
    const slice = found.filter(({ revision }) => revision >= range.first && revision <= range.last)
    if (slice.length === 0) return
    yield slice
    left -= slice.length
    from = (slice.at(-1) as LogRecord).revision + (isForwards ? 1 : -1)
  }
}

export interface AllRange {
  readonly direction: Direction
  /** First position to read, itself included. */
  readonly from: number
  readonly count: number
  readonly filter?: EventFilter | undefined
}

/** Yields the events of the whole log that are durable now; empty slices leave time for others in between. */
export function* readAllSlices(store: EventStore, range: AllRange): Generator<readonly LogRecord[]> {
  const end = store.log.durableEnd
  let left = range.count
  let from = range.from
  while (left > 0) {
    const slice = store.log.readAll({
      from,
      direction: range.direction,
      countMax: Math.min(left, LIMITS.sliceRecords),
      bytesMax: LIMITS.sliceBytes,
      consideredMax: LIMITS.sliceConsidered,
      matches: visibleInAll(range.filter),
    })
    const records =
      range.direction === 'forwards' ? slice.records.filter(({ position }) => position < end) : slice.records
    yield records
    left -= records.length
    from = slice.next
    if (slice.isEnd || records.length < slice.records.length) return
  }
}

/** Everything but the server's own hidden records, and of that what the filter wants. */
export function visibleInAll(filter: EventFilter | undefined): (header: RecordHeader) => boolean {
  if (!filter) return (header) => (header.flags & RECORD_FLAGS.hidden) === 0
  return (header) => (header.flags & RECORD_FLAGS.hidden) === 0 && filter(header)
}
