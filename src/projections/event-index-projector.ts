/** One row for each event, so that auditors find it without reading the whole log. */
import type { RecordedEvent } from '../events/codec.ts'
import { personIdFromStream } from '../events/stream-names.ts'
import { eventIndexModel, type StoredEventIndex } from './event-index-read-model.ts'
import type { PersonProjector, Projector } from './projector.ts'

/** Of events of kept conversations. */
export const eventIndexProjector: Projector<StoredEventIndex> = {
  model: eventIndexModel,

  isAppending: true,

  rowNameOf: () => '',

  isFirst: () => true,

  project: (_row, event, { conversation }) => entryOf(event, conversation.conversationId),
}

/** Of events on people's own streams: few, so it is asked whether the row is there already. */
export const personEventIndexProjector: PersonProjector<StoredEventIndex> = {
  model: eventIndexModel,

  rowNameOf: ({ position }) => String(position),

  isFirst: () => false,

  project: (_row, event) => entryOf(event, personIdFromStream(event.stream) as string),

  lastPositionOf: ({ position }) => position,
}

function entryOf(
  { stream, revision, position, eventId, type, envelope }: RecordedEvent,
  streamId: string,
): StoredEventIndex {
  return {
    streamId,
    position,
    stream,
    revision,
    eventId,
    type,
    actorKind: envelope.actor.kind,
    actorId: envelope.actor.id,
    correlationId: envelope.$correlationId,
    causationId: envelope.$causationId,
    occurredAt: envelope.occurredAt,
  }
}
