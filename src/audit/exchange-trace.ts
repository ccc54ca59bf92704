/** What caused what in one exchange: the events of a turn, message or request as a tree, with the time each took to come. */
import type { StoredEvent } from '../events/codec.ts'
import type { EventReader } from '../store/event-store.ts'
import { type SelectionOptions, selectEvents } from './event-selection.ts'

export interface TracedEvent {
  readonly position: string
  readonly stream: string
  readonly revision: string
  readonly type: string
  readonly eventId: string
  readonly actor: string
  readonly at: string
  /** Since the first event of the exchange. */
  readonly sinceStartMs: number
  /** Since the event that caused it; null where that is none of the exchange. */
  readonly sinceCauseMs: number | null
  readonly effects: readonly TracedEvent[]
}

/** An exchange is as large as a turn; what is longer is cut. */
const EVENTS_MAX = 10_000

/**
 * Finds the exchange that a message, turn, command or correlation id names, and orders it by cause. Reads the whole log
 * unless a stream is given. Empty when nothing has the id.
 */
export async function traceExchange(
  reader: EventReader,
  id: string,
  options: SelectionOptions & { readonly stream?: string } = {},
): Promise<readonly TracedEvent[]> {
  const { stream, ...selection } = options
  const filter = stream === undefined ? {} : { stream }
  const named = new Set([id])
  const found = new Map<string, StoredEvent>()
  // An answer names its turn, a turn its message: each round may find names that lead further, or earlier in the log.
  for (let before = -1; before !== found.size && found.size < EVENTS_MAX; ) {
    before = found.size
    for await (const event of selectEvents(reader, filter, selection)) {
      if (found.has(event.eventId) || !namesOf(event).some((name) => named.has(name))) continue
      found.set(event.eventId, event)
      for (const name of leadingNamesOf(event)) named.add(name)
      if (found.size >= EVENTS_MAX) break
    }
  }
  return treeOf([...found.values()].toSorted((one, other) => (one.position < other.position ? -1 : 1)))
}

interface Names {
  readonly $correlationId?: unknown
  readonly $causationId?: unknown
  readonly commandId?: unknown
}

function namesOf(event: StoredEvent): string[] {
  const { turnId, messageId } = dataOf(event)
  const { $correlationId, $causationId, commandId } = metadataOf(event)
  return [event.eventId, turnId, messageId, $correlationId, $causationId, commandId].filter(isText)
}

/** What an event of the exchange adds to the names that belong to it. A message's own id may be used again elsewhere. */
function leadingNamesOf(event: StoredEvent): string[] {
  return [event.eventId, dataOf(event).turnId, metadataOf(event).$correlationId].filter(isText)
}

function treeOf(events: readonly StoredEvent[]): readonly TracedEvent[] {
  const [first] = events
  if (first === undefined) return []
  const effects = new Map<StoredEvent | undefined, StoredEvent[]>()
  for (const [index, event] of events.entries()) {
    const cause = causeOf(event, events.slice(0, index))
    effects.set(cause, [...(effects.get(cause) ?? []), event])
  }
  const traced = (event: StoredEvent, cause: StoredEvent | undefined): TracedEvent => {
    const { actor } = event.metadata as { actor?: { kind?: unknown; id?: unknown } }
    return {
      ...{ position: String(event.position), stream: event.stream, revision: String(event.revision) },
      ...{ type: event.type, eventId: event.eventId, at: event.created.toISOString() },
      actor: actor === undefined ? 'unknown' : `${actor.kind} ${actor.id}`,
      sinceStartMs: event.created.getTime() - first.created.getTime(),
      sinceCauseMs: cause === undefined ? null : event.created.getTime() - cause.created.getTime(),
      effects: (effects.get(event) ?? []).map((effect) => traced(effect, event)),
    }
  }
  return (effects.get(undefined) ?? []).map((event) => traced(event, undefined))
}

/** The latest earlier event that the event names as its cause, by its id or by the id of the command that made it. */
function causeOf(event: StoredEvent, earlier: readonly StoredEvent[]): StoredEvent | undefined {
  const { $causationId, commandId } = metadataOf(event)
  return earlier.findLast(
    (cause) =>
      cause.eventId === $causationId ||
      (metadataOf(cause).commandId === $causationId && metadataOf(cause).commandId !== commandId),
  )
}

function dataOf({ data }: StoredEvent): { readonly turnId?: unknown; readonly messageId?: unknown } {
  return (data ?? {}) as object
}

function metadataOf({ metadata }: StoredEvent): Names {
  return (metadata ?? {}) as Names
}

const isText = (value: unknown): value is string => typeof value === 'string'

/** The tree as lines for people. */
export function traceLines(events: readonly TracedEvent[], indent = ''): string[] {
  return events.flatMap((event, index) => {
    const isLast = index === events.length - 1
    const since = event.sinceCauseMs === null ? '' : ` +${event.sinceCauseMs} ms`
    const line = `${indent}${indent === '' && events.length === 1 ? '' : isLast ? '└─ ' : '├─ '}${event.type}${since}`
    const details = `${event.actor}, ${event.stream}@${event.revision}, ${event.sinceStartMs} ms after the beginning`
    const below = indent === '' && events.length === 1 ? '   ' : `${indent}${isLast ? '   ' : '│  '}`
    return [`${line}  (${details})`, ...traceLines(event.effects, below)]
  })
}
