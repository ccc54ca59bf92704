/** A conversation as it stood at a time or a position: its events until then, folded as the read models fold them. */
import type { Codec, RecordedEvent, StoredEvent } from '../events/codec.ts'
import { conversationStream } from '../events/stream-names.ts'
import { foldBatch } from '../projections/batch-fold.ts'
import { Rows } from '../projections/batch-rows.ts'
import type { StoredConversation } from '../projections/conversation-read-model.ts'
import type { StoredMessage } from '../projections/message-read-model.ts'
import type { StoredTurn } from '../projections/turn-read-model.ts'
import { isFault } from '../shared/failures.ts'
import type { Position, Uuid } from '../shared/ids.ts'
import type { EventReader } from '../store/event-store.ts'

export type AsOf = { readonly position: Position } | { readonly time: Date } | 'now'

export interface ConversationAsOf {
  readonly conversation: StoredConversation
  /** In the order of the record. */
  readonly messages: readonly StoredMessage[]
  readonly turns: readonly StoredTurn[]
  /** The last event that it was made from. */
  readonly position: Position
  readonly events: number
}

/** Events are decoded so many at a time. */
const DECODED_AT_ONCE = 256

/** Undefined when the conversation did not exist then. Deterministic: the same log gives the same answer. Throws what decoding throws. */
export async function conversationAsOf(
  reader: Pick<EventReader, 'readStream'>,
  codec: Codec,
  { conversationId, asOf }: { readonly conversationId: Uuid; readonly asOf: AsOf },
): Promise<ConversationAsOf | undefined> {
  const rows = new Rows()
  let events = 0
  let last: Position | undefined
  let batch: StoredEvent[] = []
  const fold = async () => {
    const decoded = await codec.decodeAll(batch)
    const fault = decoded.find((event) => isFault(event))
    if (fault !== undefined) throw fault
    foldBatch((decoded as RecordedEvent[]).map(asKept), rows)
    batch = []
  }
  for await (const event of reader.readStream(conversationStream(conversationId))) {
    if (!isUntil(event, asOf)) break
    events += 1
    last = event.position
    batch.push(event)
    if (batch.length === DECODED_AT_ONCE) await fold()
  }
  await fold()
  const conversation = rows.of('conversation').find(conversationId, '')?.row as StoredConversation | undefined
  if (conversation === undefined || last === undefined) return undefined
  const messages = rows.of('message').changed.map(({ row }) => row as StoredMessage)
  const turns = rows.of('turn').changed.map(({ row }) => row as StoredTurn)
  return {
    conversation,
    messages: messages.toSorted((one, other) => (one.position < other.position ? -1 : 1)),
    turns,
    position: last,
    events,
  }
}

function isUntil(event: StoredEvent, asOf: AsOf): boolean {
  if (asOf === 'now') return true
  return 'position' in asOf ? event.position <= asOf.position : event.created <= asOf.time
}

/** Read models leave transient conversations out; an auditor sees them as long as the record has them. */
function asKept(event: RecordedEvent): RecordedEvent {
  if (event.type !== 'ConversationStarted') return event
  return { ...event, data: { ...event.data, retention: 'kept' } }
}
