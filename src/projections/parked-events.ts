/** What operators do with parked events: look at them, have them handled again, or leave one out for good. */
import type { Codec, StoredEvent } from '../events/codec.ts'
import { Fault, isFault } from '../shared/failures.ts'
import { type Position, toRevision } from '../shared/ids.ts'
import type { Logger } from '../shared/logger.ts'
import type { EventReader } from '../store/event-store.ts'
import { type BatchTarget, BatchWriter } from './batch-writer.ts'
import { takeCheckpoint } from './checkpoint-taking.ts'
import type { Connection } from './connection.ts'
import type { Database } from './database.ts'
import { isValueRefused } from './database-failures.ts'
import { type Generation, listGenerations } from './generations.ts'
import { type ActBy, noteAct } from './operator-acts.ts'
import { PROJECTORS_VERSION } from './projectors.ts'
import { partitionOf } from './stream-partition.ts'

export interface ParkedStream {
  readonly generation: number
  readonly stream: string
  readonly events: bigint
  readonly firstPosition: Position
  readonly firstType: string
  /** When the first of them was recorded. */
  readonly firstCreatedAt: Date
  readonly parkedAt: Date
  readonly reason: string
}

export interface ParkedEventRow {
  readonly generation: number
  readonly position: Position
  readonly stream: string
  readonly revision: bigint
  readonly eventId: string
  readonly type: string
  readonly createdAt: Date
  readonly reason: string
  readonly isFirst: boolean
}

export interface ParkedTotals {
  readonly streams: number
  readonly events: number
  readonly oldestAt: Date | null
}

const PAGE_ROWS_MAX = 500
/** A stream with more parked events is handled again in several acts. */
const RETRY_EVENTS_MAX = 5_000
/** The writer may park more while we read; after so many rounds it is faster than we are. */
const ROUNDS_MAX = 5

/** The parked streams, the longest waiting first. */
export async function listParkedStreams({ queries }: Pick<Database, 'queries'>): Promise<ParkedStream[]> {
  return queries.query<ParkedStream>(
    `select generation, stream, count(*) as events, min(position) as "firstPosition",
      (array_agg(type order by position))[1] as "firstType",
      (array_agg(created_at order by position))[1] as "firstCreatedAt",
      min(parked_at) as "parkedAt",
      (array_agg(reason order by position))[1] as reason
    from emberlog.parked_event
    group by generation, stream
    order by min(parked_at), stream
    limit $1`,
    [PAGE_ROWS_MAX],
  )
}

/** The parked events of a stream in order, with the reason why the first could not be handled. */
export async function showParkedEvents(
  { queries }: Pick<Database, 'queries'>,
  stream: string,
): Promise<ParkedEventRow[]> {
  return queries.query<ParkedEventRow>(
    `select generation, position, stream, revision, event_id as "eventId", type, created_at as "createdAt", reason,
      is_first as "isFirst"
    from emberlog.parked_event
    where stream = $1
    order by generation, position
    limit $2`,
    [stream, PAGE_ROWS_MAX],
  )
}

/** For metrics: of the live generation. */
export async function parkedTotals({ queries }: Pick<Database, 'queries'>): Promise<ParkedTotals> {
  const [totals] = await queries.query<ParkedTotals>(
    `select count(distinct stream)::integer as streams, count(*)::integer as events, min(parked_at) as "oldestAt"
    from emberlog.parked_event
      join emberlog.generation on number = generation
    where state = 'live'`,
  )
  return totals ?? { streams: 0, events: 0, oldestAt: null }
}

export interface ParkedAct {
  readonly database: Pick<Database, 'queries'>
  readonly reader: Pick<EventReader, 'readStream'>
  readonly codec: Codec
  readonly logger: Logger
  readonly stream: string
  readonly by: ActBy
}

export interface ReleaseOutcome {
  readonly generation: number
  readonly released: number
  /** Still parked, beginning with the event that cannot be handled yet. */
  readonly remaining: number
  /** Why; undefined when nothing remains. */
  readonly reason: string | undefined
}

/**
 * Handles the parked events of a stream again, in order, as far as that goes, in every generation of these projectors.
 * Throws `not-parked` when the stream has none.
 */
export async function retryParkedEvents(act: ParkedAct): Promise<ReleaseOutcome[]> {
  const outcomes: ReleaseOutcome[] = []
  for (const generation of await generationsWith(act)) outcomes.push(await release(act, generation))
  if (outcomes.length === 0) throw new Fault('not-parked', { stream: act.stream })
  act.logger.warn({ stream: act.stream, outcomes }, 'handled parked events again')
  return outcomes
}

/**
 * Leaves the first parked event of a stream out of the read models for ever, also in later rebuilds, and handles the rest
 * again. The record keeps the event. Throws `not-parked` unless `position` is the first parked position of the stream.
 */
export async function discardParkedEvent(
  act: ParkedAct & { readonly position: Position; readonly reason: string },
): Promise<ReleaseOutcome[]> {
  const { database, stream, position, by, reason } = act
  const discarded = await database.queries.withConnection((connection) =>
    connection.transaction(async () => {
      const rows = await discardNow(connection, act)
      const data = { stream, position: String(position), reason }
      if (rows.length > 0) await noteAct(connection, { type: 'ParkedEventDiscarded', data }, by)
      return rows
    }),
  )
  if (discarded.length === 0) throw new Fault('not-parked', { stream, position })
  act.logger.warn({ stream, position, by: by.id }, 'discarded a parked event')
  return retryParkedEvents(act)
}

function discardNow(
  connection: Connection,
  { stream, position, by }: ParkedAct & { readonly position: Position },
): Promise<object[]> {
  return connection.query(
    `insert into emberlog.discarded_event (position, stream, revision, event_id, type, reason, discarded_by)
    select position, stream, revision, event_id, type, reason, $3
    from emberlog.parked_event
    where stream = $1
      and position = $2
      and position = (select min(position) from emberlog.parked_event where stream = $1)
    limit 1
    on conflict do nothing
    returning position`,
    [stream, String(position), by.id],
  )
}

async function generationsWith({ database, stream }: ParkedAct): Promise<Generation[]> {
  const parked = await database.queries.query<{ generation: number }>(
    'select distinct generation from emberlog.parked_event where stream = $1',
    [stream],
  )
  const generations = await listGenerations(database.queries)
  return generations.filter(
    ({ number, state, projectorsVersion }) =>
      (state === 'live' || state === 'retired') &&
      projectorsVersion === PROJECTORS_VERSION &&
      parked.some(({ generation }) => generation === number),
  )
}

/** Reads the events before it locks the checkpoint, so that the writer waits for rows only and never for the store. */
async function release(act: ParkedAct, generation: Generation): Promise<ReleaseOutcome> {
  const { queries } = act.database
  for (let round = 1; round <= ROUNDS_MAX; round += 1) {
    const [span] = await queries.query<{ from: bigint | null; to: bigint }>(
      `select min(revision) as from, max(revision) as to
      from emberlog.parked_event
      where generation = $1
        and stream = $2`,
      [generation.number, act.stream],
    )
    if (span === undefined || span.from === null) return nothingLeft(generation)
    const events = await readEvents(act, span.from, span.to)
    const outcome = await queries.withConnection((connection) =>
      connection.transaction(() => releaseNow(act, generation, connection, events)),
    )
    if (outcome !== 'more were parked') return outcome
  }
  throw new Fault('database-busy', { doing: 'releasing parked events', stream: act.stream })
}

async function readEvents({ reader, stream }: ParkedAct, from: bigint, to: bigint): Promise<StoredEvent[]> {
  const events: StoredEvent[] = []
  for await (const event of reader.readStream(stream, { from: toRevision(from) })) {
    if (event.revision > to || events.length >= RETRY_EVENTS_MAX) break
    events.push(event)
  }
  return events
}

async function releaseNow(
  act: ParkedAct,
  generation: Generation,
  connection: Connection,
  events: readonly StoredEvent[],
): Promise<ReleaseOutcome | 'more were parked'> {
  const outcome = await releaseAsFarAsPossible(act, generation, connection, events)
  if (outcome === 'more were parked') return outcome
  const { released, remaining } = outcome
  const data = { generation: generation.number, stream: act.stream, released, remaining }
  await noteAct(connection, { type: 'ParkedEventsReleased', data }, act.by)
  return outcome
}

async function releaseAsFarAsPossible(
  act: ParkedAct,
  { number, schema, partitions }: Generation,
  connection: Connection,
  events: readonly StoredEvent[],
): Promise<ReleaseOutcome | 'more were parked'> {
  const partition = partitionOf(act.stream, partitions)
  const checkpoint = await takeCheckpoint(connection, number, partition)
  const parked = await connection.query<{ position: bigint }>(
    `select position
    from emberlog.parked_event
    where generation = $1
      and stream = $2
    order by position`,
    [number, act.stream],
  )
  const known = new Map(events.map((event) => [event.position as bigint, event]))
  const isComplete = events.length >= RETRY_EVENTS_MAX || parked.every(({ position }) => known.has(position))
  if (checkpoint === undefined || !isComplete) return 'more were parked'
  const target: BatchTarget = { generation: number, schema, partition, states: ['live', 'retired'] }
  const writer = await BatchWriter.open(connection, target)
  const discarded = await findDiscarded(connection, parked)
  let released = 0
  let reason: string | undefined
  for (const { position } of parked) {
    const event = known.get(position)
    if (event === undefined) break
    if (!discarded.has(position)) reason = await handleAgain(act.codec, connection, writer, event)
    if (reason !== undefined) break
    released += 1
  }
  const next = parked[released]
  await connection.query('delete from emberlog.parked_event where generation = $1 and stream = $2 and position < $3', [
    number,
    act.stream,
    String(next?.position ?? checkpoint.position + 1n),
  ])
  if (next === undefined) return { generation: number, released, remaining: 0, reason: undefined }
  reason ??= `handled ${RETRY_EVENTS_MAX} at a time; have it handled again for the rest`
  await connection.query(
    `update emberlog.parked_event
    set is_first = true, reason = $3
    where generation = $1
      and position = $2`,
    [number, String(next.position), reason],
  )
  return { generation: number, released, remaining: parked.length - released, reason }
}

/** Stores one event; undefined when that went well, else the reason why not. */
async function handleAgain(
  codec: Codec,
  connection: Connection,
  writer: BatchWriter,
  event: StoredEvent,
): Promise<string | undefined> {
  const [recorded] = await codec.decodeAll([event])
  if (recorded === undefined || isFault(recorded)) return recorded?.message ?? 'not decoded'
  await connection.script('savepoint before_event')
  try {
    await writer.store({ events: [recorded], parked: [], position: writer.position })
    await connection.script('release savepoint before_event')
    return undefined
  } catch (error) {
    if (!isValueRefused(error) && !isFault(error, 'event-not-projectable')) throw error
    await connection.script('rollback to savepoint before_event')
    return (error as Fault).message
  }
}

async function findDiscarded(
  connection: Connection,
  parked: readonly { readonly position: bigint }[],
): Promise<Set<bigint>> {
  const rows = await connection.query<{ position: bigint }>(
    'select position from emberlog.discarded_event where position = any ($1::bigint[])',
    [parked.map(({ position }) => String(position))],
  )
  return new Set(rows.map(({ position }) => position))
}

function nothingLeft({ number }: Generation): ReleaseOutcome {
  return { generation: number, released: 0, remaining: 0, reason: undefined }
}
