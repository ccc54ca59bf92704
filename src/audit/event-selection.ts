/** Finds events of the record by where they stand, when they came, who did them and what they belong to. */
import type { StoredEvent } from '../events/codec.ts'
import type { LedgerReader } from '../ledger/ledger-reader.ts'
import { LEDGER_STREAM_PATTERN } from '../ledger/tree-leaf.ts'
import type { Position } from '../shared/ids.ts'
import type { EventReader } from '../store/event-store.ts'
import { readLog } from './log-reading.ts'

export interface EventFilter {
  readonly stream?: string
  /** An actor's id, or `kind:id`. */
  readonly actor?: string
  readonly type?: string
  readonly correlationId?: string
  /** Taken in by the store at this time or later. */
  readonly from?: Date
  /** Taken in before this time. */
  readonly to?: Date
  readonly after?: Position
}

type SelectionReader = Pick<EventReader, 'readStream' | 'subscribeToAll' | 'lastPosition'>

export interface SelectionOptions {
  /** Lets a search by time begin where that time begins. */
  readonly ledger?: LedgerReader
  readonly signal?: AbortSignal
  /** Told of every position that was looked at. */
  readonly onConsidered?: (position: Position) => void
}

/** In log order, drafts and the store's own streams left out; a stream that is named is read whatever it is. */
export async function* selectEvents(
  reader: SelectionReader,
  filter: EventFilter,
  options: SelectionOptions = {},
): AsyncGenerator<StoredEvent> {
  const events = filter.stream === undefined ? await logOf(reader, filter, options) : reader.readStream(filter.stream)
  for await (const event of events) {
    if (isPastEnd(event, filter)) return
    if (filter.stream !== undefined) options.onConsidered?.(event.position)
    if (isSelected(event, filter)) yield event
  }
}

/** Clocks of servers are set back now and then. */
const CLOCK_SLACK_MS = 60_000

/** Nothing after it can fit. Times of the log only grow, but for a clock that is set back: then it is looked at a little longer. */
export function isPastEnd(event: StoredEvent, { to }: Pick<EventFilter, 'to'>): boolean {
  return to !== undefined && event.created.getTime() >= to.getTime() + CLOCK_SLACK_MS
}

async function logOf(reader: SelectionReader, filter: EventFilter, options: SelectionOptions) {
  const after = (await positionBefore(filter, options.ledger)) ?? 'start'
  const { signal, onConsidered } = options
  return readLog(reader, {
    after,
    streamPattern: LEDGER_STREAM_PATTERN,
    ...(signal && { signal }),
    ...(onConsidered && { onConsidered }),
  })
}

/** A position that everything that fits comes after; undefined when nobody knows of one. */
export async function positionBefore(
  { after, from }: Pick<EventFilter, 'after' | 'from'>,
  ledger: LedgerReader | undefined,
): Promise<Position | undefined> {
  if (after !== undefined) return after
  const places = from === undefined ? undefined : await ledger?.leaves()
  if (from === undefined || places === undefined) return undefined
  try {
    const index = await places.firstSince(new Date(from.getTime() - CLOCK_SLACK_MS), await places.count())
    return index === 0 ? undefined : (await places.at(index - 1)).position
  } finally {
    await places.close()
  }
}

export function isSelected(event: StoredEvent, filter: EventFilter): boolean {
  const { actor, $correlationId } = (event.metadata ?? {}) as { actor?: unknown; $correlationId?: unknown }
  return (
    (filter.type === undefined || event.type === filter.type) &&
    (filter.after === undefined || event.position > filter.after) &&
    (filter.from === undefined || event.created >= filter.from) &&
    (filter.to === undefined || event.created < filter.to) &&
    (filter.correlationId === undefined || $correlationId === filter.correlationId) &&
    (filter.actor === undefined || isActor(actor, filter.actor))
  )
}

function isActor(actor: unknown, wanted: string): boolean {
  const { kind, id } = (actor ?? {}) as { kind?: unknown; id?: unknown }
  return id === wanted || `${kind}:${id}` === wanted
}

export interface EventPage {
  readonly events: readonly StoredEvent[]
  /** Hand it in as `after` to go on; undefined when the end of the record was reached. */
  readonly next: Position | undefined
  /** Set when the events were found by the index of events: it may know fewer than there are. */
  readonly indexed?: IndexReach
}

export interface IndexReach {
  /** Later events may not be in the index yet; -1 before the first. */
  readonly to: Position
  /** So many streams wait to be looked after, and what waits in them is not in the index. */
  readonly waitingStreams: number
  /** So many events of the whole log an operator left out of the read models for good. */
  readonly discardedEvents: number
  /** So many events that the index has on this page are no longer in the record, or are not what the index says. */
  readonly notFound: number
}

/** So many events are looked at for one page; then it is handed out as it is, with the place to go on from. */
export const CONSIDERED_EVENTS_MAX = 20_000

export async function pageOfEvents(
  reader: SelectionReader,
  filter: EventFilter,
  options: SelectionOptions & { readonly limit: number },
): Promise<EventPage> {
  const events: StoredEvent[] = []
  let considered = 0
  let last: Position | undefined
  const ending = new AbortController()
  const onConsidered = (position: Position) => {
    considered += 1
    last = position
    if (considered >= CONSIDERED_EVENTS_MAX) ending.abort()
  }
  for await (const event of selectEvents(reader, filter, { ...options, signal: ending.signal, onConsidered })) {
    events.push(event)
    if (events.length === options.limit) return { events, next: event.position }
    if (ending.signal.aborted) break
  }
  return { events, next: ending.signal.aborted ? last : undefined }
}
