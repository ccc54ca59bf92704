/** What the event store asks of its storage: one log of records in one order, decided at once, readable once durable. */

/**
 * A record as the server hands it over. The log stores it as it is and understands none of it but the named fields.
 *
 * - `position` counts records in the whole log from 0; the first new record has `EventLog.nextPosition`, the next one
 *   more. Positions are never given out twice and survive compaction. They are plain integers (safe up to 2^53).
 * - `revision` counts in the stream from 0 and is exactly one more than the stream's last one (pending ones included).
 * - `body` is the encoded protobuf `RecordedEvent`, position and revision already in it; a read copies these bytes out.
 */
export interface NewRecord {
  readonly stream: string
  readonly revision: number
  readonly type: string
  /** Canonical lower-case UUID with hyphens. */
  readonly eventId: string
  /** Milliseconds since the Unix epoch, an integer. Never decreases along the log. */
  readonly createdMs: number
  /** One byte whose meaning is the server's (see `RECORD_FLAGS`); kept and given back. */
  readonly flags: number
  readonly body: Uint8Array
}

/** A record as it is read back. `body` and `eventId` may be getters that copy late: a filter looks at neither. */
export interface LogRecord extends NewRecord {
  readonly position: number
}

/** The fields a filter, a compaction or an index needs: reading them must not touch the body. */
export type RecordHeader = Omit<LogRecord, 'body' | 'eventId'>

/** Bits of `flags`. The log does not look at them; they stand here because they are part of the permanent format. */
export const RECORD_FLAGS = {
  /** The stream ends here for ever. */
  tombstone: 1,
  /** Read in its stream, but not part of the reading of the whole log. */
  hidden: 2,
} as const

export type Direction = 'forwards' | 'backwards'

/** Where a stream stands. */
export interface StreamHead {
  /** Revision of its last record. */
  readonly revision: number
  readonly position: number
  readonly flags: number
}

export interface StreamRead {
  /** First revision to look at, in either direction (backwards: the highest). Forwards beyond the last one: nothing; backwards: from the last. */
  readonly from: number
  readonly direction: Direction
  /** At least 1. At most so many records. */
  readonly countMax: number
  /** Stops after the record with which the bodies together reach this; the first record always comes. */
  readonly bytesMax: number
  /** Also sees what is decided but not yet durable: for deciding, never for answering a reader. */
  readonly pending?: boolean
}

export interface AllRead {
  /** First position to look at, in either direction, itself included. */
  readonly from: number
  readonly direction: Direction
  /** At least 1. At most so many records that match. */
  readonly countMax: number
  readonly bytesMax: number
  /** At least 1. Looks at no more than this many records, matching or not. */
  readonly consideredMax: number
  /** Decides by header whether a record is wanted; without it every one is. Bodies of others are never read. */
  readonly matches?: (header: RecordHeader) => boolean
}

export interface AllSlice {
  /** In the order of reading. */
  readonly records: readonly LogRecord[]
  /** How many records were looked at. */
  readonly considered: number
  /** Position of the last record looked at, matching or not; undefined when there was none. */
  readonly lastConsidered: number | undefined
  /** Where to go on. Forwards it may equal `durableEnd`; backwards -1 means that the beginning was reached. */
  readonly next: number
  /** True when there was nothing further to look at in this direction. */
  readonly isEnd: boolean
}

export interface LogStats {
  /** Records that can be read (compaction takes some away, positions go on). */
  readonly records: number
  readonly streams: number
  /** Bytes on disk, or in memory for a log without a disk. */
  readonly bytes: number
  /** Files of the log; 0 without a disk. */
  readonly segments: number
  /** Group commits (write and sync) since it was opened. */
  readonly commits: number
}

export interface CompactionOptions {
  /**
   * True for a record that may go. The caller never lets a stream's last record go, so every stream keeps its head.
   * Called once for each durable record that existed when the compaction began, in order of position.
   */
  readonly mayDrop: (header: RecordHeader) => boolean
  /** Told after each portion of work. */
  readonly onProgress?: (progress: { done: number; total: number; dropped: number; bytesFreed: number }) => void
  /** Ends the compaction early; what is done so far stays valid. */
  readonly signal?: AbortSignal
}

export interface CompactionResult {
  readonly dropped: number
  readonly bytesFreed: number
  /** False when the signal ended it. */
  readonly isComplete: boolean
}

/**
 * One log. **Deciding is synchronous**: within one turn of the event loop a caller may look (`head`, `readStream` with
 * `pending`, `findRecent`), encode with `nextPosition` and `append`, and nobody comes in between. Only becoming durable
 * takes time. All reads are synchronous too and are meant to be small (the callers bound count and bytes).
 *
 * After compaction revisions and positions have gaps: reads skip over what is gone and never invent a record.
 */
export interface EventLog {
  /** Position of the next record appended, pending ones counted. */
  readonly nextPosition: number

  /** One more than the position of the last durable record: readers see everything below, nothing above. */
  readonly durableEnd: number

  /** Bytes decided but not yet durable, so that a server can slow its writers down. */
  readonly pendingBytes: number

  /** Resolves with the cause when the log can no longer be written (disk full, I/O error); never on a plain close. */
  readonly failed: Promise<Error>

  /**
   * Adds the records as one transaction: after a crash all of them are there or none. Positions, revisions and heads
   * move on at once; the promise resolves when everything is durable (synced), in the order of the calls, and readers see the
   * records from that moment. A rejection means that the whole log failed: nothing of it was acknowledged, and no
   * later append succeeds. Throws at once on a revision or order that does not fit (a bug of the caller), or when closed.
   * At least one record; all of a call may belong to several streams.
   */
  append(records: readonly NewRecord[]): Promise<void>

  /** The stream's head, pending records included: what a writer decides on. */
  head(stream: string): StreamHead | undefined

  /** The stream's last durable record: what a reader may know. */
  durableHead(stream: string): StreamHead | undefined

  readStream(stream: string, read: StreamRead): readonly LogRecord[]

  /** Reads durable records of the whole log. */
  readAll(read: AllRead): AllSlice

  /**
   * Where an event id was last appended to this stream, if among the most recent records of the whole log (pending ones
   * included; `recentIdsMax` of them, kept over restarts). For idempotency without an exact revision.
   */
  findRecent(stream: string, eventId: string): { readonly revision: number; readonly position: number } | undefined

  /**
   * Tells after each commit which records became durable, in order, after `durableEnd` has moved and before the
   * promises of their appends resolve. Answers how to stop listening. A listener must not throw and should only take notes.
   */
  onDurable(listener: (records: readonly LogRecord[]) => void): () => void

  /** Drops what may be dropped, while reads and appends go on. One at a time. Crash-safe. */
  compact(options: CompactionOptions): Promise<CompactionResult>

  stats(): LogStats

  /** Waits for what is pending, then releases files and the directory. Reads and appends fail afterwards. Repeatable. */
  close(): Promise<void>
}

/** A log on disk, as `openDurableLog({ directory, … })` of durable-log.ts gives it. */
export interface DurableEventLog extends EventLog {
  readonly directory: string
  /** Copies a consistent state (everything durable at the start) into an empty or missing directory while work goes on. */
  backup(directory: string): Promise<{ readonly records: number; readonly bytes: number }>
}

/** Limits every implementation keeps. */
export const LOG_LIMITS = {
  recentIdsMax: 1_000_000,
  /** A record's body; the server's own limits lie far below. */
  bodyBytesMax: 32 * 1024 * 1024,
} as const
