/** What a group reads, piece by piece and in order: one stream, or everything through a filter. */
import { LIMITS } from '../limits.ts'
import { POSITION_STEP } from '../protocol/recorded-event.ts'
import type { LogRecord } from '../storage/event-log.ts'
import { createEventFilter, type EventFilter } from '../streams/event-filter.ts'
import type { EventStore } from '../streams/event-store.ts'
import { metastreamOf } from '../streams/stream-metadata.ts'
import { ALL } from '../streams/stream-names.ts'
import { visibleInAll } from '../streams/stream-reader.ts'
import type { GroupDefinition } from './group-settings.ts'

export interface SourceSlice {
  readonly records: readonly LogRecord[]
  /** How many records were looked at. */
  readonly considered: number
  /** The last place looked at; undefined when there was nothing. */
  readonly lastPlace: number | undefined
  /** Nothing more for now. */
  readonly isEnd: boolean
}

/** Places are what checkpoints count in: revisions of a stream, or positions of the log. */
export interface EventSource {
  /** Reads on from where it is. 'deleted' when the stream has ended for ever and the rest cannot be seen. */
  read(countMax: number): SourceSlice | 'deleted'
  placeOf(record: LogRecord): number
  /** A place as it is shown and written down. */
  format(place: number): string
  /** The opposite of `format`; undefined for what is no place. */
  parse(text: string): number | undefined
  /** The last place it knows of an event for the group; undefined before it has read one. */
  readonly lastKnown: number | undefined
  /** True when it has come to the end and keeps up with what is written. */
  readonly isLive: boolean
  /** Goes on behind a place that is done. */
  continueAfter(place: number): void
  onMore(wake: () => void): () => void
}

/** A source that stands where the group begins. Throws UnusableFilter. */
export function openSource(store: EventStore, definition: GroupDefinition): EventSource {
  if (definition.stream !== ALL) return new StreamSource(store, definition)
  return new AllSource(store, definition.beginsAt, definition.filter && createEventFilter(definition.filter))
}

const NOTHING: SourceSlice = { records: [], considered: 0, lastPlace: undefined, isEnd: true }

class StreamSource implements EventSource {
  readonly #store: EventStore
  readonly #stream: string
  readonly #liveBufferSize: number
  #next: number
  #isLive = false
  #hasRead = false

  constructor(store: EventStore, { stream, beginsAt, settings }: GroupDefinition) {
    this.#store = store
    this.#stream = stream
    this.#next = beginsAt
    this.#liveBufferSize = settings.liveBufferSize
  }

  get isLive(): boolean {
    return this.#isLive
  }

  get lastKnown(): number | undefined {
    return this.#hasRead ? this.#lastRevision : undefined
  }

  /** History is what may be seen; a reader that keeps up is told of everything, as a live one has it before it is hidden. */
  read(countMax: number): SourceSlice | 'deleted' {
    const last = this.#lastRevision
    if (this.#next > last) {
      this.#isLive = true
      return NOTHING
    }
    if (last - this.#next >= Math.max(0, this.#liveBufferSize)) this.#isLive = false
    if (!this.#isLive) {
      const visible = this.#store.visible(this.#stream)
      if (visible.kind === 'deleted') return 'deleted'
      if (visible.kind === 'not-found') return NOTHING
      this.#next = Math.max(this.#next, visible.first)
    }
    const read = { from: this.#next, direction: 'forwards', countMax, bytesMax: LIMITS.sliceBytes } as const
    const records = this.#store.log.readStream(this.#stream, read)
    this.#next = (records.at(-1)?.revision ?? last) + 1
    this.#hasRead ||= records.length > 0
    return { records, considered: records.length, lastPlace: records.at(-1)?.revision, isEnd: records.length === 0 }
  }

  get #lastRevision(): number {
    return this.#store.log.durableHead(this.#stream)?.revision ?? -1
  }

  placeOf(record: LogRecord): number {
    return record.revision
  }

  format(place: number): string {
    return String(place)
  }

  parse(text: string): number | undefined {
    return /^\d+$/.test(text) ? Number(text) : undefined
  }

  continueAfter(place: number): void {
    this.#next = place + 1
  }

  onMore(wake: () => void): () => void {
    const { wakeUps } = this.#store
    const stops = [wakeUps.onStream(this.#stream, wake), wakeUps.onStream(metastreamOf(this.#stream), wake)]
    return () => {
      for (const stop of stops) stop()
    }
  }
}

class AllSource implements EventSource {
  readonly #store: EventStore
  readonly #matches: ReturnType<typeof visibleInAll>
  #next: number
  #isLive = false
  #lastKnown: number | undefined

  constructor(store: EventStore, beginsAt: number, filter: EventFilter | undefined) {
    this.#store = store
    this.#matches = visibleInAll(filter)
    this.#next = beginsAt
  }

  get isLive(): boolean {
    return this.#isLive
  }

  get lastKnown(): number | undefined {
    return this.#lastKnown
  }

  read(countMax: number): SourceSlice {
    const slice = this.#store.log.readAll({
      from: this.#next,
      direction: 'forwards',
      countMax,
      bytesMax: LIMITS.sliceBytes,
      consideredMax: LIMITS.sliceConsidered,
      matches: this.#matches,
    })
    this.#next = slice.next
    this.#isLive = slice.isEnd
    this.#lastKnown = slice.records.at(-1)?.position ?? this.#lastKnown
    return { records: slice.records, considered: slice.considered, lastPlace: slice.lastConsidered, isEnd: slice.isEnd }
  }

  placeOf(record: LogRecord): number {
    return record.position
  }

  format(place: number): string {
    const position = place * POSITION_STEP
    return `C:${position}/P:${position}`
  }

  parse(text: string): number | undefined {
    const [, commit] = /^C:(\d+)\/P:\d+$/.exec(text) ?? []
    return commit === undefined ? undefined : Math.floor(Number(commit) / POSITION_STEP)
  }

  continueAfter(place: number): void {
    this.#next = place + 1
  }

  onMore(wake: () => void): () => void {
    return this.#store.wakeUps.onAll(wake)
  }
}
