/** Streams as EventStoreDB knows them, on top of one log: every rule about writing, deleting and seeing stands here. */
import { randomUUID } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { LIMITS } from '../limits.ts'
import { decodeContent, encodeRecordedEvent, type ProposedEvent } from '../protocol/recorded-event.ts'
import { type EventLog, type LogRecord, type NewRecord, RECORD_FLAGS, type StreamHead } from '../storage/event-log.ts'
import {
  type AppendDecision,
  decideAppend,
  decideDelete,
  decideTombstone,
  type StreamState,
} from './append-decision.ts'
import type { ExpectedRevision } from './expected-revision.ts'
import {
  isMetastream,
  METADATA_TYPE,
  METASTREAM_METADATA,
  metastreamOf,
  NO_METADATA,
  parseStreamMetadata,
  type StreamMetadata,
  softDeletion,
  streamOfMetastream,
  TOMBSTONE_TYPE,
  undeletion,
} from './stream-metadata.ts'
import { WakeUps } from './wake-ups.ts'

/** What came of a write. Positions are the log's own; see POSITION_STEP for those on the wire. */
export type WriteOutcome =
  | {
      readonly kind: 'done'
      /** Of the last event written; -1 when nothing was and the stream is empty. */
      readonly revision: number
      /** Undefined for a repeated append whose event can no longer be read. */
      readonly position: number | undefined
      /** Resolves when all of it is on disk: only then may it be acknowledged. */
      readonly durable: Promise<void>
    }
  | { readonly kind: 'wrong-revision'; readonly currentRevision: number }
  | { readonly kind: 'deleted' }

/** What may be seen of a stream now. */
export type VisibleStream =
  | { readonly kind: 'deleted' }
  | { readonly kind: 'not-found' }
  /** Revisions from `first` to `last`; nothing when first is above last. */
  | { readonly kind: 'found'; readonly first: number; readonly last: number }

/** An event that the server writes by itself. */
export interface OwnWrite {
  readonly stream: string
  readonly event: ProposedEvent
}

/** Writers decide on everything decided so far, readers see what is durable. */
type View = 'pending' | 'durable'

const TOMBSTONE_REVISION = 2n ** 63n - 1n
const NO_BYTES = new Uint8Array(0)
const DONE = Promise.resolve()

export class EventStore {
  readonly log: EventLog
  readonly wakeUps: WakeUps
  readonly #now: () => number
  readonly #metadata = new LRUCache<string, { position: number; metadata: StreamMetadata }>({
    max: LIMITS.metadataCacheMax,
  })
  /** Told what was decided, at once and long before it is durable. It must not throw. */
  onDecided: ((records: readonly NewRecord[], firstPosition: number) => void) | undefined
  #lastCreatedMs: number

  constructor(log: EventLog, now: () => number = Date.now) {
    this.log = log
    this.wakeUps = new WakeUps(log)
    this.#now = now
    const [last] = log.readAll({ from: Number.MAX_SAFE_INTEGER, direction: 'backwards', ...ONE }).records
    this.#lastCreatedMs = last?.createdMs ?? 0
  }

  /** Appends events, or finds that they were appended before, or that the stream is not as expected. */
  append(stream: string, expected: ExpectedRevision, events: readonly ProposedEvent[]): WriteOutcome {
    const state = this.#state(stream)
    const decision = decideAppend(
      state,
      expected,
      events.map((event) => event.id),
      this.#lookup(stream),
    )
    if (decision.kind === 'append') return this.#write(stream, state, events)
    return decision.kind === 'duplicate' ? this.#repeat(stream, decision.lastRevision) : refused(decision, state)
  }

  /** Deletes what is there; the stream may be written again and goes on counting. */
  delete(stream: string, expected: ExpectedRevision): WriteOutcome {
    const state = this.#state(stream)
    const decision = decideDelete(state, expected)
    if (decision !== 'delete') return refused({ kind: decision }, state)
    const batch = this.#batch()
    batch.add(metastreamOf(stream), metadataEvent(softDeletion()))
    return { kind: 'done', revision: state.lastRevision, ...this.#commit(batch) }
  }

  /** Closes the stream for ever. */
  tombstone(stream: string, expected: ExpectedRevision): WriteOutcome {
    const state = this.#state(stream)
    const decision = decideTombstone(state, expected)
    if (decision !== 'delete') return refused({ kind: decision }, state)
    const batch = this.#batch()
    const event = { id: randomUUID(), type: TOMBSTONE_TYPE, isJson: false, data: NO_BYTES, metadata: NO_BYTES }
    batch.add(stream, event, RECORD_FLAGS.tombstone)
    return { kind: 'done', revision: state.lastRevision, ...this.#commit(batch) }
  }

  /** Writes the server's own events, which nobody may refuse; `isHidden` keeps them out of the reading of everything. */
  appendOwn(stream: string, events: readonly ProposedEvent[], isHidden = false): Promise<void> {
    const batch = this.#batch()
    for (const event of events) batch.add(stream, event, isHidden ? RECORD_FLAGS.hidden : 0)
    return this.#commit(batch).durable
  }

  /** Writes the server's own events to several streams, all of them or none. */
  appendOwnTogether(writes: readonly OwnWrite[]): Promise<void> {
    const batch = this.#batch()
    for (const { stream, event } of writes) batch.add(stream, event)
    return this.#commit(batch).durable
  }

  /** The settings a stream's readers and writers are held to. */
  metadata(stream: string, view: View = 'durable'): StreamMetadata {
    return isMetastream(stream)
      ? METASTREAM_METADATA
      : this.#metadataAt(stream, this.#head(metastreamOf(stream), view), view)
  }

  /** What may be seen of a stream by somebody who reads it now. */
  visible(stream: string): VisibleStream {
    if (this.#isTombstoned(stream, 'durable')) return { kind: 'deleted' }
    const head = this.log.durableHead(stream)
    if (!head) return { kind: 'not-found' }
    const metadata = this.metadata(stream)
    if (metadata.isSoftDeleted) return { kind: 'not-found' }
    const byCount = metadata.maxCount === undefined ? 0 : head.revision - metadata.maxCount + 1
    const first = Math.max(0, metadata.truncateBefore ?? 0, byCount)
    const last = head.revision
    if (metadata.maxAgeMs === undefined) return { kind: 'found', first, last }
    return { kind: 'found', first: this.#firstYoungerThan(stream, first, last, this.#now() - metadata.maxAgeMs), last }
  }

  /** One event by revision (-1 for the last), if it may be seen now. */
  visibleEvent(stream: string, revision: number): LogRecord | undefined {
    const view = this.visible(stream)
    if (view.kind !== 'found') return undefined
    const wanted = revision === -1 ? view.last : revision
    if (wanted < view.first || wanted > view.last) return undefined
    const [record] = this.log.readStream(stream, { from: wanted, direction: 'forwards', ...ONE })
    return record?.revision === wanted ? record : undefined
  }

  /** Resolves once everything up to a position of the log is durable. */
  whenDurable(position: number): Promise<void> {
    if (position < this.log.durableEnd) return DONE
    return new Promise((resolve) => {
      const stop = this.wakeUps.onAll(() => {
        if (position >= this.log.durableEnd) return
        stop()
        resolve()
      })
    })
  }

  #write(stream: string, state: StreamState, events: readonly ProposedEvent[]): WriteOutcome {
    const batch = this.#batch()
    batch.expect(stream, state.lastRevision)
    for (const event of events) batch.add(stream, event)
    const revision = state.lastRevision + events.length
    const position = this.log.nextPosition + events.length - 1
    if (state.isSoftDeleted) this.#undelete(batch, stream, state.lastRevision + 1)
    else if (isMetastream(stream) && events.length > 0)
      this.#undeleteTarget(batch, stream, events.at(-1) as ProposedEvent)
    const { durable } = batch.records.length === 0 ? { durable: this.whenDurable(position) } : this.#commit(batch)
    return { kind: 'done', revision, position: Math.max(0, position), durable }
  }

  /** Writing to a deleted stream brings it back, beginning with what is written now. */
  #undelete(batch: RecordBatch, stream: string, firstRevision: number): void {
    const current = this.#lastRecord(metastreamOf(stream), 'pending')
    batch.add(metastreamOf(stream), metadataEvent(undeletion(current && decodeContent(current.body), firstRevision)))
  }

  /** So does setting its metadata, but then there is nothing to be seen yet. */
  #undeleteTarget(batch: RecordBatch, metastream: string, latest: ProposedEvent): void {
    const target = this.#state(streamOfMetastream(metastream))
    if (!target.isSoftDeleted) return
    const content = { isJson: latest.isJson, data: Buffer.from(latest.data) }
    batch.add(metastream, metadataEvent(undeletion(content, target.lastRevision + 1)))
  }

  /** An append that was made before is answered like the first time, once that is durable. */
  #repeat(stream: string, revision: number): WriteOutcome {
    const [record] = this.log.readStream(stream, { from: revision, direction: 'forwards', pending: true, ...ONE })
    const position = record?.revision === revision ? record.position : undefined
    const durable = position === undefined ? DONE : this.whenDurable(position)
    const isReadable = position !== undefined && this.#isVisible(stream, revision)
    return { kind: 'done', revision, position: isReadable ? position : undefined, durable }
  }

  /** Like `visible`, for what may not be durable yet. */
  #isVisible(stream: string, revision: number): boolean {
    const metadata = this.metadata(stream, 'pending')
    const last = this.log.head(stream)?.revision ?? -1
    if (metadata.isSoftDeleted || revision < (metadata.truncateBefore ?? 0)) return false
    if (metadata.maxCount !== undefined && revision <= last - metadata.maxCount) return false
    if (metadata.maxAgeMs === undefined) return true
    const [record] = this.log.readStream(stream, { from: revision, direction: 'forwards', pending: true, ...ONE })
    return record !== undefined && record.createdMs >= this.#now() - metadata.maxAgeMs
  }

  #state(stream: string): StreamState {
    const head = this.log.head(stream)
    const metadataHead = this.log.head(metastreamOf(stream))
    const isMetadata = isMetastream(stream)
    return {
      lastRevision: head?.revision ?? -1,
      isTombstoned: isClosed(head) || (isMetadata && isClosed(this.log.head(streamOfMetastream(stream)))),
      isSoftDeleted: !isMetadata && this.#metadataAt(stream, metadataHead, 'pending').isSoftDeleted,
      hasMetadata: metadataHead !== undefined,
    }
  }

  #metadataAt(stream: string, head: StreamHead | undefined, view: View): StreamMetadata {
    if (!head || isClosed(head)) return NO_METADATA
    const known = this.#metadata.get(stream)
    if (known?.position === head.position) return known.metadata
    const record = this.#lastRecord(metastreamOf(stream), view)
    const metadata = record ? parseStreamMetadata(decodeContent(record.body)) : NO_METADATA
    this.#metadata.set(stream, { position: head.position, metadata })
    return metadata
  }

  /** A metadata stream ends with the stream it belongs to. */
  #isTombstoned(stream: string, view: View): boolean {
    if (isClosed(this.#head(stream, view))) return true
    return isMetastream(stream) && isClosed(this.#head(streamOfMetastream(stream), view))
  }

  #lookup(stream: string) {
    return {
      recent: (eventId: string) => this.log.findRecent(stream, eventId)?.revision,
      idsFrom: (from: number, countMax: number) =>
        this.log
          .readStream(stream, {
            from,
            direction: 'forwards',
            countMax,
            bytesMax: Number.MAX_SAFE_INTEGER,
            pending: true,
          })
          .filter((record, index) => record.revision === from + index)
          .map((record) => record.eventId),
    }
  }

  #head(stream: string, view: View) {
    return view === 'pending' ? this.log.head(stream) : this.log.durableHead(stream)
  }

  #lastRecord(stream: string, view: View): LogRecord | undefined {
    const head = this.#head(stream, view)
    if (!head) return undefined
    const read = { from: head.revision, direction: 'forwards', pending: view === 'pending', ...ONE } as const
    return this.log.readStream(stream, read)[0]
  }

  /** Times never fall along a stream, so the first event that is young enough is found by halving. */
  #firstYoungerThan(stream: string, first: number, last: number, oldestMs: number): number {
    let [low, high] = [first, last + 1]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const [record] = this.log.readStream(stream, { from: middle, direction: 'forwards', ...ONE })
      if (record && record.createdMs < oldestMs) low = record.revision + 1
      else high = middle
    }
    return low
  }

  #batch(): RecordBatch {
    this.#lastCreatedMs = Math.max(this.#lastCreatedMs, Math.floor(this.#now()))
    return new RecordBatch(this.log, this.#lastCreatedMs)
  }

  #commit(batch: RecordBatch): { position: number; durable: Promise<void> } {
    const firstPosition = this.log.nextPosition
    const durable = this.log.append(batch.records)
    durable.catch(() => {}) // Whoever acknowledges waits for it too; the log itself tells that it failed.
    this.onDecided?.(batch.records, firstPosition)
    return { position: firstPosition + batch.records.length - 1, durable }
  }
}

const ONE = { countMax: 1, bytesMax: 1, consideredMax: 1 } as const

/** Records of one transaction, placed one after the other. */
class RecordBatch {
  readonly records: NewRecord[] = []
  readonly #log: EventLog
  readonly #createdMs: number
  readonly #heads = new Map<string, number>()

  constructor(log: EventLog, createdMs: number) {
    this.#log = log
    this.#createdMs = createdMs
  }

  /** Saves looking up where a stream stands. */
  expect(stream: string, lastRevision: number): void {
    this.#heads.set(stream, lastRevision)
  }

  add(stream: string, event: ProposedEvent, flags = 0): void {
    const revision = (this.#heads.get(stream) ?? this.#log.head(stream)?.revision ?? -1) + 1
    this.#heads.set(stream, revision)
    const body = encodeRecordedEvent(event, {
      stream,
      revision: flags & RECORD_FLAGS.tombstone ? TOMBSTONE_REVISION : revision,
      position: this.#log.nextPosition + this.records.length,
      createdMs: this.#createdMs,
    })
    this.records.push({
      stream,
      revision,
      type: event.type,
      eventId: event.id,
      createdMs: this.#createdMs,
      flags,
      body,
    })
  }
}

const isClosed = (head: StreamHead | undefined) => head !== undefined && (head.flags & RECORD_FLAGS.tombstone) !== 0

function metadataEvent(data: Buffer): ProposedEvent {
  return { id: randomUUID(), type: METADATA_TYPE, isJson: true, data, metadata: NO_BYTES }
}

function refused(
  decision: Exclude<AppendDecision, { kind: 'append' | 'duplicate' }>,
  state: StreamState,
): WriteOutcome {
  return decision.kind === 'deleted' ? decision : { kind: 'wrong-revision', currentRevision: state.lastRevision }
}
