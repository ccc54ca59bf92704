/** Makes a record of events at given times, as a log would hand it out. */
import type { StoredEvent } from '../../src/events/codec.ts'
import type { ConversationEvent } from '../../src/events/conversation-events.ts'
import { eventIdOf } from '../../src/events/stream-names.ts'
import { toPosition, toRevision } from '../../src/shared/ids.ts'

export interface TimedEvent {
  /** ISO 8601 in UTC with milliseconds. */
  readonly at: string
  readonly stream: string
  readonly ownerId: string
  readonly event: ConversationEvent
}

const FIRST_POSITION = 100
const POSITIONS_PER_EVENT = 10

/** In the order of their times; positions grow by more than one, as in a real log. */
export function recordOf(events: readonly TimedEvent[]): StoredEvent[] {
  const revisions = new Map<string, number>()
  const inOrder = events.toSorted((one, other) => (one.at < other.at ? -1 : one.at > other.at ? 1 : 0))
  return inOrder.map(({ at, stream, ownerId, event }, index) => {
    const revision = revisions.get(stream) ?? 0
    revisions.set(stream, revision + 1)
    const commandId = `c${index}`
    const actor = { kind: 'user', id: ownerId }
    const ids = { $correlationId: commandId, $causationId: commandId, commandId }
    return {
      ...event,
      stream,
      revision: toRevision(revision),
      position: toPosition(FIRST_POSITION + index * POSITIONS_PER_EVENT),
      eventId: eventIdOf(stream, commandId, 0),
      created: new Date(at),
      metadata: { schemaVersion: 1, occurredAt: at, actor, ...ids },
    }
  })
}
