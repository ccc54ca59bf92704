/** Answers every read of the log from its segments: by stream and revision, by position, by event id. */
import type { AllRead, AllSlice, LogRecord, StreamHead, StreamRead } from './event-log.ts'
import { hashId, hashName } from './name-hash.ts'
import type { RecentIds } from './recent-ids.ts'
import type { RecordView } from './record-format.ts'
import type { Segment } from './segment.ts'
import { lowerBound, type StreamRun } from './segment-index.ts'
import { parseUuid } from './uuid-bytes.ts'

/** What reading needs of the log: the segments by rising position (at least one) and how far they are durable. */
export interface Readable {
  readonly segments: readonly Segment[]
  readonly durableEnd: number
  readonly seed: number
  readonly recentIds: RecentIds
  /** What the sealed segments hold of a stream, as far as it was asked for; null for nothing. Forgotten when they change. */
  readonly sealedHeads: Map<string, StreamHead | null>
}

/** Heads that are remembered at most: those of streams at work, and of the many that writers ask for and nobody has. */
const SEALED_HEADS_MAX = 16_384

/** The stream's last record; without `pending` the last durable one. */
export function readHead(log: Readable, stream: string, pending: boolean): StreamHead | undefined {
  let at = log.segments.length - 1
  for (; at >= 0; at -= 1) {
    const segment = log.segments[at] as Segment
    if (isSealed(segment)) break
    // The index of a segment that is still written finds by the name itself.
    const run = segment.index.find(stream, 0, () => true)
    const count = run ? readableCount(run, segment, pending) : 0
    if (run && count > 0) return headAt(segment, run.offsetAt(count - 1))
  }
  const known = log.sealedHeads.get(stream)
  if (known !== undefined) return known ?? undefined
  const found = findSealedHead(log, stream, at)
  if (log.sealedHeads.size >= SEALED_HEADS_MAX) log.sealedHeads.clear()
  log.sealedHeads.set(stream, found ?? null)
  return found
}

function findSealedHead(log: Readable, stream: string, last: number): StreamHead | undefined {
  const finder = new RunFinder(log, stream)
  for (let at = last; at >= 0; at -= 1) {
    const segment = log.segments[at] as Segment
    const run = finder.find(segment)
    if (run) return headAt(segment, run.offsetAt(run.count - 1))
  }
  return undefined
}

function headAt(segment: Segment, offset: number): StreamHead {
  const { revision, position, flags } = segment.recordAt(offset)
  return { revision, position, flags }
}

const isSealed = (segment: Segment) => segment.durableBytes === Number.POSITIVE_INFINITY

export function readStream(log: Readable, stream: string, read: StreamRead): LogRecord[] {
  return read.direction === 'forwards' ? readForwards(log, stream, read) : readBackwards(log, stream, read)
}

function readForwards(log: Readable, stream: string, read: StreamRead): LogRecord[] {
  const finder = new RunFinder(log, stream)
  const taken = new Taken(read)
  for (let at = firstSegmentWith(log, finder, read.from); at < log.segments.length; at += 1) {
    const segment = log.segments[at] as Segment
    const run = finder.find(segment)
    if (!run) continue
    const count = readableCount(run, segment, read.pending === true)
    for (let i = lowerBound(count, read.from, (at) => run.revisionAt(at)); i < count; i += 1) {
      taken.take(segment.recordAt(run.offsetAt(i)))
      if (taken.isFull) return taken.records
    }
  }
  return taken.records
}

function readBackwards(log: Readable, stream: string, read: StreamRead): LogRecord[] {
  const finder = new RunFinder(log, stream)
  const taken = new Taken(read)
  for (let at = log.segments.length - 1; at >= 0; at -= 1) {
    const segment = log.segments[at] as Segment
    const run = finder.find(segment)
    if (!run) continue
    const count = readableCount(run, segment, read.pending === true)
    for (let i = lowerBound(count, read.from + 1, (at) => run.revisionAt(at)) - 1; i >= 0; i -= 1) {
      taken.take(segment.recordAt(run.offsetAt(i)))
      if (taken.isFull) return taken.records
    }
  }
  return taken.records
}

/** The segment in which a revision would lie; found from the end, as most reads look at what is recent. */
function firstSegmentWith(log: Readable, finder: RunFinder, revision: number): number {
  let first = log.segments.length
  for (let at = log.segments.length - 1; at >= 0; at -= 1) {
    const run = finder.find(log.segments[at] as Segment)
    if (!run) continue
    first = at
    if (run.revisionAt(0) <= revision) break
  }
  return first
}

/** How many records of a run may be seen: in the segment being written, those already durable. */
function readableCount(run: StreamRun, segment: Segment, pending: boolean): number {
  if (pending || isSealed(segment)) return run.count
  return lowerBound(run.count, segment.durableBytes, (i) => run.offsetAt(i))
}

/** Looks a stream up in one segment after another. */
class RunFinder {
  readonly #stream: string
  readonly #hash: number

  constructor(log: Readable, stream: string) {
    this.#stream = stream
    this.#hash = hashName(stream, log.seed)
  }

  find(segment: Segment): StreamRun | undefined {
    return segment.index.find(this.#stream, this.#hash, (offset) => segment.recordAt(offset).stream === this.#stream)
  }
}

/** Gathers records until count or bytes are reached. */
class Taken {
  readonly records: LogRecord[] = []
  #bytes = 0
  readonly #limits: { readonly countMax: number; readonly bytesMax: number }

  constructor(limits: { readonly countMax: number; readonly bytesMax: number }) {
    this.#limits = limits
  }

  get isFull(): boolean {
    return this.records.length >= this.#limits.countMax || this.#bytes >= this.#limits.bytesMax
  }

  take(view: RecordView): void {
    const record = view.toRecord()
    this.records.push(record)
    this.#bytes += record.body.byteLength
  }
}

export function readAll(log: Readable, read: AllRead): AllSlice {
  const isForwards = read.direction === 'forwards'
  const taken = new Taken(read)
  let considered = 0
  let lastConsidered: number | undefined
  const cursor = new Cursor(
    log,
    isForwards ? Math.max(0, read.from) : Math.min(read.from, log.durableEnd - 1),
    isForwards,
  )
  for (; !cursor.isEnd; cursor.advance()) {
    if (considered >= read.consideredMax || taken.isFull) break
    const view = cursor.record
    considered += 1
    lastConsidered = view.position
    if (!read.matches || read.matches(view)) taken.take(view)
  }
  return { records: taken.records, considered, lastConsidered, next: cursor.position, isEnd: cursor.isEnd }
}

/** Walks over the durable records of the log in one direction. */
class Cursor {
  /** Of the record it stands on; past the last one the end, before the first one -1. */
  position: number
  isEnd = false
  readonly #log: Readable
  readonly #step: 1 | -1
  #segmentAt: number
  #i: number

  constructor(log: Readable, from: number, isForwards: boolean) {
    this.#log = log
    this.#step = isForwards ? 1 : -1
    this.#segmentAt = segmentOf(log.segments, from)
    const { index } = this.#segment
    this.#i = isForwards ? index.lowerBound(from) : index.lowerBound(from + 1) - 1
    this.position = from
    this.#settle()
  }

  get record(): RecordView {
    return this.#segment.recordAt(this.#segment.index.offsetAt(this.#i))
  }

  advance(): void {
    this.#i += this.#step
    this.#settle()
  }

  get #segment(): Segment {
    return this.#log.segments[this.#segmentAt] as Segment
  }

  /** Goes on to the next segment where this one has no more records, and notes where it stands. */
  #settle(): void {
    while (this.#i < 0 || this.#i >= this.#segment.index.count) {
      const next = this.#log.segments[this.#segmentAt + this.#step]
      if (!next) break
      this.#segmentAt += this.#step
      this.#i = this.#step > 0 ? 0 : next.index.count - 1
    }
    const { index } = this.#segment
    const isOn = this.#i >= 0 && this.#i < index.count
    const position = isOn ? index.positionAt(this.#i) : this.#log.durableEnd
    this.isEnd = position >= this.#log.durableEnd
    if (!this.isEnd) this.position = position
    else this.position = this.#step > 0 ? Math.max(this.position, this.#log.durableEnd) : -1
  }
}

/** Index of the segment that covers a position; the first or the last for what lies outside. */
export function segmentOf(segments: readonly Segment[], position: number): number {
  const after = lowerBound(segments.length, position + 1, (at) => (segments[at] as Segment).header.firstPosition)
  return Math.max(0, after - 1)
}

/** The record at a position, if it is there. */
export function recordAtPosition(segments: readonly Segment[], position: number): RecordView | undefined {
  const segment = segments[segmentOf(segments, position)] as Segment
  const i = segment.index.lowerBound(position)
  if (i >= segment.index.count || segment.index.positionAt(i) !== position) return undefined
  return segment.recordAt(segment.index.offsetAt(i))
}

/** Where an event id was last appended to a stream, among the recent ones. */
export function findRecent(log: Readable, stream: string, eventId: string) {
  const id = Buffer.alloc(16)
  parseUuid(eventId, id, 0)
  let found: RecordView | undefined
  log.recentIds.find(hashId(hashName(stream, log.seed), id, 0), (position) => {
    const record = recordAtPosition(log.segments, position)
    const isIt = record?.stream === stream && record.hasEventId(id)
    if (isIt) found = record
    return isIt
  })
  return found && { revision: found.revision, position: found.position }
}
