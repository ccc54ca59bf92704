/** Finds what the read models know of one person's record: where to look, never what to decide. */
import { conversationStream } from '../events/stream-names.ts'
import type { Uuid } from '../shared/ids.ts'
import type { Database } from './database.ts'

/** Drafts of older turns are gone by themselves. */
const DRAFT_AGE = '2 days'
const ROWS_MAX = 100_000

export interface PersonRows {
  readonly conversationStreams: (ownerId: string) => Promise<string[]>
  /** Turns whose drafts may still be there. */
  readonly recentTurns: (ownerId: string) => Promise<string[]>
}

export function createPersonRows({ queries }: Pick<Database, 'queries'>): PersonRows {
  return {
    async conversationStreams(ownerId) {
      const rows = await queries.query<{ id: Uuid }>(
        'select conversation_id as id from chat.conversation where owner_id = $1 order by conversation_id limit $2',
        [ownerId, ROWS_MAX],
      )
      return rows.map(({ id }) => conversationStream(id))
    },

    async recentTurns(ownerId) {
      const rows = await queries.query<{ id: string }>(
        `select turn_id as id
        from chat.turn
        where owner_id = $1
          and asked_at > now() - interval '${DRAFT_AGE}'
        order by asked_position desc
        limit $2`,
        [ownerId, ROWS_MAX],
      )
      return rows.map(({ id }) => id)
    },
  }
}
