/** One row for each noted fact; a removed one keeps its row, without what it said. */
import { personIdFromStream } from '../events/stream-names.ts'
import { profileFactModel, type StoredProfileFact } from './profile-fact-read-model.ts'
import type { PersonProjector } from './projector.ts'

export const profileFactProjector: PersonProjector<StoredProfileFact> = {
  model: profileFactModel,

  rowNameOf: (event) =>
    event.type === 'ProfileFactNoted' || event.type === 'ProfileFactRemoved' ? event.data.factId : undefined,

  /** A fact is noted once; but if it came once more, what was removed must stay so. */
  isFirst: () => false,

  lastPositionOf: ({ lastPosition }) => lastPosition,

  project(row, event) {
    const { stream, position, envelope } = event
    switch (event.type) {
      case 'ProfileFactNoted': {
        const { ownerId, factId, kind, value, sourceTurnId, sourceConversationId, span } = event.data
        const place = { sourceTurnId, sourceConversationId, spanFrom: span.from, spanTo: span.to }
        const said = event.erased.includes('value') ? null : value
        const fact = { personId: personIdFromStream(stream) as string, factId, ownerId, kind, value: said, ...place }
        return { ...fact, notedAt: envelope.occurredAt, removedAt: null, lastPosition: position }
      }
      case 'ProfileFactRemoved':
        return row && { ...row, value: null, removedAt: envelope.occurredAt, lastPosition: position }
      default:
        return row
    }
  },
}
