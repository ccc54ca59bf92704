/** An event log that lives in memory alone: gone with the process, otherwise like the durable one. */
import {
  type AllRead,
  type AllSlice,
  type CompactionOptions,
  type CompactionResult,
  type EventLog,
  LOG_LIMITS,
  type LogRecord,
  type LogStats,
  type NewRecord,
  type StreamHead,
  type StreamRead,
} from './event-log.ts'

/** Records between two looks at the clock of other work while compacting. */
const COMPACTION_PORTION = 10_000

export interface MemoryLogOptions {
  /** How long a group waits before it counts as durable: by default the next turn of the event loop. */
  readonly commit?: () => Promise<void>
}

/** Opens an empty log in memory. Appends become durable in groups, a turn of the event loop later, as on a disk. */
export function openMemoryLog(options: MemoryLogOptions = {}): EventLog {
  return new MemoryLog(options.commit ?? nextTurn)
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))

class MemoryLog implements EventLog {
  readonly failed: Promise<Error>
  readonly #commit: () => Promise<void>
  /** Every record by position; compaction leaves holes. */
  readonly #records: (LogRecord | undefined)[] = []
  /** Positions of each stream's records, rising. */
  readonly #streams = new Map<string, number[]>()
  readonly #recent = new RecentIds()
  readonly #listeners = new Set<(records: readonly LogRecord[]) => void>()
  #durableEnd = 0
  #pendingBytes = 0
  #bytes = 0
  #dropped = 0
  #commits = 0
  #isClosed = false
  #error: Error | undefined
  #fail: (error: Error) => void = () => {}
  #nextGroup: Promise<void> | undefined
  #lastGroup: Promise<void> = Promise.resolve()

  constructor(commit: () => Promise<void>) {
    this.#commit = commit
    this.failed = new Promise((resolve) => {
      this.#fail = resolve
    })
  }

  get nextPosition(): number {
    return this.#records.length
  }

  get durableEnd(): number {
    return this.#durableEnd
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  append(records: readonly NewRecord[]): Promise<void> {
    this.#assertOpen()
    if (this.#error) return Promise.reject(this.#error)
    this.#assertFitting(records)
    for (const record of records) this.#add(record)
    // One group gathers all appends of this turn; it starts when the group before it is durable.
    this.#nextGroup ??= this.#startGroup()
    return this.#nextGroup
  }

  head(stream: string): StreamHead | undefined {
    const position = this.#streams.get(stream)?.at(-1)
    return position === undefined ? undefined : this.#headAt(position)
  }

  durableHead(stream: string): StreamHead | undefined {
    const position = this.#streams.get(stream)?.findLast((position) => position < this.#durableEnd)
    return position === undefined ? undefined : this.#headAt(position)
  }

  readStream(stream: string, read: StreamRead): readonly LogRecord[] {
    this.#assertOpen()
    const positions = this.#streams.get(stream) ?? []
    const step = read.direction === 'forwards' ? 1 : -1
    const end = read.pending ? this.#records.length : this.#durableEnd
    const found: LogRecord[] = []
    let bytes = 0
    for (let at = this.#start(positions, read); at >= 0 && at < positions.length; at += step) {
      const position = positions[at] as number
      if (position >= end) {
        if (step > 0) break
        continue
      }
      const record = this.#records[position] as LogRecord
      found.push(record)
      bytes += record.body.byteLength
      if (found.length >= read.countMax || bytes >= read.bytesMax) break
    }
    return found
  }

  readAll(read: AllRead): AllSlice {
    this.#assertOpen()
    const step = read.direction === 'forwards' ? 1 : -1
    const records: LogRecord[] = []
    let bytes = 0
    let considered = 0
    let lastConsidered: number | undefined
    let at = step > 0 ? Math.max(0, read.from) : Math.min(read.from, this.#durableEnd - 1)
    for (; at >= 0 && at < this.#durableEnd; at += step) {
      const record = this.#records[at]
      if (!record) continue
      if (considered >= read.consideredMax || records.length >= read.countMax || bytes >= read.bytesMax) break
      considered += 1
      lastConsidered = at
      if (read.matches && !read.matches(record)) continue
      records.push(record)
      bytes += record.body.byteLength
    }
    return { records, considered, lastConsidered, next: at, isEnd: at < 0 || at >= this.#durableEnd }
  }

  findRecent(stream: string, eventId: string): { revision: number; position: number } | undefined {
    return this.#recent.find(stream, eventId)
  }

  onDurable(listener: (records: readonly LogRecord[]) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async compact(options: CompactionOptions): Promise<CompactionResult> {
    this.#assertOpen()
    const total = this.#durableEnd
    const result = { dropped: 0, bytesFreed: 0 }
    const changed = new Set<string>()
    for (let at = 0; at < total; at += 1) {
      if (at > 0 && at % COMPACTION_PORTION === 0) {
        options.onProgress?.({ done: at, total, ...result })
        await nextTurn()
        if (options.signal?.aborted || this.#isClosed) break
      }
      const record = this.#records[at]
      if (!record || !options.mayDrop(record)) continue
      this.#records[at] = undefined
      changed.add(record.stream)
      result.dropped += 1
      result.bytesFreed += record.body.byteLength
    }
    for (const stream of changed) {
      const kept = this.#streams.get(stream)?.filter((position) => this.#records[position]) ?? []
      this.#streams.set(stream, kept)
    }
    this.#dropped += result.dropped
    this.#bytes -= result.bytesFreed
    options.onProgress?.({ done: total, total, ...result })
    return { ...result, isComplete: !options.signal?.aborted }
  }

  stats(): LogStats {
    return {
      records: this.#durableEnd - this.#dropped,
      streams: this.#streams.size,
      bytes: this.#bytes,
      segments: 0,
      commits: this.#commits,
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#lastGroup.catch(() => {})
  }

  #add(record: NewRecord): void {
    const position = this.#records.length
    this.#records.push({ ...record, position })
    const positions = this.#streams.get(record.stream)
    if (positions) positions.push(position)
    else this.#streams.set(record.stream, [position])
    this.#recent.add(record.stream, record.eventId, record.revision, position)
    this.#pendingBytes += record.body.byteLength
    this.#bytes += record.body.byteLength
  }

  #startGroup(): Promise<void> {
    const group = this.#lastGroup.then(async () => {
      await this.#commit()
      this.#nextGroup = undefined // What is appended from here on belongs to the next group.
      this.#makeDurable(this.#records.length)
    })
    this.#lastGroup = group
    group.catch((error: Error) => {
      this.#error ??= error
      this.#fail(error)
    })
    return group
  }

  #makeDurable(end: number): void {
    const records = this.#records.slice(this.#durableEnd, end) as LogRecord[]
    for (const record of records) this.#pendingBytes -= record.body.byteLength
    this.#durableEnd = end
    this.#commits += 1
    for (const listener of this.#listeners) listener(records)
  }

  #headAt(position: number): StreamHead {
    const record = this.#records[position] as LogRecord
    return { revision: record.revision, position, flags: record.flags }
  }

  /** Index into a stream's positions where a read begins; by halving, as compaction may have left gaps. */
  #start(positions: readonly number[], read: StreamRead): number {
    let low = 0
    let high = positions.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const revision = (this.#records[positions[middle] as number] as LogRecord).revision
      if (revision < read.from) low = middle + 1
      else high = middle
    }
    if (read.direction === 'forwards') return low
    const isExact = low < positions.length && this.#records[positions[low] as number]?.revision === read.from
    return isExact ? low : low - 1
  }

  #assertFitting(records: readonly NewRecord[]): void {
    if (records.length === 0) throw new Error('an append needs at least one record')
    const heads = new Map<string, number>()
    for (const { stream, revision, body } of records) {
      const last = heads.get(stream) ?? this.head(stream)?.revision ?? -1
      if (revision !== last + 1) throw new Error(`revision ${revision} of ${stream} does not follow ${last}`)
      if (body.byteLength > LOG_LIMITS.bodyBytesMax) throw new Error(`a record of ${stream} is too large`)
      heads.set(stream, revision)
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new Error('the event log is closed')
  }
}

/** The last event ids of the log in two halves: when the newer is full, the older is forgotten as a whole. */
class RecentIds {
  #newer = new Map<string, { revision: number; position: number }>()
  #older = new Map<string, { revision: number; position: number }>()

  add(stream: string, eventId: string, revision: number, position: number): void {
    if (this.#newer.size >= LOG_LIMITS.recentIdsMax) {
      this.#older = this.#newer
      this.#newer = new Map()
    }
    this.#newer.set(`${eventId}${stream}`, { revision, position })
  }

  find(stream: string, eventId: string): { revision: number; position: number } | undefined {
    const key = `${eventId}${stream}`
    return this.#newer.get(key) ?? this.#older.get(key)
  }
}
