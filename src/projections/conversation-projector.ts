/** One row for each kept conversation; what is not kept has no row, and without this row its stream has none anywhere. */
import type { RecordedEvent } from '../events/codec.ts'
import type { ConversationKind, DataOf } from '../events/conversation-events.ts'
import { conversationModel, type StoredConversation } from './conversation-read-model.ts'
import { PREVIEW_CHARACTERS_MAX, shownLine, TITLE_CHARACTERS_MAX } from './shown-line.ts'

const titleOfKind: Record<ConversationKind, string> = {
  ember_chat: 'New conversation',
  ember_learn: 'Learning',
  ember_explore: 'Exploring',
  learning_path: 'Learning path',
  avatar: 'Avatar',
  image: 'Images',
  project: 'Project',
}

/** A conversation that had a title of its own until its text was erased; the next message gives it a new one. */
const ERASED_TITLE = { title: 'Erased', titleSource: 'erased' } as const

export const conversationProjector = {
  model: conversationModel,

  isFirst: (event: RecordedEvent): boolean => event.type === 'ConversationStarted',

  /** Undefined when there is no conversation to show: it is transient, or its beginning is not in the record any more. */
  project(row: StoredConversation | undefined, event: RecordedEvent): StoredConversation | undefined {
    if (row === undefined) return event.type === 'ConversationStarted' ? started(event, event.data) : undefined
    return { ...row, ...changed(row, event), lastRevision: event.revision, lastPosition: event.position }
  },
}

function started(event: RecordedEvent, data: DataOf<'ConversationStarted'>): StoredConversation | undefined {
  if (data.retention === 'transient') return undefined
  const { occurredAt } = event.envelope
  return {
    conversationId: data.conversationId,
    clientConversationId: data.clientConversationId,
    ownerId: data.ownerId,
    kind: data.kind,
    ...titled(event, data.title ?? '', titleOfKind[data.kind]),
    isArchived: false,
    messageCount: 0,
    preview: '',
    createdAt: occurredAt,
    updatedAt: occurredAt,
    deletedAt: null,
    lastRevision: event.revision,
    lastPosition: event.position,
  }
}

function titled(
  event: RecordedEvent,
  title: string,
  otherwise: string,
): Pick<StoredConversation, 'title' | 'titleSource'> {
  if (event.erased.includes('title')) return ERASED_TITLE
  return title === '' ? { title: otherwise, titleSource: 'kind' } : { title, titleSource: 'person' }
}

function changed(row: StoredConversation, event: RecordedEvent): Partial<StoredConversation> {
  const at = event.envelope.occurredAt
  switch (event.type) {
    case 'MessageSent':
      return { ...said(row, event.data.text, at), ...titledByMessage(row, event) }
    case 'ResponseCompleted':
      return said(row, event.data.text, at)
    case 'ResponseFailed':
    case 'ResponseStopped':
      return said(row, event.data.partialText, at)
    case 'ConversationRenamed':
      return titled(event, event.data.title, row.title)
    case 'ConversationArchived':
      return { isArchived: true }
    case 'ConversationUnarchived':
      return { isArchived: false }
    case 'ConversationDeleted':
      return { deletedAt: at }
    case 'ConversationRestored':
      return { deletedAt: null }
    default:
      return {}
  }
}

/** An answer that failed before its first word is a message, too, but has nothing to show in a preview. */
function said(row: StoredConversation, text: string, at: string): Partial<StoredConversation> {
  const preview = shownLine(text, PREVIEW_CHARACTERS_MAX)
  return {
    messageCount: row.messageCount + 1,
    preview: preview === '' ? row.preview : preview,
    updatedAt: at > row.updatedAt ? at : row.updatedAt, // Nodes' clocks may differ; a list must not jump back.
  }
}

function titledByMessage(
  row: StoredConversation,
  event: Extract<RecordedEvent, { type: 'MessageSent' }>,
): Partial<StoredConversation> {
  if (row.titleSource !== 'kind' && row.titleSource !== 'erased') return {}
  if (event.erased.includes('text')) return ERASED_TITLE
  const title = shownLine(event.data.text, TITLE_CHARACTERS_MAX)
  return title === '' ? {} : { title, titleSource: 'first message' }
}
