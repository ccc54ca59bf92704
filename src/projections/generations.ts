/** Generations of read models: made, found, and shown to readers; exactly one is live. */
import { readFile } from 'node:fs/promises'
import { isFault } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import {
  hideAnalytics,
  isAnalyticsShown,
  readAnalyticsDefinition,
  showAnalytics,
} from './analytics/analytics-schema.ts'
import type { Connection } from './connection.ts'
import { conversationModel } from './conversation-read-model.ts'
import { messageModel } from './message-read-model.ts'
import { beginMigrating, MIGRATING } from './migrations.ts'
import { PROJECTORS_VERSION, readModels } from './projectors.ts'
import { quoted, type ReadModel, shownColumns } from './read-model.ts'

export interface Generation {
  readonly number: number
  readonly schema: string
  readonly projectorsVersion: number
  readonly state: 'building' | 'live' | 'retired' | 'dropped'
  /** Streams are divided into so many from the moment it is first shown; while it is built, one checkpoint stands for all. */
  readonly partitions: number
  /** The last position handled by all partitions; -1 before the first. */
  readonly position: bigint
  /** The last position handled by any of them. */
  readonly positionMax: bigint
  readonly eventCount: bigint
  readonly createdAt: Date
  readonly liveAt: Date | null
}

/** Says which generation is live and how far each partition is, at the moment it becomes so: `live <generation> <position>,…`. */
export const LIVE_ANNOUNCEMENT = 'live'

const GENERATION_DIRECTORY = new URL('./sql/generation/', import.meta.url)

/**
 * So long may each view be waited for that somebody reads. All of them together stay below a second: then Postgres would look
 * for deadlocks, and end a reader who has one view and waits for the next.
 */
const VIEW_LOCK_MS_MAX = 100

/**
 * A reader of several views may hold one and wait for another that is being replaced. The view that could not be had comes first
 * the next time, so that such readers then wait at the door, holding nothing.
 */
const viewOrder = ['position', ...readModels.map(({ name }) => name)]

function moveToFront(name: string): void {
  viewOrder.splice(viewOrder.indexOf(name), 1)
  viewOrder.unshift(name)
}

const INDEXING_MEMORY = '128MB'

const GENERATION_QUERY = `select generation.number, schema_name as schema, projectors_version as "projectorsVersion", state, partitions,
    coalesce(min(position), -1) as position, coalesce(max(position), -1) as "positionMax", coalesce(sum(event_count), 0)::bigint as "eventCount",
    created_at as "createdAt", live_at as "liveAt"
  from emberlog.generation
    left join emberlog.checkpoint on generation.number = checkpoint.generation`

export async function listGenerations(connection: Pick<Connection, 'query'>): Promise<Generation[]> {
  return connection.query<Generation>(`${GENERATION_QUERY} group by generation.number order by generation.number`)
}

export async function findLiveGeneration(connection: Pick<Connection, 'query'>): Promise<Generation | undefined> {
  const [live] = await connection.query<Generation>(
    `${GENERATION_QUERY} where state = 'live' group by generation.number`,
  )
  return live
}

/** Makes sure that readers have read models to look at; empty ones when there were none, which the writer then fills. */
export async function ensureLiveGeneration(
  connection: Connection,
  logger: Logger,
  partitions: number,
): Promise<Generation> {
  return connection.transaction(async () => {
    await beginMigrating(connection)
    const live = await findLiveGeneration(connection)
    if (live !== undefined && (await isWhole(connection, live))) return live
    if (live !== undefined) {
      logger.warn({ generation: live.number }, 'the live read models are gone; making new ones from the record')
      await forgetGeneration(connection, live.number)
    }
    const generation = await createGeneration(connection, partitions)
    await indexGeneration(connection, generation.schema)
    await showGeneration(connection, generation)
    logger.info({ generation: generation.number, version: PROJECTORS_VERSION }, 'made the first read models')
    return { ...generation, state: 'live' }
  }, MIGRATING)
}

/** Makes the empty tables of the next generation. Inside a transaction that began migrating. */
export async function createGeneration(connection: Connection, partitions: number): Promise<Generation> {
  const [next] = await connection.query<{ number: number }>(
    `select greatest(
        (select max(number) from emberlog.generation),
        (select max(substring(nspname from '^chat_g([0-9]{1,8})$')::integer) from pg_namespace)
      ) as number`,
  )
  const number = (next?.number ?? 0) + 1
  const schema = `chat_g${number}`
  await connection.query(
    `insert into emberlog.generation (number, schema_name, projectors_version, state, partitions)
    values ($1, $2, $3, 'building', $4)`,
    [number, schema, PROJECTORS_VERSION, partitions],
  )
  await connection.query('insert into emberlog.checkpoint (generation) values ($1)', [number])
  await connection.script(`create schema ${schema}`)
  await createTables(connection, schema)
  await connection.script(describeTables(schema))
  const generations = await listGenerations(connection)
  return generations.find((generation) => generation.number === number) as Generation
}

/** Makes the empty tables of a generation, with their keys, in a schema that is there. Inside a transaction. */
export async function createTables(connection: Connection, schema: string): Promise<void> {
  await runInSchema(connection, schema, '0001-read-models.sql')
}

/** The largest table has about half of the work, and all others the rest: both parts can be done at the same time. */
const INDEXING_PARTS = ['messages', 'others'] as const
type IndexingPart = (typeof INDEXING_PARTS)[number]

/** Makes the indexes besides the keys, unless they are there, and tells the planner what the tables are like. */
export async function indexGeneration(connection: Connection, schema: string): Promise<void> {
  for (const part of INDEXING_PARTS) await indexPart(connection, schema, part)
}

/** One part of `indexGeneration`. Inside a transaction, as the memory it asks for ends with it. */
export async function indexPart(connection: Connection, schema: string, part: IndexingPart): Promise<void> {
  const isOfMessages = part === 'messages'
  const models = readModels.filter(({ name }) => (name === messageModel.name) === isOfMessages)
  await connection.script(`set local maintenance_work_mem = '${INDEXING_MEMORY}'`)
  await runInSchema(connection, schema, isOfMessages ? '0003-message-indexes.sql' : '0002-indexes.sql')
  await connection.script(`analyze ${models.map(({ name }) => `${schema}.${name}`).join(', ')}`)
}

async function runInSchema(connection: Connection, schema: string, file: string): Promise<void> {
  const text = await readFile(new URL(file, GENERATION_DIRECTORY), 'utf8')
  await connection.script(`set local search_path to ${schema}`)
  await connection.script(text)
  await connection.script('set local search_path to default')
}

/**
 * Points the views of schema `chat`, and with them those of `analytics`, at a generation and makes it the live one.
 * Inside a transaction that began migrating. Throws `database-busy`, to be tried again, when somebody reads them for long.
 */
export async function showGeneration(connection: Connection, { number, schema }: Generation): Promise<void> {
  await connection.query(
    `update emberlog.generation set state = 'retired', retired_at = now() where state = 'live' and number <> $1`,
    [number],
  )
  await connection.query(
    `update emberlog.generation set state = 'live', live_at = now(), retired_at = null where number = $1`,
    [number],
  )
  await divideIntoPartitions(connection, number)
  await connection.script(`set local lock_timeout = ${VIEW_LOCK_MS_MAX}`)
  const analytics = await readAnalyticsDefinition()
  const reshaped = await findReshapedModels(connection)
  // Views replaced in place carry what stands on them along; only another shape needs all of it made anew.
  const isCarried = reshaped.length === 0 && (await isAnalyticsShown(connection, analytics))
  if (!isCarried) await hideAnalytics(connection)
  for (const { name } of reshaped) await connection.script(`drop view chat.${name}`)
  for (const name of [...viewOrder]) {
    try {
      await connection.script(viewStatements(name, { number, schema }))
    } catch (error) {
      if (isFault(error, 'database-busy')) moveToFront(name)
      throw error
    }
  }
  if (!isCarried) await showAnalytics(connection, analytics)
  await connection.query(
    `select pg_notify('emberlog_position', concat_ws(' ', $1::text, generation,
        string_agg(position::text, ',' order by partition)))
    from emberlog.checkpoint
    where generation = $2
    group by generation`,
    [LIVE_ANNOUNCEMENT, number],
  )
}

/** From here on each partition has a checkpoint of its own, which begins where the one for all of them is. */
async function divideIntoPartitions(connection: Connection, number: number): Promise<void> {
  await connection.query(
    `insert into emberlog.checkpoint (generation, partition, position)
    select generation, new_partition, position
    from emberlog.checkpoint
      join emberlog.generation on number = generation,
      generate_series(1, partitions - 1) as new_partition
    where generation = $1
      and partition = 0
    on conflict do nothing`,
    [number],
  )
}

function viewStatements(name: string, { number, schema }: Pick<Generation, 'number' | 'schema'>): string {
  const model = readModels.find((each) => each.name === name)
  if (model === undefined) return positionStatements(number)
  const columns = shownColumns(model).map((column) => column.name)
  return `create or replace view chat.${name} as select ${columns.join(', ')} from ${schema}.${name};
    ${describe('view', 'chat', model)}`
}

function positionStatements(generation: number): string {
  return `create or replace view chat.position as
    select generation, min(position) as position
    from emberlog.checkpoint
    where generation = ${generation}
    group by generation;
    comment on view chat.position is 'The last position of the log that is in these read models; -1 before the first.'`
}

/** The read models whose views Postgres cannot replace in place, so that what others built upon them would not go on. */
async function findReshapedModels(connection: Connection): Promise<ReadModel[]> {
  const shown = await connection.query<{ view: string; name: string }>(
    `select table_name as view, column_name as name
    from information_schema.columns
    where table_schema = 'chat'
    order by table_name, ordinal_position`,
  )
  const columnsByView = Map.groupBy(shown, ({ view }) => view)
  return readModels.filter((model) => {
    const names = shownColumns(model).map(({ name }) => name)
    return (columnsByView.get(model.name) ?? []).some(({ name }, index) => names[index] !== name)
  })
}

/** Its number is never used again: whoever remembers how far it was must not take another for it. */
export async function forgetGeneration(connection: Connection, number: number): Promise<void> {
  await connection.query(`update emberlog.generation set state = 'dropped' where number = $1`, [number])
  await connection.query('delete from emberlog.checkpoint where generation = $1', [number])
  await connection.query('delete from emberlog.parked_event where generation = $1', [number])
}

/** What another version made need not have all that we know; conversations were in every one. */
async function isWhole(connection: Connection, { schema, projectorsVersion }: Generation): Promise<boolean> {
  const models: readonly { readonly name: string }[] =
    projectorsVersion === PROJECTORS_VERSION ? readModels : [conversationModel]
  const [found] = await connection.query<{ count: bigint }>(
    `select count(*) as count
    from unnest($1::text[]) as name
    where to_regclass($2 || '.' || name) is not null
      and to_regclass('chat.' || name) is not null`,
    [models.map(({ name }) => name), schema],
  )
  return found?.count === BigInt(models.length)
}

function describeTables(schema: string): string {
  return readModels.map((model) => describe('table', schema, model)).join('\n')
}

function describe(what: 'table' | 'view', schema: string, model: ReadModel): string {
  const place = `${schema}.${model.name}`
  return [
    `comment on ${what} ${place} is ${quoted(model.about)};`,
    ...shownColumns(model).map(({ name, about }) => `comment on column ${place}.${name} is ${quoted(about)};`),
  ].join('\n')
}
