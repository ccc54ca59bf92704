/** What the app needs of an event store: ports, in the words of the design. The adapter is eventstoredb-store.ts. */
import type { EncodedEvent, StoredEvent } from '../events/codec.ts'
import type { Position, Revision } from '../shared/ids.ts'

export type ExpectedRevision = Revision | 'no-stream' | 'any'

export type AppendResult =
  | { readonly kind: 'appended'; readonly revision: Revision; readonly position: Position }
  /** Somebody else wrote first; read the tail and decide again. */
  | { readonly kind: 'conflict' }

export interface StreamRange {
  /** 0 when left out. */
  readonly from?: Revision
  /** So many events at most. */
  readonly limit?: number
  readonly signal?: AbortSignal
}

/** Reads the record and cannot write it: what auditors are handed. */
export interface EventReader {
  /** Reads a stream in pages, ascending. A stream that does not exist yields nothing. */
  readonly readStream: (stream: string, options?: StreamRange) => AsyncIterable<StoredEvent>
  /** Reads the last events of a stream, newest first. */
  readonly readStreamBackwards: (stream: string, limit: number) => Promise<readonly StoredEvent[]>
  /** Follows the whole log after `after`, history first, then live, until the signal aborts. Ends by throwing `store-unavailable`
   * when the connection is lost; the caller resumes from what it has handled. */
  readonly subscribeToAll: (options: AllSubscription) => AsyncIterable<Delivery>
  /** Follows one stream from its start, history first, then live, until the signal aborts. */
  readonly subscribeToStream: (stream: string, options: { readonly signal: AbortSignal }) => AsyncIterable<StoredEvent>
  /** The position of the last event of the log; undefined when the log is empty. */
  readonly lastPosition: () => Promise<Position | undefined>
}

/** Leaves the way to write behind: not only the type, the object itself has no `append`. */
export function readerOf(store: EventStore): EventReader {
  const { readStream, readStreamBackwards, subscribeToAll, subscribeToStream, lastPosition } = store
  return { readStream, readStreamBackwards, subscribeToAll, subscribeToStream, lastPosition }
}

export interface AllSubscription {
  readonly after: Position | 'start' | 'end'
  /** Only streams whose name begins with one of these, or matches the pattern, filtered by the server. */
  readonly streamPrefixes?: readonly string[]
  /** A regular expression that needs no look-ahead: servers differ in what they understand. */
  readonly streamPattern?: string
  readonly signal: AbortSignal
}

export type Delivery =
  | { readonly kind: 'event'; readonly event: StoredEvent }
  /** Everything up to here was considered by the server's filter. */
  | { readonly kind: 'checkpoint'; readonly position: Position }
  | { readonly kind: 'caught-up' }

export interface EventStore extends EventReader {
  /** Appends atomically; durable when it resolves. Throws `store-unavailable` when the store cannot be reached in time. */
  readonly append: (
    stream: string,
    events: readonly EncodedEvent[],
    expected: ExpectedRevision,
  ) => Promise<AppendResult>
  /** Lets the events of a stream age out. Setting it again changes nothing. */
  readonly setStreamMaxAge: (stream: string, maxAgeS: number) => Promise<void>
  /** Keeps the newest events of a stream only. Setting it again changes nothing. */
  readonly setStreamMaxCount: (stream: string, maxCount: number) => Promise<void>
  /** Lets go of all events of a stream for good; the next scavenge removes them from disk. Deleting it again, or nothing, changes nothing. */
  readonly deleteStream: (stream: string) => Promise<void>
  readonly close: () => Promise<void>
}

/** Work shared between any number of consumers: each event is delivered until one of them acknowledges it. */
export interface WorkQueue {
  /** Delivers events to `handle`, at most `concurrency` at a time, until the signal aborts and the running ones have ended.
   * A resolved `handle` acknowledges; a rejected one is retried by the store, in the end parked. */
  readonly consume: (options: {
    readonly group: string
    readonly eventTypes: readonly string[]
    readonly concurrency: number
    readonly signal: AbortSignal
    readonly handle: (event: StoredEvent) => Promise<void>
  }) => Promise<void>
}
