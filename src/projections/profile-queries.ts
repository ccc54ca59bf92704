/** Answers what a person asks about themselves: the facts that were noted, with the turn each came from. */
import type { Uuid } from '../shared/ids.ts'
import type { Database } from './database.ts'

/** More facts than this are not noted either. */
const FACTS_SHOWN_MAX = 500

export interface ProfileFactRow {
  readonly factId: Uuid
  readonly kind: string
  readonly value: string
  readonly turnId: Uuid
  /** The message it was stated in; null while that is not in the read models. */
  readonly messageId: string | null
  /** The id that the owner's client uses; null when the conversation is not kept or is deleted. */
  readonly conversationId: string | null
  /** In UTF-16 code units of that message. */
  readonly spanFrom: number
  readonly spanTo: number
  readonly notedAt: Date
}

export interface ProfileQueries {
  /** The facts that stand, the latest first; at most 500. */
  readonly facts: (ownerId: string) => Promise<readonly ProfileFactRow[]>
}

export function createProfileQueries({ database }: { readonly database: Pick<Database, 'queries'> }): ProfileQueries {
  return {
    facts: (ownerId) =>
      database.queries.query<ProfileFactRow>(
        `select fact_id as "factId", profile_fact.kind, value, source_turn_id as "turnId", message_id as "messageId",
          client_conversation_id as "conversationId", span_from as "spanFrom", span_to as "spanTo", noted_at as "notedAt"
        from chat.profile_fact
          left join chat.turn on turn.conversation_id = source_conversation_id
            and turn.turn_id = source_turn_id
          left join chat.conversation on conversation.conversation_id = source_conversation_id
            and conversation.owner_id = profile_fact.owner_id
            and deleted_at is null
        where profile_fact.owner_id = $1
          and removed_at is null
          and value is not null
        order by noted_at desc, fact_id desc
        limit $2`,
        [ownerId, FACTS_SHOWN_MAX],
      ),
  }
}
