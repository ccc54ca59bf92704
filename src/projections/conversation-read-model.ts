/** The table of conversations: what a list of them shows. */
import type { ConversationKind } from '../events/conversation-events.ts'
import type { ReadModel } from './read-model.ts'

export interface StoredConversation {
  readonly conversationId: string
  readonly clientConversationId: string
  readonly ownerId: string
  readonly kind: ConversationKind
  readonly title: string
  readonly titleSource: 'person' | 'first message' | 'kind' | 'erased'
  readonly isArchived: boolean
  readonly messageCount: number
  readonly preview: string
  readonly createdAt: string
  readonly updatedAt: string
  readonly deletedAt: string | null
  readonly lastRevision: bigint
  readonly lastPosition: bigint
}

export const conversationModel: ReadModel<StoredConversation> = {
  name: 'conversation',
  about: 'One row for each kept conversation, deleted ones included.',
  key: ['conversationId'],
  columns: {
    conversationId: { type: 'uuid', about: 'Derived from the owner and the id that the client uses.' },
    clientConversationId: { type: 'text', about: 'The id that the client uses; unique for its owner only.' },
    ownerId: { type: 'text', about: 'The person whose conversation it is.' },
    kind: {
      type: 'text',
      about: 'What it is for: ember_chat, ember_learn, ember_explore, learning_path, avatar or image.',
    },
    title: {
      type: 'text',
      isContent: true,
      about: 'The title shown: given by the person, else taken from the first message, else from the kind.',
    },
    titleSource: {
      type: 'text',
      about: 'Where the title is from: person, first message or kind; erased when its text was.',
    },
    isArchived: { type: 'boolean', about: 'True when the person has put it away.' },
    messageCount: { type: 'integer', about: 'Messages of the person and of the assistant together.' },
    preview: { type: 'text', isContent: true, about: 'The beginning of the latest message, on one line.' },
    createdAt: { type: 'timestamptz', about: 'When it was started.' },
    updatedAt: {
      type: 'timestamptz',
      about: 'When something was last said in it; renaming or archiving does not count.',
    },
    deletedAt: { type: 'timestamptz', about: 'When the person deleted it; null unless it is deleted now.' },
    lastRevision: { type: 'bigint', about: 'The revision of the last event of its stream that is in these rows.' },
    lastPosition: { type: 'bigint', about: 'The position of that event in the whole log.' },
  },
}
