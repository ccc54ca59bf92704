/** Finds events by what the index of events says of them: where to look, for those who then read the record itself. */
import { Fault } from '../shared/failures.ts'
import type { Position, Revision } from '../shared/ids.ts'
import type { Database } from './database.ts'
import { PROJECTORS_VERSION } from './projectors.ts'

export interface IndexedEvents {
  /** Any of these left out fits everything. */
  readonly type?: string
  /** An actor's id, or `kind:id`. */
  readonly actor?: string
  readonly correlationId?: string
  readonly after?: Position
  readonly limit: number
}

/** Where an event stands, as the index says. */
export interface EventPlace {
  readonly stream: string
  readonly revision: Revision
  readonly position: Position
  readonly eventId: string
}

export interface FoundEvents {
  /** In the order of the log; as many as asked for, unless there are no more. */
  readonly places: readonly EventPlace[]
  /** Everything up to here that the index takes in is in it, but for what waits or was left out; -1 before the first event. */
  readonly indexedTo: Position
  /** So many streams wait, from some event on, to be looked after: what waits is not in the index. */
  readonly waitingStreams: number
  /** So many events an operator left out of the read models for good. */
  readonly discardedEvents: number
}

export interface EventQueries {
  /**
   * Events of kept conversations and of people. Throws `read-models-outdated` while the rows of another version are shown, and the
   * faults of the database.
   */
  readonly find: (asked: IndexedEvents) => Promise<FoundEvents>
}

interface FoundState extends Omit<FoundEvents, 'places'> {
  readonly version: number
}

/** The state, and with it a place, if any was found. */
type FoundRow = FoundState & (EventPlace | { readonly [Field in keyof EventPlace]: null })

export function createEventQueries({ database }: { readonly database: Pick<Database, 'queries'> }): EventQueries {
  return {
    async find(asked) {
      // One statement, so that all of it is of one generation, at one moment.
      const rows = await database.queries.query<FoundRow>(...findStatement(asked))
      const [first] = rows
      if (first === undefined) throw new Fault('read-models-missing', { doing: 'looking at the index of events' })
      const { version, indexedTo, waitingStreams, discardedEvents } = first
      if (version !== PROJECTORS_VERSION) throw new Fault('read-models-outdated', { version, ours: PROJECTORS_VERSION })
      const places = rows.flatMap((row) => (row.stream === null ? [] : [placeOf(row)]))
      return { places, indexedTo, waitingStreams, discardedEvents }
    },
  }
}

function placeOf({ stream, revision, position, eventId }: EventPlace): EventPlace {
  return { stream, revision, position, eventId }
}

/** What partitions that are farther ahead have beyond the others is left for later: else pages would pass over what comes between. */
function findStatement(asked: IndexedEvents): [string, unknown[]] {
  const values: unknown[] = [asked.limit]
  const parts = canBeStored(asked) ? partsOf(asked, values) : [placesWhere(['false'])]
  return [
    `with state as materialized (
      select position.position, projectors_version as version,
        (
          select count(distinct stream)::integer
          from emberlog.parked_event
          where parked_event.generation = position.generation
        ) as waiting,
        (select count(*)::integer from emberlog.discarded_event) as discarded
      from chat.position
        join emberlog.generation on generation.number = position.generation
    )
    select version, state.position as "indexedTo", waiting as "waitingStreams", discarded as "discardedEvents",
      stream, revision, found.position, "eventId"
    from state
      left join lateral (
        select *
        from (${parts.join(' union all ')}) as each_actor
        order by position
        limit $1
      ) as found on true
    order by found.position`,
    values,
  ]
}

/** Each actor is looked up by itself, so that an index gives their events in order, and no more of them than are asked for. */
function partsOf({ type, actor, correlationId, after }: IndexedEvents, values: unknown[]): string[] {
  const condition = (column: string, operator: '=' | '>', value: unknown) => {
    if (value === undefined) return []
    values.push(value)
    return [`${column} ${operator} $${values.length}`]
  }
  const shared = [
    'position <= state.position',
    ...condition('type', '=', type),
    ...condition('correlation_id', '=', correlationId),
    ...condition('position', '>', after),
  ]
  return actorsOf(actor).map(({ id, kind }) =>
    placesWhere([...shared, ...condition('actor_id', '=', id), ...condition('actor_kind', '=', kind)]),
  )
}

function placesWhere(conditions: readonly string[]): string {
  return `(
          select stream, revision, position, event_id as "eventId"
          from chat.event_index
          where ${conditions.join(' and ')}
          order by position
          limit $1
        )`
}

interface Actor {
  readonly id?: string
  readonly kind?: string
}

/** `kind:id`; an id that has a colon itself may be meant as well. */
function actorsOf(text: string | undefined): Actor[] {
  if (text === undefined) return [{}]
  const colon = text.indexOf(':')
  return colon === -1 ? [{ id: text }] : [{ id: text }, { kind: text.slice(0, colon), id: text.slice(colon + 1) }]
}

const BIGINT_MAX = 2n ** 63n - 1n

/** What Postgres cannot hold is in no row, and must not be asked for. */
function canBeStored({ type, actor, correlationId, after = 0n as Position }: IndexedEvents): boolean {
  return after <= BIGINT_MAX && [type, actor, correlationId].every((text) => text?.includes('\0') !== true)
}
