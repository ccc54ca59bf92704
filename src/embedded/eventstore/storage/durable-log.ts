/** The event log on disk: an append is acknowledged only after it would survive a loss of power. */
import path from 'node:path'
import {
  type AllRead,
  type AllSlice,
  type CompactionOptions,
  type CompactionResult,
  type DurableEventLog,
  LOG_LIMITS,
  type LogRecord,
  type LogStats,
  type NewRecord,
  type StreamHead,
  type StreamRead,
} from './event-log.ts'
import { diskFiles, type FileLayer } from './file-layer.ts'
import { type Group, GroupCommit } from './group-commit.ts'
import { IndexDamage } from './index-file.ts'
import { backupSegments } from './log-backup.ts'
import { compactSegments } from './log-compaction.ts'
import { createTailFile, type OpenedLog, openSegments, tailAfter } from './log-opening.ts'
import { findRecent, type Readable, readAll, readHead, readStream } from './log-reader.ts'
import { RecentIds } from './recent-ids.ts'
import { assertWritable, MARK_BYTES } from './record-format.ts'
import { SealedSegment, type SegmentPlace } from './sealed-segment.ts'
import type { Segment } from './segment.ts'
import { isStorageFault, StorageFault } from './storage-fault.ts'
import type { TailSegment } from './tail-segment.ts'

export interface DurableLogOptions {
  /** Made when missing. One process at a time: a second one is refused with `directory-in-use`. */
  readonly directory: string
  /** False leaves out syncing: faster, and lost when the power is. For measuring only. */
  readonly isSynced?: boolean
  /** A segment is sealed when it has so many bytes … */
  readonly segmentBytesMax?: number
  /** … or so many records, which bounds what the index of the last one takes in memory. */
  readonly segmentRecordsMax?: number
  /** Blocks of files that stay in memory for reading. */
  readonly cacheBytesMax?: number
  /** So much of the sealed segments, the newest first, is checked byte by byte at the opening. */
  readonly checkedBytesMax?: number
  readonly files?: FileLayer
}

export const DURABLE_LOG_LIMITS = {
  segmentBytesMax: 64 * 1024 * 1024,
  segmentRecordsMax: 65_536,
  cacheBytesMax: 16 * 1024 * 1024,
  checkedBytesMax: 256 * 1024 * 1024,
  /** Appends beyond this throw `log-overloaded`; a server slows its writers down long before. */
  pendingBytesMax: 256 * 1024 * 1024,
} as const

/** How long the log rests before it notes at its end that all of it is synced. */
const IDLE_MARK_MS = 200

/**
 * Opens the log in a directory, or begins one. What a crash cut short at the very end is cut off; anything else that is
 * not as it was written stops the opening with `log-damaged`, which names file, offset and position. Other faults:
 * `directory-in-use`, `directory-not-a-log`, `data-directory-unusable`.
 */
export async function openDurableLog(options: DurableLogOptions): Promise<DurableEventLog> {
  const files = options.files ?? diskFiles
  const directory = path.resolve(options.directory)
  let release = () => {}
  try {
    files.makeDirectory(directory)
    release = files.hold(directory)
    const limits = limitsOf(options)
    const opened = await openSegments({ ...limits, directory, files })
    const log = new DurableLog(opened, { ...options, ...limits, directory }, release)
    await log.begin()
    return log
  } catch (cause) {
    release()
    throw isStorageFault(cause) ? cause : new StorageFault('data-directory-unusable', { directory }, { cause })
  }
}

type Limits = Required<Pick<DurableLogOptions, keyof typeof DURABLE_LOG_LIMITS & keyof DurableLogOptions>>

function limitsOf(options: DurableLogOptions): Limits {
  return {
    segmentBytesMax: options.segmentBytesMax ?? DURABLE_LOG_LIMITS.segmentBytesMax,
    segmentRecordsMax: options.segmentRecordsMax ?? DURABLE_LOG_LIMITS.segmentRecordsMax,
    cacheBytesMax: options.cacheBytesMax ?? DURABLE_LOG_LIMITS.cacheBytesMax,
    checkedBytesMax: options.checkedBytesMax ?? DURABLE_LOG_LIMITS.checkedBytesMax,
  }
}

class DurableLog implements DurableEventLog, Readable {
  readonly directory: string
  readonly seed: number
  readonly recentIds: RecentIds
  readonly segments: Segment[]
  readonly sealedHeads = new Map<string, StreamHead | null>()
  durableEnd: number
  readonly #limits: Limits
  readonly #release: () => void
  readonly #place: SegmentPlace
  readonly #commits: GroupCommit
  readonly #listeners = new Set<(records: readonly LogRecord[]) => void>()
  #idleTimer: NodeJS.Timeout | undefined
  #tail: TailSegment
  /** Bytes of the tail up to which its end is marked. */
  #markedBytes = 0
  /** Index files are written one after the other, behind the back of everybody else. */
  #sealing: Promise<void> = Promise.resolve()
  /** Compactions and backups, which must not run into one another. */
  #chores: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | undefined
  readonly #closed = new AbortController()

  constructor(opened: OpenedLog, options: DurableLogOptions & Limits, release: () => void) {
    this.directory = options.directory
    this.seed = opened.place.seed
    this.segments = [...opened.sealed, opened.tail]
    this.durableEnd = opened.tail.endPosition
    this.recentIds = new RecentIds(opened.tail.endPosition)
    this.#tail = opened.tail
    this.#limits = options
    this.#release = release
    this.#place = opened.place
    this.#commits = new GroupCommit({
      start: (tail) => this.#startTail(tail),
      onDurable: (group) => this.#becomeDurable(group),
      isSynced: options.isSynced ?? true,
      directory: options.directory,
    })
  }

  /** Takes up what is kept in memory of the records already there. */
  async begin(): Promise<void> {
    if (!this.#tail.file) await createTailFile(this.#tail, this.#place)
    const oldest = this.durableEnd - LOG_LIMITS.recentIdsMax
    for (const { index, endPosition } of this.segments) {
      if (endPosition <= oldest) continue
      for (let i = index.lowerBound(oldest); i < index.count; i += 1) {
        this.recentIds.add(index.positionAt(i), index.idHashAt(i))
      }
    }
    for (const segment of this.segments) if (segment instanceof SealedSegment) this.#saveIndex(segment)
    await this.#sealing
    this.#idleTimer = setInterval(() => this.#markWhenIdle(), IDLE_MARK_MS).unref()
  }

  get nextPosition(): number {
    return this.#tail.endPosition
  }

  get pendingBytes(): number {
    return this.#commits.pendingBytes
  }

  get failed(): Promise<Error> {
    return this.#commits.failed
  }

  append(records: readonly NewRecord[]): Promise<void> {
    this.#assertOpen()
    if (this.#commits.error) return Promise.reject(this.#commits.error)
    this.#assertFitting(records)
    this.#rollWhenFull()
    const group = this.#commits.join(this.#tail)
    for (const [i, record] of records.entries()) {
      const view = this.#tail.add(record, records.length - 1 - i)
      const { index } = this.#tail
      this.recentIds.add(view.position, index.idHashAt(index.count - 1))
      group.records.push({ ...record, position: view.position })
      group.bytes += record.body.byteLength
      this.#commits.pendingBytes += record.body.byteLength
    }
    return group.done.promise
  }

  head(stream: string): StreamHead | undefined {
    return this.#mending(() => readHead(this, stream, true))
  }

  durableHead(stream: string): StreamHead | undefined {
    return this.#mending(() => readHead(this, stream, false))
  }

  readStream(stream: string, read: StreamRead): readonly LogRecord[] {
    this.#assertOpen()
    return this.#mending(() => readStream(this, stream, read))
  }

  readAll(read: AllRead): AllSlice {
    this.#assertOpen()
    return this.#mending(() => readAll(this, read))
  }

  findRecent(stream: string, eventId: string): { revision: number; position: number } | undefined {
    return this.#mending(() => findRecent(this, stream, eventId))
  }

  onDurable(listener: (records: readonly LogRecord[]) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  compact(options: CompactionOptions): Promise<CompactionResult> {
    return this.#alone(async () => {
      // Only sealed segments are rewritten: what was written until now is sealed first.
      if (this.#tail.index.count > 0) await this.#roll().done.promise
      await this.#sealing
      const segments = this.segments.filter((segment) => segment instanceof SealedSegment)
      const replace = (old: readonly SealedSegment[], next: SealedSegment) => {
        this.segments.splice(this.segments.indexOf(old[0] as SealedSegment), old.length, next)
        this.sealedHeads.clear()
      }
      const signal = options.signal ? AbortSignal.any([options.signal, this.#closed.signal]) : this.#closed.signal
      return compactSegments({ ...this.#limits, ...options, signal, log: this, segments, place: this.#place, replace })
    })
  }

  backup(directory: string): Promise<{ records: number; bytes: number }> {
    return this.#alone(() => {
      const { segments, durableEnd } = this
      const checkpoint = () => this.#assertOpen()
      return backupSegments({ segments: [...segments], durableEnd, place: this.#place, checkpoint }, directory)
    })
  }

  stats(): LogStats {
    const sum = (of: (segment: Segment) => number) => this.segments.reduce((total, segment) => total + of(segment), 0)
    return {
      records: sum(({ index }) => index.count) - (this.nextPosition - this.durableEnd),
      streams: this.#tail.header.streamsBefore + this.#tail.index.streamsBegun,
      bytes: sum(({ bytes }) => bytes),
      segments: this.segments.length,
      commits: this.#commits.commits,
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    clearInterval(this.#idleTimer)
    this.#closed.abort()
    await this.#chores
    await this.#commits.settled()
    await this.#sealing
    try {
      if (!this.#commits.error) await this.#mark(this.#tail, true)
    } finally {
      for (const segment of this.segments) segment.close()
      this.#release()
    }
  }

  #becomeDurable(group: Group): void {
    if (group.records.length === 0) return
    this.durableEnd = (group.records.at(-1) as LogRecord).position + 1
    for (const listener of this.#listeners) listener(group.records)
  }

  /** Runs a chore when the one before it has ended. */
  #alone<T>(chore: () => Promise<T>): Promise<T> {
    this.#assertOpen()
    if (this.#commits.error) return Promise.reject(this.#commits.error)
    const done = this.#chores.then(chore)
    this.#chores = done.catch(() => {})
    return done
  }

  /** Goes on in a new segment when the last one is full. Its file comes with its first group. */
  #rollWhenFull(): void {
    const { segmentBytesMax, segmentRecordsMax } = this.#limits
    if (this.#tail.end >= segmentBytesMax || this.#tail.index.count >= segmentRecordsMax) this.#roll()
  }

  #roll(): Group {
    this.#tail = tailAfter(this.#tail, this.#tail.header.storeId, this.#place)
    this.segments.push(this.#tail)
    return this.#commits.join(this.#tail)
  }

  /** Seals the segment before this one, and makes this one's file. */
  async #startTail(tail: TailSegment): Promise<void> {
    const at = this.segments.indexOf(tail) - 1
    const previous = this.segments[at] as TailSegment
    await this.#mark(previous, true)
    await createTailFile(tail, this.#place)
    const file = previous.file as NonNullable<typeof previous.file>
    const parts = { header: previous.header, file, bytes: previous.end + MARK_BYTES, index: previous.index }
    const sealed = new SealedSegment(parts, this.#place)
    this.segments[at] = sealed
    this.sealedHeads.clear()
    this.#saveIndex(sealed)
  }

  #saveIndex(segment: SealedSegment): void {
    // An index that cannot be written stays in memory, and is tried again at the next opening.
    this.#sealing = this.#sealing.then(() => segment.saveIndex()).catch(() => {})
  }

  /** A log at rest says so at its end, so that later damage to its last records is not taken for a torn write. */
  #markWhenIdle(): void {
    if (!this.#commits.isIdle || this.#commits.error || this.#markedBytes === this.#tail.end) return
    // Without a sync: should it get lost, nothing is. A group that begins meanwhile writes the very same bytes there.
    this.#mark(this.#tail, false).catch(() => {})
  }

  async #mark(tail: TailSegment, isSynced: boolean): Promise<void> {
    const { end, file } = tail
    await file?.write([tail.closingMark()], end)
    if (isSynced) await file?.sync()
    if (tail === this.#tail) this.#markedBytes = end
  }

  /** An index page that has gone bad is no loss: the segment itself tells where its records lie. */
  #mending<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof IndexDamage)) throw error
      const damaged = this.segments.find((segment) => segment.index === error.index)
      if (!(damaged instanceof SealedSegment)) throw error
      damaged.mend()
      this.#saveIndex(damaged)
      return this.#mending(read)
    }
  }

  #assertFitting(records: readonly NewRecord[]): void {
    if (records.length === 0) throw new Error('an append needs at least one record')
    if (this.pendingBytes > DURABLE_LOG_LIMITS.pendingBytesMax) throw new StorageFault('log-overloaded')
    const heads = new Map<string, number>()
    for (const record of records) {
      const { stream, revision, body } = record
      assertWritable(record)
      const last = heads.get(stream) ?? this.head(stream)?.revision ?? -1
      if (revision !== last + 1) throw new Error(`revision ${revision} of ${stream} does not follow ${last}`)
      if (body.byteLength > LOG_LIMITS.bodyBytesMax) throw new Error(`a record of ${stream} is too large`)
      heads.set(stream, revision)
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new StorageFault('log-closed', { directory: this.directory })
  }
}
