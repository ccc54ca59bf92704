/** One row for each message of a person as it is sent, and for each answer as it ends, however it ends. */
import type { RecordedEvent } from '../events/codec.ts'
import { responseMessageIdOf } from '../events/stream-names.ts'
import { languageOf } from './message-language.ts'
import { messageModel, type StoredMessage } from './message-read-model.ts'
import type { Projector, Surroundings } from './projector.ts'

export const messageProjector: Projector<StoredMessage> = {
  model: messageModel,

  rowNameOf(event) {
    switch (event.type) {
      case 'MessageSent':
      case 'ResponseCompleted':
      case 'ResponseRated':
        return event.data.messageId
      case 'ResponseFailed':
      case 'ResponseStopped':
        return responseMessageIdOf(event.data.turnId)
      default:
        return undefined
    }
  },

  isFirst: (event) => event.type !== 'ResponseRated',

  project(row, event, { conversation, turn }) {
    switch (event.type) {
      case 'MessageSent': {
        const { messageId, turnId, text, parentMessageId } = event.data
        const message = messageOf(event, conversation, { messageId, turnId, text })
        return { ...message, parentMessageId: parentMessageId ?? null, role: 'user', status: 'sent' }
      }
      case 'ResponseCompleted':
        return {
          ...answer(
            event,
            event.data.messageId,
            { conversation, turn },
            { status: 'completed', text: event.data.text },
          ),
          attachments: event.data.attachments.length === 0 ? null : event.data.attachments,
        }
      case 'ResponseFailed':
        return partialAnswer(event, { conversation, turn }, 'failed')
      case 'ResponseStopped':
        return partialAnswer(event, { conversation, turn }, 'stopped')
      case 'ResponseRated':
        return row && { ...row, rating: event.data.rating === 'none' ? null : event.data.rating }
      default:
        return row
    }
  },
}

type Ended = RecordedEvent & { readonly data: { readonly turnId: string } }

function partialAnswer(
  event: Ended & { readonly data: { readonly partialText: string } },
  surroundings: Surroundings,
  status: 'failed' | 'stopped',
): StoredMessage {
  const messageId = surroundings.turn?.responseMessageId ?? responseMessageIdOf(event.data.turnId)
  return answer(event, messageId, surroundings, { status, text: event.data.partialText })
}

function answer(
  event: Ended,
  messageId: string,
  { conversation, turn }: Surroundings,
  { status, text }: Pick<StoredMessage, 'status' | 'text'>,
): StoredMessage {
  const message = messageOf(event, conversation, { messageId, turnId: event.data.turnId, text })
  return { ...message, parentMessageId: turn?.messageId ?? null, role: 'assistant', status }
}

function messageOf(
  event: RecordedEvent,
  conversation: Surroundings['conversation'],
  { messageId, turnId, text }: { messageId: string; turnId: string; text: string },
): Omit<StoredMessage, 'role' | 'status' | 'parentMessageId'> {
  const { conversationId, ownerId } = conversation
  const createdAt = event.envelope.occurredAt
  const message = { conversationId, messageId, turnId, ownerId, text, language: languageOf(text) }
  const isErased = event.erased.includes('text') || event.erased.includes('partialText')
  return { ...message, rating: null, isErased, attachments: null, createdAt, position: event.position }
}
