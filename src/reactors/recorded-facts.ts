/** Tells what an event of a conversation means to the people who look at it. */
import type { Codec, RecordedEvent } from '../events/codec.ts'
import type { DataOf } from '../events/conversation-events.ts'
import { isTerminal, type LiveFact, type TerminalFact } from '../events/live-facts.ts'
import type { EventReader } from '../store/event-store.ts'

/** The end of a turn is looked for among so many of a conversation's last events; older turns are known to the read models. */
const RECENT_EVENTS_MAX = 400

/** Undefined for events that change nothing while one looks on. */
export function liveFactOf(event: RecordedEvent): LiveFact | undefined {
  const position = String(event.position)
  switch (event.type) {
    case 'MessageSent': {
      const { turnId, messageId, text, parentMessageId } = event.data
      const parent = parentMessageId === undefined ? {} : { parentMessageId }
      return { type: 'message.sent', turnId, messageId, text, ...parent }
    }
    case 'IntentRouted': {
      const { turnId, intent, agent, method, confidence } = event.data
      return { type: 'intent.routed', turnId, intent, agent, method, confidence }
    }
    case 'ResponseCompleted': {
      const { turnId, messageId, text, agent, model, insteadOf, finishReason, usage, attachments } = event.data
      const how = {
        agent,
        model,
        ...(insteadOf && { insteadOf }),
        ...attachmentsFact(attachments),
        finishReason,
        usage,
      }
      return { type: 'response.completed', turnId, messageId, text, ...how, position }
    }
    case 'ResponseFailed': {
      const { turnId, code, partialText } = event.data
      return { type: 'response.failed', turnId, code, partialText, position }
    }
    case 'ResponseStopped':
      return { type: 'response.stopped', turnId: event.data.turnId, partialText: event.data.partialText, position }
    default:
      return undefined
  }
}

/** How a turn ended; undefined when that is not among the last events of its stream. */
export async function readEnding(
  reader: EventReader,
  codec: Codec,
  stream: string,
  turnId: string,
): Promise<TerminalFact | undefined> {
  const endings = ['ResponseCompleted', 'ResponseFailed', 'ResponseStopped']
  const recent = await reader.readStreamBackwards(stream, RECENT_EVENTS_MAX)
  const ending = recent.find(
    ({ type, data }) => endings.includes(type) && (data as { turnId?: unknown }).turnId === turnId,
  )
  const fact = ending && liveFactOf(await codec.decode(ending))
  return fact && isTerminal(fact) ? fact : undefined
}

/** The attachments of an answer as clients are told of them; nothing when there are none. */
export function attachmentsFact(
  attachments: DataOf<'ResponseCompleted'>['attachments'],
): Pick<Extract<LiveFact, { type: 'response.completed' }>, 'attachments'> {
  if (attachments.length === 0) return {}
  return {
    attachments: attachments.map(({ reference, ...rest }) => ({ attachmentId: reference, ...rest })),
  }
}
