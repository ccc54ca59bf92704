/** The table of feedback as it was given, every time: what somebody thought at a time, not only what they think now. */
import type { ReadModel } from './read-model.ts'

export interface StoredFeedbackEvent {
  readonly conversationId: string
  readonly position: bigint
  readonly ownerId: string
  readonly kind: 'rating' | 'correction'
  readonly messageId: string | null
  readonly turnId: string | null
  readonly rating: 'up' | 'down' | null
  readonly intent: string | null
  readonly givenAt: string
}

export const feedbackEventModel: ReadModel<StoredFeedbackEvent> = {
  name: 'feedback_event',
  about: 'One row for each time an answer was rated or an intent corrected, changes of mind included.',
  key: ['conversationId', 'position'],
  columns: {
    conversationId: { type: 'uuid', about: 'The conversation it belongs to.' },
    position: { type: 'bigint', about: 'The position of its event in the whole log.' },
    ownerId: { type: 'text', about: 'The person whose conversation it is.' },
    kind: { type: 'text', about: 'rating of an answer, or correction of an intent.' },
    messageId: { type: 'text', about: 'The answer that was rated; null for a correction.' },
    turnId: { type: 'uuid', about: 'The turn whose intent was corrected; null for a rating.' },
    rating: { type: 'text', about: 'up or down; null for a correction, and when a rating was taken back.' },
    intent: { type: 'text', about: 'What the message was really about; null for a rating.' },
    givenAt: { type: 'timestamptz', about: 'When it was given.' },
  },
}
