/** Reads what a turn needs to know of its conversation from the record: the question, and what was said before it. */
import { type AgentName, isAgentName } from '../agents/agent-name.ts'
import type { Codec, RecordedEvent, StoredEvent } from '../events/codec.ts'
import { responseMessageIdOf } from '../events/stream-names.ts'
import { isFault } from '../shared/failures.ts'
import type { EventReader } from '../store/event-store.ts'

/** Read at once from a conversation's end; only an older question costs a reading of the whole stream. */
const RECENT_EVENTS_MAX = 400
/** Messages that may matter for an answer; agents take less. */
const HISTORY_MESSAGES_MAX = 100

export interface PastMessage {
  readonly role: 'user' | 'assistant'
  readonly text: string
  readonly agent?: AgentName
}

export interface AskedTurn {
  readonly turnId: string
  readonly messageId: string
  readonly question: string
  /** The event that asked for this answer. */
  readonly askedBy: { readonly eventId: string; readonly ownerId: string; readonly correlationId: string }
  /** The chain of messages that leads to the question, oldest first, without it. */
  readonly history: readonly PastMessage[]
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

interface KnownMessage extends PastMessage {
  readonly parentMessageId: string | undefined
}

function askedTurnIn(events: readonly RecordedEvent[], turnId: string): AskedTurn | undefined {
  const messages = new Map<string, KnownMessage>()
  const asking = new Map<string, string>()
  const agents = new Map<string, string>()
  let askedBy: RecordedEvent | undefined
  for (const event of events) {
    switch (event.type) {
      case 'MessageSent':
        messages.set(event.data.messageId, {
          role: 'user',
          text: event.data.text,
          parentMessageId: event.data.parentMessageId,
        })
        asking.set(event.data.turnId, event.data.messageId)
        if (event.data.turnId === turnId) askedBy = event
        break
      case 'ResponseRequested':
        asking.set(event.data.turnId, event.data.parentMessageId)
        if (event.data.turnId === turnId) askedBy = event
        break
      case 'IntentRouted':
        agents.set(event.data.turnId, event.data.agent)
        break
      case 'ResponseCompleted':
        messages.set(event.data.messageId, answerOf(event.data.text, event.data.turnId))
        break
      case 'ResponseFailed':
      case 'ResponseStopped':
        messages.set(responseMessageIdOf(event.data.turnId), answerOf(event.data.partialText, event.data.turnId))
        break
    }
  }
  const messageId = asking.get(turnId)
  const asked = messageId === undefined ? undefined : messages.get(messageId)
  if (askedBy === undefined || messageId === undefined || asked === undefined) return undefined
  const { eventId, envelope } = askedBy
  return {
    turnId,
    messageId,
    question: asked.text,
    askedBy: { eventId, ownerId: envelope.actor.id, correlationId: envelope.$correlationId },
    history: chainTo(asked.parentMessageId, messages),
  }

  function answerOf(text: string, ofTurnId: string): KnownMessage {
    const agent = agents.get(ofTurnId)
    return {
      role: 'assistant',
      text,
      parentMessageId: asking.get(ofTurnId),
      ...(agent !== undefined && isAgentName(agent) && { agent }),
    }
  }
}

/** Walks from a message to its ancestors: a branch remembers only what led to it. */
function chainTo(messageId: string | undefined, messages: ReadonlyMap<string, KnownMessage>): PastMessage[] {
  const chain: PastMessage[] = []
  let next = messageId
  while (next !== undefined && chain.length < HISTORY_MESSAGES_MAX) {
    const message: KnownMessage | undefined = messages.get(next)
    if (message === undefined) break
    const { parentMessageId, ...past } = message
    if (past.text !== '') chain.unshift(past)
    next = parentMessageId
  }
  return chain
}
