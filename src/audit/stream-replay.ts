/** Replays the record as it was recorded: every event in order, with who did it, when and why; nothing is left out. */
import type { Codec, StoredEvent } from '../events/codec.ts'
import { LEDGER_STREAM_PATTERN } from '../ledger/tree-leaf.ts'
import type { EventQueries } from '../projections/event-queries.ts'
import type { EventReader } from '../store/event-store.ts'
import {
  type EventFilter,
  type IndexReach,
  isSelected,
  type SelectionOptions,
  selectEvents,
} from './event-selection.ts'
import { type EventView, viewEvents } from './event-view.ts'
import { pageOfIndexedEvents } from './indexed-selection.ts'

/** Events are decoded so many at a time. */
const DECODED_AT_ONCE = 64

export interface ReplayParts {
  readonly reader: EventReader
  readonly codec: Codec
}

/** Yields every selected event; one that cannot be decoded is shown as stored, with the reason, and does not end the replay. */
export async function* replay(
  { reader, codec }: ReplayParts,
  filter: EventFilter,
  options: SelectionOptions = {},
): AsyncGenerator<EventView> {
  let batch: StoredEvent[] = []
  for await (const event of selectEvents(reader, filter, options)) {
    batch.push(event)
    if (batch.length < DECODED_AT_ONCE) continue
    yield* await viewEvents(batch, 'content', codec)
    batch = []
  }
  yield* await viewEvents(batch, 'content', codec)
}

/** As many at a time as the index is asked for. */
const INDEXED_PAGE_EVENTS = 1_000

/** The same by the index of events: at once, but only of kept conversations and of people, as far as the index goes. */
export async function* replayIndexed(
  { reader, codec, index }: ReplayParts & { readonly index: EventQueries },
  filter: EventFilter,
  options: Pick<SelectionOptions, 'ledger'> & { readonly onReach: (reach: IndexReach) => void },
): AsyncGenerator<EventView> {
  const parts = { reader, index, ...(options.ledger && { ledger: options.ledger }) }
  let rest: EventFilter | undefined = filter
  while (rest !== undefined) {
    const { events, next, indexed } = await pageOfIndexedEvents(parts, rest, INDEXED_PAGE_EVENTS)
    options.onReach(indexed)
    yield* await viewEvents(events, 'content', codec)
    rest = next === undefined ? undefined : { ...filter, after: next }
  }
}

/** The same, and then what comes, until the signal aborts. */
export async function* replayAndFollow(
  { reader, codec }: ReplayParts,
  filter: EventFilter,
  signal: AbortSignal,
): AsyncGenerator<EventView> {
  for await (const event of liveEvents(reader, filter, signal)) {
    if (isSelected(event, filter)) yield* await viewEvents([event], 'content', codec)
  }
}

async function* liveEvents(reader: EventReader, filter: EventFilter, signal: AbortSignal): AsyncGenerator<StoredEvent> {
  if (filter.stream !== undefined) {
    yield* reader.subscribeToStream(filter.stream, { signal })
    return
  }
  const all = { after: filter.after ?? 'start', streamPattern: LEDGER_STREAM_PATTERN, signal } as const
  for await (const delivery of reader.subscribeToAll(all)) if (delivery.kind === 'event') yield delivery.event
}

const DETAIL_CHARACTERS_MAX = 120

/** One line for people: revision, time, actor, type, and the beginning of what it says. */
export function replayLine(event: EventView): string {
  const { occurredAt, actor } = event.metadata as { occurredAt?: string; actor?: { kind: string; id: string } }
  const who = actor === undefined ? 'unknown' : `${actor.kind} ${actor.id}`
  const erased = event.erased === undefined ? [] : [`(erased: ${event.erased.join(', ')})`]
  const says = [event.fault ?? detailOf(event), ...erased].filter((part) => part !== '').join(' ')
  return [event.revision.padStart(4), occurredAt ?? event.created, event.type.padEnd(20), who.padEnd(16), says]
    .join('  ')
    .trimEnd()
}

function detailOf({ data }: EventView): string {
  const { text, partialText, title, code, agent, intent, method, confidence } = data as Record<string, unknown>
  const words = [
    intent === undefined
      ? undefined
      : `${intent} → ${agent ?? ''} (${method}, ${Math.round(Number(confidence) * 100)} %)`,
    code,
    title,
    text ?? partialText,
  ]
  return oneLine(words.filter((word) => word !== undefined).join(' '))
}

/** Control characters would let a message's text move the cursor of an auditor's terminal, bidirectional ones reorder the line. */
export function oneLine(text: string): string {
  const plain = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]+/gu, ' ')
  return plain.length > DETAIL_CHARACTERS_MAX ? `${plain.slice(0, DETAIL_CHARACTERS_MAX - 1)}…` : plain
}
