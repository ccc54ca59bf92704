/** Reads what a turn needs to know of its conversation from the record: the question, and what was said before it. */
import type { Codec, RecordedEvent, StoredEvent } from '../events/codec.ts'
import type { Intent } from '../events/conversation-events.ts'
import { createConversationFold } from '../routing/conversation-fold.ts'
import type { PastMessage } from '../routing/routing-decision.ts'
import { isFault } from '../shared/failures.ts'
import type { EventReader } from '../store/event-store.ts'

/** Read at once from a conversation's end; only an older question costs a reading of the whole stream. */
const RECENT_EVENTS_MAX = 400

export interface AskedTurn {
  readonly turnId: string
  readonly messageId: string
  readonly question: string
  /** What the answer is to be about, when the person chose it. */
  readonly chosenIntent?: Intent
  /** The event that asked for this answer. */
  readonly askedBy: { readonly eventId: string; readonly ownerId: string; readonly correlationId: string }
  /** The chain of messages that leads to the question, oldest first, without it. */
  readonly history: readonly PastMessage[]
}

/** What the event that asks tells by itself: everything, of a message that follows on no other; otherwise undefined. */
export function askedTurnOf(asking: RecordedEvent): AskedTurn | undefined {
  if (asking.type !== 'MessageSent' || asking.data.parentMessageId !== undefined) return undefined
  return askedTurnIn([asking], asking.data.turnId)
}

/** Undefined when the stream has no such turn. */
export async function readAskedTurn(
  reader: EventReader,
  codec: Codec,
  stream: string,
  turnId: string,
): Promise<AskedTurn | undefined> {
  const recent = (await reader.readStreamBackwards(stream, RECENT_EVENTS_MAX)).toReversed()
  const found = askedTurnIn(await decodeAll(codec, recent), turnId)
  if (found !== undefined || recent.length < RECENT_EVENTS_MAX) return found
  const all: StoredEvent[] = []
  for await (const event of reader.readStream(stream)) all.push(event)
  return askedTurnIn(await decodeAll(codec, all), turnId)
}

/** Throws the fault of the first event that cannot be decoded. */
async function decodeAll(codec: Codec, stored: readonly StoredEvent[]): Promise<RecordedEvent[]> {
  return (await codec.decodeAll(stored)).map((event) => {
    if (isFault(event)) throw event
    return event
  })
}

function askedTurnIn(events: readonly RecordedEvent[], turnId: string): AskedTurn | undefined {
  const conversation = createConversationFold()
  for (const event of events) conversation.apply(event)
  const asked = conversation.asked(turnId)
  if (asked === undefined) return undefined
  const { askedBy, isErased: _isErased, ...turn } = asked
  const { eventId, envelope } = askedBy
  return {
    turnId,
    ...turn,
    askedBy: { eventId, ownerId: envelope.actor.id, correlationId: envelope.$correlationId },
  }
}
