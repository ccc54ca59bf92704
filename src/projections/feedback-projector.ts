/** One row for each rated answer and each corrected turn; the latest word counts. */
import { feedbackModel, type StoredFeedback } from './feedback-read-model.ts'
import type { Projector } from './projector.ts'

export const feedbackProjector: Projector<StoredFeedback> = {
  model: feedbackModel,

  rowNameOf(event) {
    if (event.type === 'ResponseRated') return `rating ${event.data.messageId}`
    return event.type === 'IntentCorrected' ? `correction ${event.data.turnId}` : undefined
  },

  /** Nothing of an earlier row is kept, so none need be looked up. */
  isFirst: () => true,

  project(row, event, { conversation: { conversationId, ownerId } }) {
    const { occurredAt: givenAt, actor } = event.envelope
    const common = { conversationId, ownerId, givenBy: actor.id, givenAt, position: event.position }
    switch (event.type) {
      case 'ResponseRated': {
        const { messageId, rating, note = null } = event.data
        const rated = { kind: 'rating', messageId, turnId: null, intent: null, note } as const
        return { ...common, ...rated, feedbackId: `rating ${messageId}`, rating: rating === 'none' ? null : rating }
      }
      case 'IntentCorrected': {
        const { turnId, intent, note = null } = event.data
        const corrected = { kind: 'correction', messageId: null, turnId, rating: null, intent, note } as const
        return { ...common, ...corrected, feedbackId: `correction ${turnId}` }
      }
      default:
        return row
    }
  },
}
