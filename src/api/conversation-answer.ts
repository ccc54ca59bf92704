/** Rows of the read models as clients see them: their own ids, times as text. */
import type { ConversationRow, MessageRow } from '../projections/query-types.ts'
import type { ConversationAnswer, MessageAnswer } from './contracts/conversation-contract.ts'

export function conversationAnswerOf(row: ConversationRow): ConversationAnswer {
  return {
    conversationId: row.clientConversationId,
    kind: row.kind,
    title: row.title,
    messageCount: row.messageCount,
    archived: row.isArchived,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    preview: row.preview,
  }
}

export function messageAnswerOf(row: MessageRow): MessageAnswer {
  return {
    messageId: row.messageId,
    turnId: row.turnId,
    parentMessageId: row.parentMessageId,
    role: row.role,
    text: row.text,
    status: row.status,
    agent: row.agent,
    intent: row.intent,
    model: row.model,
    insteadOf: row.insteadOf,
    rating: row.rating,
    attachments: row.attachments.map(attachmentAnswerOf),
    isErased: row.isErased,
    createdAt: row.createdAt.toISOString(),
  }
}

/** Its content is at `me/attachments/{attachmentId}`. */
function attachmentAnswerOf({ reference, ...rest }: MessageRow['attachments'][number]) {
  return { attachmentId: reference, ...rest }
}
