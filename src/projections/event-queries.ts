/** Finds events by what the index of events says of them: where to look, for those who then read the record itself. */
import type { Position, Revision } from '../shared/ids.ts'
import type { Database } from './database.ts'

export interface IndexedEvents {
  /** Any of these left out fits everything. */
  readonly type?: string
  /** An actor's id, or `kind:id`. */
  readonly actor?: string
  readonly correlationId?: string
  readonly after?: Position
  readonly limit: number
}

/** Where an event stands. */
export interface EventPlace {
  readonly stream: string
  readonly revision: Revision
  readonly position: Position
}

export interface FoundEvents {
  /** In the order of the log; as many as asked for, unless there are no more. */
  readonly places: readonly EventPlace[]
  /** Everything up to here that the index takes in is in it; -1 before the first event. */
  readonly indexedTo: Position
  /** So many streams wait, from some event on, to be looked after: what waits is not in the index. */
  readonly waitingStreams: number
}

export interface EventQueries {
  /** Events of kept conversations and of people. Throws the faults of the database. */
  readonly find: (asked: IndexedEvents) => Promise<FoundEvents>
}

export function createEventQueries({ database }: { readonly database: Pick<Database, 'queries'> }): EventQueries {
  const { queries } = database
  return {
    async find({ type, actor, correlationId, after, limit }) {
      // Asked first: what the index held then, the next statement sees too.
      const [state] = await queries.query<{ position: Position; waiting: number }>(
        `select position,
          (
            select count(distinct stream)::integer
            from emberlog.parked_event
            where parked_event.generation = position.generation
          ) as waiting
        from chat.position`,
      )
      const places = await queries.query<EventPlace>(
        ...placesStatement({ type, correlationId, after, limit }, actor === undefined ? [{}] : actorsOf(actor)),
      )
      return { places, indexedTo: state?.position ?? NOWHERE, waitingStreams: state?.waiting ?? 0 }
    },
  }
}

const NOWHERE = -1n as Position

interface Actor {
  readonly id?: string
  readonly kind?: string
}

/** `kind:id`; an id that has a colon itself may be meant as well. */
function actorsOf(text: string): Actor[] {
  const colon = text.indexOf(':')
  return colon === -1 ? [{ id: text }] : [{ id: text }, { kind: text.slice(0, colon), id: text.slice(colon + 1) }]
}

/** Each actor is looked up by itself, so that an index gives their events in order, and no more of them than are asked for. */
function placesStatement(
  { type, correlationId, after, limit }: { [Name in keyof IndexedEvents]: IndexedEvents[Name] | undefined },
  actors: readonly Actor[],
): [string, unknown[]] {
  const values: unknown[] = [limit]
  const condition = (column: string, operator: '=' | '>', value: unknown) => {
    if (value === undefined) return []
    values.push(value)
    return [`${column} ${operator} $${values.length}`]
  }
  const shared = [
    ...condition('type', '=', type),
    ...condition('correlation_id', '=', correlationId),
    ...condition('position', '>', after),
  ]
  const parts = actors.map(({ id, kind }) => {
    const conditions = [...shared, ...condition('actor_id', '=', id), ...condition('actor_kind', '=', kind)]
    return `(
          select stream, revision, position
          from chat.event_index
          ${conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`}
          order by position
          limit $1
        )`
  })
  const statement = `select stream, revision, position
      from (
        ${parts.join('\n        union all\n        ')}
      ) as found
      order by position
      limit $1`
  return [statement, values]
}
