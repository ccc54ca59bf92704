/** What operators do with generations: lead readers back to an earlier one, and drop those that nobody needs. */
import { Fault, isFault } from '../shared/failures.ts'
import { toPosition } from '../shared/ids.ts'
import type { Logger } from '../shared/logger.ts'
import { pause } from '../shared/waiting.ts'
import type { EventReader } from '../store/event-store.ts'
import type { Connection } from './connection.ts'
import type { Database } from './database.ts'
import { STREAM_PREFIXES } from './generation-feeder.ts'
import {
  findLiveGeneration,
  forgetGeneration,
  type Generation,
  listGenerations,
  showGeneration,
} from './generations.ts'
import { handledAt, positionsOf } from './live-generation.ts'
import { beginMigrating, MIGRATING } from './migrations.ts'
import { type ActBy, noteAct } from './operator-acts.ts'
import { PROJECTORS_VERSION } from './projectors.ts'

const ATTEMPTS_MAX = 20
const RETRY_MS = 500
const LOCK_MS_MAX = 3_000
/** So long is the live writer held back for a generation that is fed and a batch behind. */
const HOLD_MS_MAX = 1_000
const HOLD_POLL_MS = 20
/** A checkpoint that was saved within this time is one that somebody moves. */
const FED_WITHIN_MS = 3_000

/** So long may the store take to tell what came since the generation's last event. */
const RECORD_MS_MAX = 3_000

export interface GenerationAct {
  readonly database: Pick<Database, 'queries'>
  readonly logger: Logger
  readonly generation: number
  readonly by: ActBy
}

export interface RollBack extends GenerationAct {
  readonly reader: Pick<EventReader, 'subscribeToAll'>
}

/**
 * Points the views at a finished generation that is still fed. Throws `generation-unknown`, `generation-live`,
 * `generation-unfinished` (it was never complete), `generation-of-other-version` (only the program that made it can feed and read it)
 * or `generation-behind` (nobody feeds it any more).
 */
export async function rollBackTo(rollBack: RollBack): Promise<Generation> {
  const { database, logger, generation: number, by } = rollBack
  for (let attempt = 1; ; attempt += 1) {
    try {
      const shown = await database.queries.withConnection((connection) =>
        connection.transaction(() => leadReadersTo(connection, rollBack), MIGRATING),
      )
      logger.warn({ generation: number, by: by.id }, 'rolled the read models back')
      return shown
    } catch (error) {
      const mayPass = isFault(error, 'database-busy') || isFault(error, 'generation-behind')
      if (!mayPass || attempt === ATTEMPTS_MAX) throw error
      await pause(RETRY_MS)
    }
  }
}

/** Holds the live checkpoint, so that the other generation can be seen to be as far. */
async function leadReadersTo(
  connection: Connection,
  { generation: number, by, reader }: RollBack,
): Promise<Generation> {
  await beginMigrating(connection)
  await connection.script(`set local lock_timeout = ${LOCK_MS_MAX}`)
  const target = await findGeneration(connection, number)
  if (target.state === 'live') throw new Fault('generation-live', { generation: number })
  if (target.state === 'building') throw new Fault('generation-unfinished', { generation: number })
  if (target.projectorsVersion !== PROJECTORS_VERSION) {
    const { projectorsVersion } = target
    throw new Fault('generation-of-other-version', { generation: number, projectorsVersion, ours: PROJECTORS_VERSION })
  }
  await connection.query(
    `select from emberlog.checkpoint
      join emberlog.generation on number = generation
    where state = 'live'
    for update of checkpoint`,
  )
  const live = await findLiveGeneration(connection)
  const wanted = live?.positionMax ?? -1n
  const position = await positionAtLeast(connection, number, wanted)
  if (position < wanted) {
    const positions = await positionsOf(connection, number)
    if (await hasEventsToHandle(reader, { positions, from: position, until: wanted })) {
      throw new Fault('generation-behind', { generation: number, position, livePosition: wanted })
    }
    await connection.query(
      'update emberlog.checkpoint set position = $2, saved_at = now() where generation = $1 and position < $2',
      [number, wanted],
    )
  }
  await showGeneration(connection, target)
  if (live !== undefined) {
    await noteAct(connection, { type: 'GenerationRolledBack', data: { generation: number, replaced: live.number } }, by)
  }
  return { ...target, state: 'live', position: position < wanted ? wanted : position }
}

/** Waits for what is on its way to be stored, and says how far the generation is; nothing is waited for that nobody feeds. */
async function positionAtLeast(connection: Connection, number: number, wanted: bigint): Promise<bigint> {
  const heldUntil = performance.now() + HOLD_MS_MAX
  for (;;) {
    const { position } = await findGeneration(connection, number)
    if (position >= wanted || performance.now() > heldUntil || !(await isFed(connection, number))) return position
    await pause(HOLD_POLL_MS)
  }
}

/** A generation may lack nothing and still stand further back: positions of streams that are none of ours are saved seldom. */
async function hasEventsToHandle(
  reader: Pick<EventReader, 'subscribeToAll'>,
  { positions, from, until }: { readonly positions: readonly bigint[]; readonly from: bigint; readonly until: bigint },
): Promise<boolean> {
  const isHandled = handledAt(positions)
  const after = from < 0n ? 'start' : toPosition(from)
  const ending = new AbortController()
  const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(RECORD_MS_MAX)])
  try {
    for await (const delivery of reader.subscribeToAll({ after, streamPrefixes: STREAM_PREFIXES, signal })) {
      if (delivery.kind === 'caught-up') return false
      const position = delivery.kind === 'event' ? delivery.event.position : delivery.position
      if (position > until) return false
      if (delivery.kind === 'event' && !isHandled(delivery.event)) return true
    }
  } finally {
    ending.abort()
  }
  throw new Fault('store-unavailable', { doing: 'rolling back', waitedMs: RECORD_MS_MAX })
}

async function isFed(connection: Connection, number: number): Promise<boolean> {
  const [checkpoint] = await connection.query<{ isFed: boolean }>(
    `select bool_and(saved_at > clock_timestamp() - $2 * interval '1 ms') as "isFed"
    from emberlog.checkpoint
    where generation = $1`,
    [number, FED_WITHIN_MS],
  )
  return checkpoint?.isFed === true
}

/** Drops the tables of a generation for good; its number stays known. Throws `generation-unknown` or `generation-live`. */
export async function dropGeneration({ database, logger, generation: number, by }: GenerationAct): Promise<void> {
  await database.queries.withConnection((connection) =>
    connection.transaction(async () => {
      await beginMigrating(connection)
      const { schema, state } = await findGeneration(connection, number)
      if (state === 'live') throw new Fault('generation-live', { generation: number })
      await forgetGeneration(connection, number)
      await connection.script(`drop schema if exists ${schema} cascade`)
      await noteAct(connection, { type: 'GenerationDropped', data: { generation: number } }, by)
    }, MIGRATING),
  )
  logger.info({ generation: number, by: by.id }, 'dropped a generation of read models')
}

async function findGeneration(connection: Connection, number: number): Promise<Generation> {
  const generations = await listGenerations(connection)
  const found = generations.find((generation) => generation.number === number && generation.state !== 'dropped')
  if (found === undefined) throw new Fault('generation-unknown', { generation: number })
  return found
}
