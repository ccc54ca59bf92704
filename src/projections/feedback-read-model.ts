/** The table of feedback: what people think of answers, and what they say a message was really about. */
import type { ReadModel } from './read-model.ts'

export interface StoredFeedback {
  readonly conversationId: string
  readonly feedbackId: string
  readonly ownerId: string
  readonly kind: 'rating' | 'correction'
  readonly messageId: string | null
  readonly turnId: string | null
  readonly rating: 'up' | 'down' | null
  readonly intent: string | null
  readonly note: string | null
  readonly givenBy: string
  readonly givenAt: string
  readonly position: bigint
}

export const feedbackModel: ReadModel<StoredFeedback> = {
  name: 'feedback',
  about: 'One row for each answer that was rated, as it is rated now, and for each turn whose intent was corrected.',
  key: ['conversationId', 'feedbackId'],
  columns: {
    conversationId: { type: 'uuid', about: 'The conversation it belongs to.' },
    feedbackId: { type: 'text', about: 'The kind, and the id of the message or turn that it is about.' },
    ownerId: { type: 'text', about: 'The person whose conversation it is.' },
    kind: { type: 'text', about: 'rating of an answer, or correction of an intent.' },
    messageId: { type: 'text', about: 'The answer that was rated; null for a correction.' },
    turnId: { type: 'uuid', about: 'The turn whose intent was corrected; null for a rating.' },
    rating: { type: 'text', about: 'up or down; null for a correction, and when a rating was taken back.' },
    intent: { type: 'text', about: 'What the message was really about; null for a rating.' },
    note: { type: 'text', isContent: true, about: 'What the person added in words; null when nothing.' },
    givenBy: { type: 'text', about: 'Who gave it.' },
    givenAt: { type: 'timestamptz', about: 'When it was last given.' },
    position: { type: 'bigint', about: 'The position of that event in the whole log.' },
  },
}
