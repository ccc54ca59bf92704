/** Projects a record into a real database and waits until it is there. */
import type { StoredEvent } from '../../../src/events/codec.ts'
import { BatchWriter } from '../../../src/projections/batch-writer.ts'
import type { Database } from '../../../src/projections/database.ts'
import { digestOfGeneration, type GenerationDigest } from '../../../src/projections/generation-digest.ts'
import { GenerationFeeder } from '../../../src/projections/generation-feeder.ts'
import { writerLimits } from '../../../src/projections/generation-writer.ts'
import { findLiveGeneration, type Generation } from '../../../src/projections/generations.ts'
import { readModels } from '../../../src/projections/projectors.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import { codec, TestRecord } from './record.ts'

export async function liveGeneration(database: Database): Promise<Generation> {
  const live = await findLiveGeneration(database.queries)
  if (live === undefined) throw new Error('no generation is live')
  return live
}

/** Handles batches, one after the other, as the owner of the live generation would. */
export async function handleBatches(database: Database, batches: readonly (readonly StoredEvent[])[]): Promise<void> {
  const live = await liveGeneration(database)
  await database.writer.withConnection(async (connection) => {
    const parts = { reader: new TestRecord(), codec, logger: silentLogger, limits: writerLimits }
    const feeder = await GenerationFeeder.open(parts, connection, live)
    for (const events of batches) {
      const last = events.at(-1)
      if (last !== undefined) await feeder.handle({ events, position: last.position })
    }
  })
}

export async function digest(database: Database): Promise<GenerationDigest> {
  return digestOfGeneration(database.queries, (await liveGeneration(database)).schema)
}

/** Empties the live generation, as if nothing had been handled. */
export async function emptyReadModels(database: Database): Promise<void> {
  const { number, schema } = await liveGeneration(database)
  await database.queries.withConnection(async (connection) => {
    await connection.script(`
      truncate ${readModels.map(({ name }) => `${schema}.${name}`).join(', ')};
      delete from emberlog.parked_event;
      update emberlog.checkpoint set position = -1, event_count = 0 where generation = ${number}`)
  })
}

/** All rows of a read model, in the order of its key. */
export async function rowsOf(database: Database, model: string): Promise<Record<string, unknown>[]> {
  return database.queries.query(`select * from chat.${model} order by 1, 2`)
}

export { BatchWriter }
