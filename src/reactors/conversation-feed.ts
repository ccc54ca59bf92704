/** Passes on what any process adds to the record, so that a socket on one node shows what happens on another. */
import type { Codec, RecordedEvent, StoredEvent } from '../events/codec.ts'
import { isTerminal, type LiveFact } from '../events/live-facts.ts'
import { CONVERSATION_CATEGORY_PREFIX, conversationIdFromStream, STOP_REQUESTS_STREAM } from '../events/stream-names.ts'
import { isFault } from '../shared/failures.ts'
import type { Position } from '../shared/ids.ts'
import type { Logger } from '../shared/logger.ts'
import { pause } from '../shared/waiting.ts'
import type { EventReader } from '../store/event-store.ts'
import { isPassingFault } from './passing-fault.ts'
import { liveFactOf } from './recorded-facts.ts'

const RECONNECT_DELAY_MS = 500
const FOLLOWED_PREFIXES = [CONVERSATION_CATEGORY_PREFIX, STOP_REQUESTS_STREAM]

export interface StopRequest {
  readonly conversationId: string
  readonly turnId: string
  readonly by: string
}

export interface ConversationFeedParts {
  readonly reader: EventReader
  readonly codec: Codec
  readonly live: { readonly publish: (conversationId: string, fact: LiveFact) => void }
  readonly logger: Logger
  /** Called for every turn that ended, so that a model that still writes for it is ended. */
  readonly onEnded: (turnId: string) => void
  /** Somebody wishes an answer to end that may be written here. */
  readonly onStopRequested: (request: StopRequest) => void
  /** Told when the record begins to answer again, and when it stops to. */
  readonly onReachable?: (isReachable: boolean) => void
}

/** Follows the log until the signal aborts, from `start` (its end when left out); after a lost connection it goes on where it was. */
export async function followConversations(
  parts: ConversationFeedParts,
  signal: AbortSignal,
  start: Position | 'start' | 'end' = 'end',
): Promise<void> {
  let after = start
  while (!signal.aborted) {
    try {
      const deliveries = parts.reader.subscribeToAll({ after, streamPrefixes: FOLLOWED_PREFIXES, signal })
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
  if (event?.type === 'StopRequested') return parts.onStopRequested(event.data)
  const fact = event && liveFactOf(event)
  if (conversationId === undefined || fact === undefined) return
  if (isTerminal(fact)) parts.onEnded(fact.turnId)
  parts.live.publish(conversationId, fact)
}

/** An event that this version cannot read has nobody to be told to; it may not keep the others from being told. */
async function read({ codec, logger }: ConversationFeedParts, stored: StoredEvent): Promise<RecordedEvent | undefined> {
  try {
    return await codec.decode(stored)
  } catch (error) {
    if (!isFault(error) || isPassingFault(error)) throw error
    logger.error(
      { stream: stored.stream, position: String(stored.position), error: error.message },
      'an event cannot be read',
    )
    return undefined
  }
}
