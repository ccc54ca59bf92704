/** Tells rules of retention what the read models know of conversations: where to look, the record decides. */
import type { ConversationKind } from '../events/conversation-events.ts'
import type { Uuid } from '../shared/ids.ts'
import type { Database } from './database.ts'

export interface ConversationAge {
  readonly conversationId: Uuid
  readonly kind: ConversationKind
  readonly isArchived: boolean
  readonly isDeleted: boolean
  /** When something was last said in it. */
  readonly saidAt: Date
  /** Of the last event that is in the rows. */
  readonly lastRevision: bigint
}

interface AttachmentAge {
  readonly conversationId: Uuid
  readonly ownerId: string
  readonly attachmentId: string
}

/** The place of a message among all by age. */
interface MessagePlace {
  readonly createdAt: Date
  readonly position: bigint
}

export interface ConversationAges {
  /** Those that are kept and projected, in no order. */
  readonly find: (conversationIds: readonly string[]) => Promise<ConversationAge[]>
  /** Looks at the next conversations by id: those in which nothing was said since, and where to go on, if there are more. */
  readonly quietSince: (
    since: Date,
    after: string | undefined,
  ) => Promise<{ readonly conversations: ConversationAge[]; readonly next: string | undefined }>
  /** Looks at the next messages from before, by age: what is attached to them, and where to go on, if there are more. */
  readonly attachmentsBefore: (
    before: Date,
    after: MessagePlace | undefined,
  ) => Promise<{ readonly attachments: AttachmentAge[]; readonly next: MessagePlace | undefined }>
}

/** Rows that one statement looks at: the fewer fit the question, the longer it would take otherwise. */
const ROWS_LOOKED_AT = 5_000

const COLUMNS = `conversation_id as "conversationId", kind, is_archived as "isArchived", deleted_at is not null as "isDeleted",
  updated_at as "saidAt", last_revision as "lastRevision"`

export function createConversationAges({ queries }: Pick<Database, 'queries'>): ConversationAges {
  return {
    find: (conversationIds) =>
      queries.query<ConversationAge>(
        `select ${COLUMNS} from chat.conversation where conversation_id = any ($1::uuid[])`,
        [conversationIds],
      ),

    async quietSince(since, after) {
      const rows = await queries.query<ConversationAge & { readonly isLast: boolean }>(
        `select *
        from (
          select ${COLUMNS}, row_number() over (order by conversation_id) = $3 as "isLast"
          from chat.conversation
          where $2::uuid is null or conversation_id > $2
          order by conversation_id
          limit $3
        ) as page
        where "saidAt" < $1
          or "isLast"
        order by "conversationId"`,
        [since, after ?? null, ROWS_LOOKED_AT],
      )
      const conversations = rows.filter(({ saidAt }) => saidAt < since)
      return { conversations, next: rows.find(({ isLast }) => isLast)?.conversationId }
    },

    async attachmentsBefore(before, after) {
      const rows = await queries.query<
        Omit<AttachmentAge, 'attachmentId'> &
          MessagePlace & { readonly attachments: readonly { reference: string }[] | null; readonly isLast: boolean }
      >(
        `select *
        from (
          select conversation_id as "conversationId", owner_id as "ownerId", created_at as "createdAt", position, attachments,
            row_number() over (order by created_at, position) = $4 as "isLast"
          from chat.message
          where created_at < $1
            and ($2::timestamptz is null or (created_at, position) > ($2, $3::bigint))
          order by created_at, position
          limit $4
        ) as page
        where attachments is not null
          or "isLast"`,
        [before, after?.createdAt ?? null, after?.position.toString() ?? null, ROWS_LOOKED_AT],
      )
      const attachments = rows.flatMap(({ conversationId, ownerId, attachments: held }) =>
        (held ?? []).map(({ reference }) => ({ conversationId, ownerId, attachmentId: reference })),
      )
      return { attachments, next: rows.find(({ isLast }) => isLast) }
    },
  }
}
