/** Makes the rows of single streams anew, in every generation, from what can still be read of them. */
import type { Codec, RecordedEvent } from '../events/codec.ts'
import { conversationIdFromStream, personIdFromStream } from '../events/stream-names.ts'
import { Fault, isFault } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import type { EventReader } from '../store/event-store.ts'
import { BatchWriter } from './batch-writer.ts'
import type { Connection } from './connection.ts'
import type { Database } from './database.ts'
import { type Generation, listGenerations } from './generations.ts'
import { PROJECTORS_VERSION, readModels } from './projectors.ts'
import { columnName } from './read-model.ts'
import { partitionOf } from './stream-partition.ts'

export interface RowsAgainParts {
  readonly database: Pick<Database, 'queries'>
  readonly reader: Pick<EventReader, 'readStream' | 'readStreamBackwards'>
  readonly codec: Codec
  readonly logger: Logger
}

export interface RowsMade {
  /** Rows that were replaced, of all read models and generations together. */
  readonly rows: number
  readonly generations: number
  /** Parked events whose reasons, which may quote what could not be read, were taken back. */
  readonly parked: number
}

/** Events folded and stored at once. */
const CHUNK_EVENTS = 2_000
/** A stream that grows faster than it is read is read again so often. */
const ROUNDS_MAX = 5
const ERASED_REASON = 'erased: make the rows of this stream anew'

/**
 * The codec must not know any more what is to be gone. Rows that a writer decoded before are refused when it stores them: it takes
 * its checkpoint up anew, and decodes again. Throws `generation-foreign` while the live rows are made by other projectors.
 */
export async function makeRowsAgain(parts: RowsAgainParts, streams: readonly string[]): Promise<RowsMade> {
  const { database, logger } = parts
  const made = { rows: 0, generations: 0, parked: 0 }
  for (const generation of await listGenerations(database.queries)) {
    if (generation.state === 'dropped') continue
    if (generation.projectorsVersion !== PROJECTORS_VERSION) {
      throw new Fault('generation-foreign', { generation: generation.number, version: generation.projectorsVersion })
    }
    await disownWriters(database, generation)
    made.generations += 1
    for (const stream of streams) {
      made.rows += await remake(parts, generation, stream)
      made.parked += await takeBackReasons(database, generation, stream)
    }
  }
  logger.info({ streams: streams.length, ...made }, 'made rows anew')
  return made
}

/** Whatever is decoded, and not stored yet, was decoded with keys that may be gone by now. */
async function disownWriters({ queries }: Pick<Database, 'queries'>, { number }: Generation): Promise<void> {
  await queries.query(
    'update emberlog.checkpoint set parked_version = parked_version + 1 where generation = $1 returning partition',
    [number],
  )
}

async function remake(parts: RowsAgainParts, generation: Generation, stream: string): Promise<number> {
  for (let round = 1; round <= ROUNDS_MAX; round += 1) {
    const events = await readDecoded(parts, stream)
    const replaced = await parts.database.queries.withConnection((connection) =>
      connection.transaction(() => replaceRows(parts, { connection, generation, stream, events })),
    )
    if (replaced !== 'has grown') return replaced
  }
  throw new Fault('database-busy', { doing: 'making rows anew', stream })
}

/** An event that cannot be decoded is parked, and everything after it. */
async function readDecoded({ reader, codec }: RowsAgainParts, stream: string): Promise<RecordedEvent[]> {
  const stored = []
  for await (const event of reader.readStream(stream)) stored.push(event)
  const events: RecordedEvent[] = []
  for (const event of await codec.decodeAll(stored)) {
    if (isFault(event)) break
    events.push(event)
  }
  return events
}

interface Replacing {
  readonly connection: Connection
  readonly generation: Generation
  readonly stream: string
  readonly events: readonly RecordedEvent[]
}

/** Holds the checkpoint of the stream's partition, so that no writer adds to rows that are being replaced. */
async function replaceRows(parts: RowsAgainParts, replacing: Replacing): Promise<number | 'has grown'> {
  const { connection, generation, stream, events } = replacing
  const { number, schema, state } = generation
  // While a generation is built, one checkpoint stands for all partitions.
  const partition = state === 'building' ? 0 : partitionOf(stream, generation.partitions)
  const [checkpoint] = await connection.query<{ position: bigint }>(
    `select position
    from emberlog.checkpoint
    where generation = $1
      and partition = $2
    for update`,
    [number, partition],
  )
  if (checkpoint === undefined || checkpoint.position < 0n) return 0
  const [last] = await parts.reader.readStreamBackwards(stream, 1)
  const read = events.at(-1)
  if (last !== undefined && last.position <= checkpoint.position && (read?.revision ?? -1n) < last.revision) {
    const isParked = await hasParked(connection, generation, stream)
    if (!isParked) return 'has grown'
  }
  const excluded = await findExcluded(connection, generation, stream)
  const kept = events.filter(
    ({ position }) =>
      position <= checkpoint.position && position < excluded.parkedFrom && !excluded.discarded.has(position),
  )
  const replaced = await deleteRows(connection, schema, stream)
  const states: Generation['state'][] = state === 'building' ? ['building'] : ['live', 'retired']
  const writer = await BatchWriter.open(connection, { generation: number, schema, partition, states })
  for (let from = 0; from < kept.length; from += CHUNK_EVENTS) {
    await writer.store({ events: kept.slice(from, from + CHUNK_EVENTS), parked: [], position: writer.position })
  }
  return replaced
}

async function hasParked(connection: Connection, { number }: Generation, stream: string): Promise<boolean> {
  const rows = await connection.query(
    'select from emberlog.parked_event where generation = $1 and stream = $2 limit 1',
    [number, stream],
  )
  return rows.length > 0
}

const NEVER = 2n ** 63n - 1n

async function findExcluded(
  connection: Connection,
  { number }: Generation,
  stream: string,
): Promise<{ readonly parkedFrom: bigint; readonly discarded: ReadonlySet<bigint> }> {
  const [parked] = await connection.query<{ from: bigint | null }>(
    'select min(position) as from from emberlog.parked_event where generation = $1 and stream = $2',
    [number, stream],
  )
  const discarded = await connection.query<{ position: bigint }>(
    'select position from emberlog.discarded_event where stream = $1',
    [stream],
  )
  return { parkedFrom: parked?.from ?? NEVER, discarded: new Set(discarded.map(({ position }) => position)) }
}

async function deleteRows(connection: Connection, schema: string, stream: string): Promise<number> {
  const conversationId = conversationIdFromStream(stream)
  const id = conversationId ?? personIdFromStream(stream)
  const owner = conversationId === undefined ? 'personId' : 'conversationId'
  let deleted = 0
  for (const model of readModels.filter(({ key }) => key[0] === owner)) {
    const [count] = await connection.query<{ count: number }>(
      `with gone as (delete from ${schema}.${model.name} where ${columnName(owner)} = $1 returning 1)
      select count(*)::integer as count from gone`,
      [id],
    )
    deleted += count?.count ?? 0
  }
  return deleted
}

async function takeBackReasons(
  { queries }: Pick<Database, 'queries'>,
  { number }: Generation,
  stream: string,
): Promise<number> {
  const parked = await queries.query(
    `update emberlog.parked_event set reason = $3 where generation = $1 and stream = $2 and is_first returning position`,
    [number, stream, ERASED_REASON],
  )
  const discarded = await queries.query(
    'update emberlog.discarded_event set reason = $2 where stream = $1 and reason <> $2 returning position',
    [stream, ERASED_REASON],
  )
  return parked.length + discarded.length
}
