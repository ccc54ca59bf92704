/** Reads events of conversations from the log, from a position or a time on, as far as the log goes now. */
import type { StoredEvent } from '../events/codec.ts'
import type { Position } from '../shared/ids.ts'
import type { EventReader } from '../store/event-store.ts'
import { readLog } from './log-reading.ts'

const CONVERSATIONS = '^conversation-'

export interface ConversationLog {
  readonly types: readonly string[]
  /** Events after this position; all when left out. */
  readonly after?: Position
  /** Events taken in at this time or later. */
  readonly since?: Date
  readonly onConsidered?: (position: Position) => void
}

/** Yields stored events of the given types, in order. Throws `store-unavailable` when the record is lost on the way. */
export async function* readConversationLog(
  reader: EventReader,
  { types, after, since, onConsidered }: ConversationLog,
): AsyncGenerator<StoredEvent> {
  const range = {
    after: after ?? ('start' as const),
    streamPattern: CONVERSATIONS,
    ...(onConsidered && { onConsidered }),
  }
  for await (const event of readLog(reader, range)) {
    if (types.includes(event.type) && (since === undefined || event.created >= since)) yield event
  }
}
