/** One row for each time somebody says something about an answer or a decision; nothing is overwritten. */
import { feedbackEventModel, type StoredFeedbackEvent } from './feedback-event-read-model.ts'
import type { Projector } from './projector.ts'

export const feedbackEventProjector: Projector<StoredFeedbackEvent> = {
  model: feedbackEventModel,

  isAppending: true,

  rowNameOf: ({ type }) => (type === 'ResponseRated' || type === 'IntentCorrected' ? '' : undefined),

  isFirst: () => true,

  project(row, event, { conversation: { conversationId, ownerId } }) {
    const common = { conversationId, ownerId, position: event.position, givenAt: event.envelope.occurredAt }
    switch (event.type) {
      case 'ResponseRated': {
        const { messageId, rating } = event.data
        const rated = { kind: 'rating', messageId, turnId: null, intent: null } as const
        return { ...common, ...rated, rating: rating === 'none' ? null : rating }
      }
      case 'IntentCorrected': {
        const { turnId, intent } = event.data
        return { ...common, kind: 'correction', messageId: null, turnId, rating: null, intent }
      }
      default:
        return row
    }
  },
}
