/** A generation of read models that only one connection sees, in temporary tables: however that connection ends, nothing stays. */
import { pause } from '../shared/waiting.ts'
import type { Connection } from './connection.ts'
import { createTables, type Generation } from './generations.ts'
import { MIGRATING } from './migrations.ts'
import { PROJECTORS_VERSION, readModels } from './projectors.ts'

/** The name under which every connection reaches its own temporary tables. */
export const SCRATCH_SCHEMA = 'pg_temp'
/** A server notices this soon that the process on the other side was killed, also in the middle of a long statement. */
const SERVER_LOOKS_MS = 2_000
const DISCARD_TRIES_MAX = 3
const DISCARD_RETRY_MS = 100

export const scratchGeneration: Generation = {
  number: 1,
  schema: SCRATCH_SCHEMA,
  projectorsVersion: PROJECTORS_VERSION,
  state: 'building',
  partitions: 1,
  position: -1n,
  positionMax: -1n,
  eventCount: 0n,
  createdAt: new Date(0),
  liveAt: null,
}

/**
 * Makes the empty tables for the time of the work, which must not hold a transaction open when it ends. Its checkpoint, parked
 * events and acts are temporary too: the record and other processes hear nothing of them.
 */
export async function withScratchGeneration<Value>(connection: Connection, work: () => Promise<Value>): Promise<Value> {
  // Not every system can look whether the other side is there; then a killed process's tables go when its statement ends.
  await connection.script(`set client_connection_check_interval = ${SERVER_LOOKS_MS}`).catch(() => {})
  try {
    await discard(connection) // Of a work before, on the same connection, that could not clear away.
    await connection.transaction(() => createScratch(connection), MIGRATING)
    return await work()
  } finally {
    await discard(connection)
    await connection.script('reset client_connection_check_interval').catch(() => {})
  }
}

/** For the planner, which is never told of temporary tables by itself. */
export async function analyzeScratch(connection: Connection): Promise<void> {
  await connection.script(`analyze ${readModels.map(({ name }) => `${SCRATCH_SCHEMA}.${name}`).join(', ')}`)
}

async function createScratch(connection: Connection): Promise<void> {
  const { number, state } = scratchGeneration
  await connection.script(
    ['generation', 'checkpoint', 'parked_event', 'act']
      .map((table) => `create temporary table ${table} (like emberlog.${table} including all);`)
      .join('\n'),
  )
  await connection.query(
    `insert into ${SCRATCH_SCHEMA}.generation (number, schema_name, projectors_version, state) values ($1, $2, $3, $4)`,
    [number, SCRATCH_SCHEMA, PROJECTORS_VERSION, state],
  )
  await connection.query(`insert into ${SCRATCH_SCHEMA}.checkpoint (generation) values ($1)`, [number])
  await createTables(connection, SCRATCH_SCHEMA)
}

/** A cancelled statement may still be in the way of the first try. A connection that is gone took the tables with it. */
async function discard(connection: Connection): Promise<void> {
  for (let tries = 1; tries <= DISCARD_TRIES_MAX && !connection.lost.aborted; tries += 1) {
    try {
      return await connection.script('discard temporary')
    } catch {
      await pause(DISCARD_RETRY_MS)
    }
  }
}
