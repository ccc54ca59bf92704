/** What can be asked of the read models, and the shapes of the answers. */
import type { AnswerAttachment, ConversationKind } from '../events/conversation-events.ts'
import type { Position, Uuid } from '../shared/ids.ts'

/** How long a query may wait for the read models to catch up, and with what. */
export interface Freshness {
  readonly position: Position
  readonly waitMsMax: number
}

export interface ConversationRow {
  readonly conversationId: Uuid
  /** The id that the owner's client uses. */
  readonly clientConversationId: string
  readonly kind: ConversationKind
  readonly title: string
  readonly messageCount: number
  readonly isArchived: boolean
  readonly createdAt: Date
  readonly updatedAt: Date
  /** The beginning of the latest message, one line. */
  readonly preview: string
}

export type MessageStatus = 'sent' | 'completed' | 'failed' | 'stopped'

export interface ModelAnswered {
  readonly provider: string
  readonly id: string
}

/** The models that were to answer and did not, in order, and why; null when there were none. */
export type InsteadOf = readonly (ModelAnswered & { readonly code: string })[] | null

export interface MessageRow {
  readonly messageId: string
  readonly turnId: string
  readonly parentMessageId: string | null
  readonly role: 'user' | 'assistant'
  readonly text: string
  readonly status: MessageStatus
  readonly agent: string | null
  readonly intent: string | null
  readonly model: ModelAnswered | null
  readonly insteadOf: InsteadOf
  readonly rating: 'up' | 'down' | null
  /** Its text was erased; what stands there is empty. */
  readonly isErased: boolean
  readonly attachments: readonly AnswerAttachment[]
  readonly createdAt: Date
}

/** Why a turn went where it went, as recorded. */
export interface RoutingRow {
  readonly turnId: string
  readonly intent: string
  readonly agent: string
  readonly method: string
  readonly confidence: number
  readonly candidates: readonly { readonly intent: string; readonly probability: number }[]
  readonly evidence: readonly { readonly kind: string; readonly name: string; readonly weight: number }[]
  readonly guard: string | null
  readonly routerVersion: string
  readonly tookMs: number
}

/** One turn as the read models know it: what a client that missed the end of an answer needs. */
export interface TurnRow {
  readonly turnId: string
  /** The person's message that it answers. */
  readonly messageId: string
  /** `open` until its terminal event is projected. */
  readonly status: 'open' | 'completed' | 'failed' | 'stopped'
  /** The assistant's message; the partial text when the turn failed or was stopped, empty while it is open. */
  readonly responseMessageId: string
  readonly text: string
  readonly agent: string | null
  readonly model: ModelAnswered | null
  readonly insteadOf: InsteadOf
  readonly finishReason: string | null
  readonly failureCode: string | null
  readonly usage: {
    readonly inputTokens: number
    readonly outputTokens: number
    readonly isEstimated?: boolean
  } | null
  /** Of the terminal event. */
  readonly endedPosition: Position | null
}

export interface Page<Row> {
  readonly results: readonly Row[]
  /** Opaque; hand it in to get the next page. Null at the end. */
  readonly next: string | null
}

export interface ListConversations {
  readonly ownerId: string
  readonly limit: number
  readonly cursor?: string
  /** Only conversations whose title or messages contain these words. */
  readonly q?: string
  readonly kind?: ConversationKind
  readonly isArchived?: boolean
}

export interface ListMessages {
  readonly conversationId: Uuid
  readonly limit: number
  readonly cursor?: string
  /** A message id: only this message and its ancestors. */
  readonly branch?: string
}

/** Reads for one owner; a conversation is named by an id derived from owner and client id, so a foreign one cannot be asked for. */
export interface ConversationQueries {
  /** Throws a Fault `cursor-invalid` for a cursor that this query did not make. */
  readonly list: (options: ListConversations) => Promise<Page<ConversationRow> & { readonly count: number }>
  /** Undefined when it does not exist or is deleted (unless deleted ones are asked for). */
  readonly get: (
    conversationId: Uuid,
    options?: { readonly includeDeleted?: boolean },
  ) => Promise<ConversationRow | undefined>
  /** In the order of the record. */
  readonly messages: (options: ListMessages) => Promise<Page<MessageRow>>
  readonly turn: (conversationId: Uuid, turnId: string) => Promise<TurnRow | undefined>
  readonly routing: (conversationId: Uuid, turnId: string) => Promise<RoutingRow | undefined>
  /** Which conversation a turn or message of this owner belongs to; undefined when the owner has no such turn or message. */
  readonly conversationOfTurn: (
    ownerId: string,
    turnId: string,
  ) => Promise<{ readonly conversationId: Uuid; readonly clientConversationId: string } | undefined>
  readonly conversationOfMessage: (
    ownerId: string,
    messageId: string,
  ) => Promise<{ readonly conversationId: Uuid; readonly clientConversationId: string } | undefined>
  /** Waits, without holding a connection, until everything up to the position is visible; answers with the position read in any case. */
  readonly waitFor: (freshness: Freshness) => Promise<{ readonly isReached: boolean; readonly position: Position }>
  /** The last position handled by the projectors. */
  readonly position: () => Promise<Position>
}
