/** What is done to the read models gets into the record: noted in one transaction with the act, then recorded, once. */
import type { OperatorEvent } from '../events/operator-events.ts'
import type { Logger } from '../shared/logger.ts'
import type { Connection } from './connection.ts'
import type { Database } from './database.ts'

/** Who did it: a person, or the program by itself. */
export interface ActBy {
  readonly kind: 'operator' | 'system'
  readonly id: string
}

/** The writer, when it parks an event or builds what a newer version wants. */
export const byProjector: ActBy = { kind: 'system', id: 'projector' }

export interface NotedAct {
  readonly actId: string
  readonly event: OperatorEvent
  readonly by: ActBy
}

/** Puts an act into the record; the same act again changes nothing. */
export type RecordAct = (act: NotedAct) => Promise<void>

const ACTS_AT_ONCE_MAX = 200

/** Call it inside the transaction of the act, so that there is never one without the other. */
export async function noteAct(connection: Pick<Connection, 'query'>, event: OperatorEvent, by: ActBy): Promise<void> {
  await connection.query('insert into emberlog.act (type, data, actor_kind, actor_id) values ($1, $2, $3, $4)', [
    event.type,
    JSON.stringify(event.data),
    by.kind,
    by.id,
  ])
}

/** Records what is noted, oldest first; what cannot be recorded now stays noted. Never throws: the acts themselves are done. */
export async function recordNotedActs(parts: {
  readonly database: Pick<Database, 'queries'>
  readonly recordAct: RecordAct
  readonly logger: Logger
}): Promise<void> {
  const { queries } = parts.database
  try {
    for (;;) {
      const noted = await queries.query<{
        actId: string
        type: string
        data: unknown
        kind: ActBy['kind']
        id: string
      }>(
        `select act_id as "actId", type, data, actor_kind as kind, actor_id as id
        from emberlog.act
        order by number
        limit $1`,
        [ACTS_AT_ONCE_MAX],
      )
      for (const { actId, type, data, kind, id } of noted) {
        await parts.recordAct({ actId, event: { type, data } as OperatorEvent, by: { kind, id } })
        await queries.query('delete from emberlog.act where act_id = $1', [actId])
      }
      if (noted.length < ACTS_AT_ONCE_MAX) return
    }
  } catch (error) {
    parts.logger.warn({ reason: String(error) }, 'acts on the read models are not in the record yet')
  }
}
