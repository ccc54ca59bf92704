/** Every type of event that the record can hold, in one place: what is not listed here can be neither written nor read. */
import { type AccessEvent, accessEventSchemas } from './access-events.ts'
import { type AttachmentEvent, attachmentEventSchemas } from './attachment-events.ts'
import { type ConversationEvent, conversationEventSchemas } from './conversation-events.ts'
import { type DraftEvent, draftEventSchemas } from './draft-events.ts'
import { type LedgerEvent, ledgerEventSchemas } from './ledger-events.ts'
import { type OperatorEvent, operatorEventSchemas } from './operator-events.ts'
import { type ProjectEvent, projectEventSchemas } from './project-events.ts'
import { type RetentionEvent, retentionEventSchemas } from './retention-events.ts'
import { type SessionEvent, sessionEventSchemas } from './session-events.ts'
import { type UserEvent, userEventSchemas } from './user-events.ts'

export const eventSchemas = {
  ...conversationEventSchemas,
  ...userEventSchemas,
  ...projectEventSchemas,
  ...attachmentEventSchemas,
  ...draftEventSchemas,
  ...accessEventSchemas,
  ...ledgerEventSchemas,
  ...operatorEventSchemas,
  ...retentionEventSchemas,
  ...sessionEventSchemas,
} as const

export type RecordEvent =
  | ConversationEvent
  | UserEvent
  | ProjectEvent
  | AttachmentEvent
  | DraftEvent
  | AccessEvent
  | LedgerEvent
  | OperatorEvent
  | RetentionEvent
  | SessionEvent
