/** One row for each event, so that auditors find it without reading the whole log. */
import { eventIndexModel, type StoredEventIndex } from './event-index-read-model.ts'
import type { Projector } from './projector.ts'

export const eventIndexProjector: Projector<StoredEventIndex> = {
  model: eventIndexModel,

  isAppending: true,

  rowNameOf: () => '',

  isFirst: () => true,

  project(_row, { stream, revision, position, eventId, type, envelope }, { conversation }) {
    return {
      conversationId: conversation.conversationId,
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
  },
}
