/** The table of messages: what was said, exactly as it was said. */
import type { AnswerAttachment } from '../events/conversation-events.ts'
import type { SearchLanguage } from './message-language.ts'
import type { MessageStatus } from './query-types.ts'
import type { ReadModel } from './read-model.ts'

export interface StoredMessage {
  readonly conversationId: string
  readonly messageId: string
  readonly turnId: string
  readonly ownerId: string
  readonly parentMessageId: string | null
  readonly role: 'user' | 'assistant'
  readonly text: string
  readonly language: SearchLanguage
  readonly status: MessageStatus
  readonly rating: 'up' | 'down' | null
  readonly isErased: boolean
  /** `reference` is the id under which the content is kept. */
  readonly attachments: readonly AnswerAttachment[] | null
  readonly createdAt: string
  readonly position: bigint
}

export const messageModel: ReadModel<StoredMessage> = {
  name: 'message',
  about: 'One row for each message of a person, and one for each ended answer.',
  key: ['conversationId', 'messageId'],
  columns: {
    conversationId: { type: 'uuid', about: 'The conversation it belongs to.' },
    messageId: {
      type: 'text',
      about: "The message's id: the client's for a person's message, derived from the turn for an answer.",
    },
    turnId: { type: 'uuid', about: 'The turn that the message opened or ended.' },
    ownerId: { type: 'text', about: 'The person whose conversation it is.' },
    parentMessageId: { type: 'text', about: 'The message that it follows; null for the first.' },
    role: { type: 'text', about: 'Who speaks: user or assistant.' },
    text: {
      type: 'text',
      isContent: true,
      about: 'The words, exactly; of a failed or stopped answer as far as it came.',
    },
    language: { type: 'text', about: 'The language that a search takes the text for; simple when it is not known.' },
    status: { type: 'text', about: 'sent for a person; completed, failed or stopped for an answer.' },
    rating: { type: 'text', about: 'What the person thinks of the answer now: up or down; null when not rated.' },
    isErased: { type: 'boolean', about: 'True when its text was erased, and nobody can know what it said.' },
    attachments: {
      type: 'jsonb',
      isContent: true,
      about:
        'What an answer holds besides text: media type, name, reference, and how it came about; null when nothing.',
    },
    createdAt: { type: 'timestamptz', about: 'When it was sent, or when the answer ended.' },
    position: { type: 'bigint', about: 'The position of its event in the whole log: the order of messages.' },
  },
  derived: {
    search: { type: 'tsvector', about: 'What a full-text search looks at: words, their stems, and the owner.' },
  },
}
