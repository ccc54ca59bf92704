/** Replays a stream as it was recorded: every event in order, with who did it, when and why; nothing is left out. */
import type { Codec, RecordedEvent, StoredEvent } from '../events/codec.ts'
import { isFault } from '../shared/failures.ts'
import type { EventReader } from '../store/event-store.ts'

export interface ReplayedEvent {
  readonly stream: string
  readonly revision: string
  readonly position: string
  readonly eventId: string
  readonly type: string
  /** When the store took it in. */
  readonly created: string
  readonly data: unknown
  readonly metadata: unknown
  /** Why the event cannot be read by this version, with the data shown as it is stored. */
  readonly fault?: string
}

/** Yields every event of the stream; one that cannot be decoded is shown as stored, with the reason, and does not end the replay. */
export async function* replayStream(reader: EventReader, codec: Codec, stream: string): AsyncGenerator<ReplayedEvent> {
  for await (const stored of reader.readStream(stream)) yield await replayed(stored, codec)
}

async function replayed(stored: StoredEvent, codec: Codec): Promise<ReplayedEvent> {
  const decoded = await tryDecode(stored, codec)
  const isReadable = typeof decoded !== 'string'
  return {
    stream: stored.stream,
    revision: String(stored.revision),
    position: String(stored.position),
    eventId: stored.eventId,
    type: stored.type,
    created: stored.created.toISOString(),
    data: isReadable ? decoded.data : stored.data,
    metadata: isReadable ? decoded.envelope : stored.metadata,
    ...(isReadable ? {} : { fault: decoded }),
  }
}

async function tryDecode(stored: StoredEvent, codec: Codec): Promise<RecordedEvent | string> {
  try {
    return await codec.decode(stored)
  } catch (error) {
    if (isFault(error)) return error.message
    throw error
  }
}

const DETAIL_CHARACTERS_MAX = 120

/** One line for people: revision, time, actor, type, and the beginning of what it says. */
export function replayLine(event: ReplayedEvent): string {
  const { occurredAt, actor } = event.metadata as { occurredAt?: string; actor?: { kind: string; id: string } }
  const who = actor === undefined ? 'unknown' : `${actor.kind} ${actor.id}`
  const says = event.fault ?? detailOf(event)
  return [event.revision.padStart(4), occurredAt ?? event.created, event.type.padEnd(20), who.padEnd(16), says]
    .join('  ')
    .trimEnd()
}

function detailOf({ data }: ReplayedEvent): string {
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
function oneLine(text: string): string {
  const plain = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]+/gu, ' ')
  return plain.length > DETAIL_CHARACTERS_MAX ? `${plain.slice(0, DETAIL_CHARACTERS_MAX - 1)}…` : plain
}
