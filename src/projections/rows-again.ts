/** Makes the rows of single streams anew, in every generation, from what can still be read of them. */
import type { Codec, RecordedEvent } from '../events/codec.ts'
import { subjectIdFromStream } from '../events/stream-names.ts'
import { Fault, isFault } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import type { EventReader } from '../store/event-store.ts'
import { BatchWriter } from './batch-writer.ts'
import { takeCheckpoint } from './checkpoint-taking.ts'
import type { Connection } from './connection.ts'
import type { Database } from './database.ts'
import { type Generation, listGenerations } from './generations.ts'
import { PROJECTORS_VERSION, readModels } from './projectors.ts'
import { streamColumn } from './read-model.ts'
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
/** Streams whose rows are replaced in one transaction, which the writer of their partition waits for. */
const STREAMS_AT_ONCE = 50
/** A stream that grows faster than it is read is read again so often. */
const ROUNDS_MAX = 5
const ERASED_REASON = 'erased: make the rows of this stream anew'

/**
 * The codec must not know any more what is to be gone. Rows that a writer decoded, or loaded, before are refused when it stores them: it
 * takes its checkpoint up anew, and decodes again. Throws `generation-foreign` while the live rows are made by other projectors.
 */
export async function makeRowsAgain(parts: RowsAgainParts, streams: readonly string[]): Promise<RowsMade> {
  const { database, logger } = parts
  const made = { rows: 0, generations: 0, parked: 0 }
  for (const generation of await listGenerations(database.queries)) {
    if (generation.state === 'dropped') continue
    if (generation.projectorsVersion !== PROJECTORS_VERSION) {
      throw new Fault('generation-foreign', { generation: generation.number, version: generation.projectorsVersion })
    }
    made.generations += 1
    // While a generation is built, one checkpoint stands for all partitions.
    const isBuilding = generation.state === 'building'
    const byPartition = Map.groupBy(streams, (stream) => (isBuilding ? 0 : partitionOf(stream, generation.partitions)))
    for (const [partition, all] of byPartition) {
      for (let from = 0; from < all.length; from += STREAMS_AT_ONCE) {
        made.rows += await remake(parts, { generation, partition }, all.slice(from, from + STREAMS_AT_ONCE))
      }
    }
    for (const stream of streams) made.parked += await takeBackReasons(database, generation, stream)
  }
  logger.info({ streams: streams.length, ...made }, 'made rows anew')
  return made
}

interface Place {
  readonly generation: Generation
  readonly partition: number
}

/** Resolves with how many rows were replaced. */
async function remake(parts: RowsAgainParts, place: Place, streams: readonly string[]): Promise<number> {
  let rows = 0
  let waiting = streams
  for (let round = 1; round <= ROUNDS_MAX; round += 1) {
    const read: StreamRead[] = []
    for (const stream of waiting) read.push({ stream, events: await readDecoded(parts, stream) })
    const replaced = await parts.database.queries.withConnection((connection) =>
      connection.transaction(() => replaceRows(parts, connection, place, read)),
    )
    rows += replaced.rows
    waiting = replaced.haveGrown
    if (waiting.length === 0) return rows
  }
  throw new Fault('database-busy', { doing: 'making rows anew', stream: waiting[0] })
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

interface StreamRead {
  readonly stream: string
  readonly events: readonly RecordedEvent[]
}

/**
 * Holds the checkpoint of the partition, so that no writer adds to rows that are being replaced; and changes it, so that what a writer
 * has decoded or loaded by now is stored no more.
 */
async function replaceRows(
  parts: RowsAgainParts,
  connection: Connection,
  { generation, partition }: Place,
  read: readonly StreamRead[],
): Promise<{ readonly rows: number; readonly haveGrown: readonly string[] }> {
  const { number, schema, state } = generation
  const checkpoint = await takeCheckpoint(connection, number, partition)
  if (checkpoint === undefined || checkpoint.position < 0n) return { rows: 0, haveGrown: [] }
  const haveGrown: string[] = []
  const kept: RecordedEvent[] = []
  const replaced: string[] = []
  for (const { stream, events } of read) {
    const [last] = await parts.reader.readStreamBackwards(stream, 1)
    const lastRead = events.at(-1)?.revision ?? -1n
    const isShort = last !== undefined && last.position <= checkpoint.position && lastRead < last.revision
    const excluded = await findExcluded(connection, generation, stream)
    if (isShort && excluded.parkedFrom === NEVER) {
      haveGrown.push(stream)
      continue
    }
    replaced.push(stream)
    for (const event of events) {
      const { position } = event
      if (position > checkpoint.position || position >= excluded.parkedFrom) break
      if (!excluded.discarded.has(position)) kept.push(event)
    }
  }
  const rows = await deleteRows(connection, schema, replaced)
  const states: Generation['state'][] = state === 'building' ? ['building'] : ['live', 'retired']
  const writer = await BatchWriter.open(connection, { generation: number, schema, partition, states })
  for (let from = 0; from < kept.length; from += CHUNK_EVENTS) {
    await writer.store({ events: kept.slice(from, from + CHUNK_EVENTS), parked: [], position: writer.position })
  }
  return { rows, haveGrown }
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

async function deleteRows(connection: Connection, schema: string, streams: readonly string[]): Promise<number> {
  // No two streams have one id, so it does not matter which of them a read model is about.
  const ids = streams.flatMap((stream) => subjectIdFromStream(stream) ?? [])
  let deleted = 0
  for (const model of readModels) {
    const [count] = await connection.query<{ count: number }>(
      `with gone as (delete from ${schema}.${model.name} where ${streamColumn(model)} = any ($1::uuid[]) returning 1)
      select count(*)::integer as count from gone`,
      [ids],
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
