/** Passes on what any process adds to the record, so that a socket on one node shows what happens on another. */
import type { Codec, RecordedEvent, StoredEvent } from '../events/codec.ts'
import type { LiveFact } from '../events/live-facts.ts'
import { CONVERSATION_CATEGORY_PREFIX, conversationIdFromStream } from '../events/stream-names.ts'
import { isFault } from '../shared/failures.ts'
import type { Position } from '../shared/ids.ts'
import type { Logger } from '../shared/logger.ts'
import { pause } from '../shared/waiting.ts'
import type { EventReader } from '../store/event-store.ts'
import type { LiveAnswers } from './live-answers.ts'

const RECONNECT_DELAY_MS = 500

export interface ConversationFeedParts {
  readonly reader: EventReader
  readonly codec: Codec
  readonly live: LiveAnswers
  readonly logger: Logger
  /** Called for every stop, so that a model that writes for an answer stopped elsewhere is ended. */
  readonly onStopped: (turnId: string) => void
  /** Told when the record begins to answer again, and when it stops to. */
  readonly onReachable?: (isReachable: boolean) => void
}

/** Follows the log from its end until the signal aborts; after a lost connection it goes on where it was. */
export async function followConversations(parts: ConversationFeedParts, signal: AbortSignal): Promise<void> {
  let after: Position | 'end' = 'end'
  while (!signal.aborted) {
    try {
      const deliveries = parts.reader.subscribeToAll({ after, streamPrefixes: [CONVERSATION_CATEGORY_PREFIX], signal })
      for await (const delivery of deliveries) {
        parts.onReachable?.(true)
        if (delivery.kind === 'checkpoint') after = delivery.position
        if (delivery.kind !== 'event') continue
        await pass(parts, delivery.event)
        after = delivery.event.position
      }
    } catch (error) {
      parts.onReachable?.(false)
      parts.logger.warn({ error: String(error), after: String(after) }, 'lost the conversation feed, reconnecting')
    }
    await pause(RECONNECT_DELAY_MS, signal)
  }
}

async function pass(parts: ConversationFeedParts, stored: StoredEvent): Promise<void> {
  const conversationId = conversationIdFromStream(stored.stream)
  const event = await read(parts, stored)
  const fact = event && factOf(event)
  if (conversationId === undefined || fact === undefined) return
  if (fact.type === 'response.stopped') parts.onStopped(fact.turnId)
  parts.live.publish(conversationId, fact)
}

/** An event that this version cannot read has nobody to be told to; it may not keep the others from being told. */
async function read({ codec, logger }: ConversationFeedParts, stored: StoredEvent): Promise<RecordedEvent | undefined> {
  try {
    return await codec.decode(stored)
  } catch (error) {
    if (!isFault(error)) throw error
    logger.error(
      { stream: stored.stream, position: String(stored.position), error: error.message },
      'an event cannot be read',
    )
    return undefined
  }
}

function factOf(event: RecordedEvent): Exclude<LiveFact, { type: 'response.delta' }> | undefined {
  const position = String(event.position)
  switch (event.type) {
    case 'MessageSent': {
      const { turnId, messageId, text, parentMessageId } = event.data
      return {
        type: 'message.sent',
        turnId,
        messageId,
        text,
        ...(parentMessageId === undefined ? {} : { parentMessageId }),
      }
    }
    case 'IntentRouted': {
      const { turnId, intent, agent, method, confidence } = event.data
      return { type: 'intent.routed', turnId, intent, agent, method, confidence }
    }
    case 'ResponseCompleted': {
      const { turnId, messageId, text, agent, model, insteadOf, finishReason, usage } = event.data
      const how = { agent, model, ...(insteadOf && { insteadOf }), finishReason, usage }
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
