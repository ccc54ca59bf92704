/** Replays the record into a scratch generation and names every live row that is not what the record gives. Changes nothing. */
import type { Codec } from '../events/codec.ts'
import { conversationStream, userStreamOf } from '../events/stream-names.ts'
import { Fault, isFault } from '../shared/failures.ts'
import { toPosition, type Uuid } from '../shared/ids.ts'
import { silentLogger } from '../shared/logger.ts'
import type { EventReader } from '../store/event-store.ts'
import type { Connection } from './connection.ts'
import type { Database } from './database.ts'
import type { BatchLimits } from './delivery-buffer.ts'
import { differingModels, digestOfGeneration } from './generation-digest.ts'
import { GenerationFeeder } from './generation-feeder.ts'
import type { Generation } from './generations.ts'
import { handledAt, positionsOf, requireLive } from './live-generation.ts'
import { PROJECTORS_VERSION, readModels } from './projectors.ts'
import { REBUILD_LIMITS } from './rebuild.ts'
import { differingRows, type RowDifference } from './row-differences.ts'
import { analyzeScratch, SCRATCH_SCHEMA, scratchGeneration, withScratchGeneration } from './scratch-generation.ts'

export interface ComparisonParts {
  readonly database: Pick<Database, 'queries'>
  readonly reader: Pick<EventReader, 'subscribeToAll'>
  readonly codec: Codec
  /** Shows values of columns that hold what people wrote. */
  readonly isContentShown?: boolean
  /** Told of every differing row as it is found, read model by read model, in the order of the key. */
  readonly onDifference?: (difference: RowDifference) => void
  readonly onProgress?: (progress: ComparisonProgress) => void
  readonly signal?: AbortSignal
  readonly limits?: Partial<BatchLimits>
}

export interface ComparisonProgress {
  readonly step: 'replaying' | 'comparing'
  /** Events that were replayed, or read models that were compared. */
  readonly done: number
  readonly total: number
}

export interface Comparison {
  /** The live one, at this position: of its partition that is farthest; null before the first event. */
  readonly generation: number
  readonly position: string | null
  readonly events: number
  /** Rows of the live read models. */
  readonly rows: number
  readonly changed: number
  readonly missing: number
  readonly extra: number
  /** Names of read models with rows that differ. */
  readonly differing: readonly string[]
  /** Streams that wait on one side only, or from another event on: their rows are not counted as differing. */
  readonly parked: readonly ParkedDifference[]
  /** Streams that wait on both sides from the same event on; their rows are compared like all others. */
  readonly parkedAlike: number
  readonly tookMs: number
}

export interface ParkedDifference {
  readonly stream: string
  /** The first position that waits; null where nothing does. */
  readonly live: string | null
  readonly record: string | null
  /** Rows that differ for this reason. */
  readonly rows: number
}

/** The live generation moves on while we catch up with it; after so many rounds the rest is small. */
const CATCH_UP_ROUNDS_MAX = 5
/** What cannot be stored in one transaction with the comparison is stored before the next try. */
const SNAPSHOT_TRIES_MAX = 5
/** Somebody erased a person, or handled parked events again, while the record was replayed: it is replayed anew so often. */
const REPLAYS_MAX = 3

/**
 * Everything happens on the one connection, which is the only one that sees the scratch; readers and the live writer go on. Throws
 * `read-models-missing`, `generation-foreign` (other projectors made the live rows), `comparison-disturbed` and, when the signal
 * aborts, `comparison-stopped`; besides, the faults of store and database.
 */
export async function compareReadModels(connection: Connection, parts: ComparisonParts): Promise<Comparison> {
  const stopCancelling = await cancelWithSignal(connection, parts)
  try {
    for (let replays = 1; replays <= REPLAYS_MAX; replays += 1) {
      const run = new ComparisonRun(connection, parts)
      const comparison = await withScratchGeneration(connection, () => run.compare())
      if (comparison !== 'disturbed') return comparison
    }
    throw new Fault('comparison-disturbed', { replays: REPLAYS_MAX })
  } catch (error) {
    if (parts.signal?.aborted) throw new Fault('comparison-stopped', {}, { cause: error })
    throw error
  } finally {
    stopCancelling()
  }
}

/** A long statement does not hear of a signal: another connection ends it. */
async function cancelWithSignal(connection: Connection, { database, signal }: ComparisonParts): Promise<() => void> {
  const [session] = await connection.query<{ pid: number }>('select pg_backend_pid() as pid')
  const cancel = () => void database.queries.query('select pg_cancel_backend($1)', [session?.pid]).catch(() => {})
  signal?.addEventListener('abort', cancel, { once: true })
  return () => signal?.removeEventListener('abort', cancel)
}

interface LiveState {
  readonly live: Generation
  /** One more whenever rows are changed in another way than by the writer: by an erasure, or an act on parked events. */
  readonly acts: bigint
}

class ComparisonRun {
  readonly #connection: Connection
  readonly #parts: ComparisonParts
  readonly #signal: AbortSignal
  readonly #startedAt = performance.now()

  constructor(connection: Connection, parts: ComparisonParts) {
    this.#connection = connection
    this.#parts = parts
    this.#signal = parts.signal === undefined ? connection.lost : AbortSignal.any([parts.signal, connection.lost])
  }

  async compare(): Promise<Comparison | 'disturbed'> {
    const { codec, limits, reader } = this.#parts
    codec.forgetKeys() // What was erased meanwhile must not come back from memory.
    const { acts } = await liveState(this.#connection)
    const feederParts = {
      ...{ reader, codec, control: SCRATCH_SCHEMA, limits: { ...REBUILD_LIMITS, ...limits } },
      logger: silentLogger, // What cannot be handled is parked in the scratch, and told at the end.
    }
    const feeder = await GenerationFeeder.open(feederParts, this.#connection, scratchGeneration)
    feeder.setBulkLoader(this.#connection)
    await this.#catchUp(feeder)
    feeder.setBulkLoader(undefined)
    await analyzeScratch(this.#connection)
    for (let tries = 1; ; tries += 1) {
      const positionBefore = feeder.position
      try {
        const inOneSnapshot = () => this.#compareNow(feeder, acts)
        return await this.#connection.transaction(inOneSnapshot, { isRepeatableRead: true, mayTakeLong: true })
      } catch (error) {
        if (!(error instanceof TailNotStored) || tries === SNAPSHOT_TRIES_MAX) throw error
        feeder.rewind(positionBefore)
        await this.#catchUp(feeder)
      }
    }
  }

  async #catchUp(feeder: GenerationFeeder): Promise<void> {
    for (let round = 1; round <= CATCH_UP_ROUNDS_MAX; round += 1) {
      const { live } = await liveState(this.#connection)
      if (live.position <= feeder.position) return
      await this.#follow(feeder, live)
    }
  }

  async #follow(feeder: GenerationFeeder, { position, eventCount }: Generation): Promise<void> {
    const report = () =>
      this.#report('replaying', feeder.handledTotal, Math.max(Number(eventCount), feeder.handledTotal))
    report()
    feeder.onStored = report
    if (position >= 0n) await feeder.follow(this.#signal, toPosition(position))
    this.#mayGoOn()
  }

  /** Throws when there is no connection any more, or nobody wants the result. */
  #mayGoOn(): void {
    if (this.#signal.aborted) throw new Fault('database-unavailable', { doing: 'comparing the read models' })
  }

  /**
   * The snapshot shows the live rows at rest, and our own besides: so the scratch comes to just the positions of the snapshot, and
   * both are compared, while the writer goes on unseen.
   */
  async #compareNow(feeder: GenerationFeeder, actsBefore: bigint): Promise<Comparison | 'disturbed'> {
    const { live, acts } = await liveState(this.#connection)
    if (acts !== actsBefore) return 'disturbed'
    await this.#comeExactlyTo(feeder, live)
    this.#report('comparing', 0, readModels.length)
    const ours = await digestOfGeneration(this.#connection, SCRATCH_SCHEMA)
    const theirs = await digestOfGeneration(this.#connection, live.schema)
    const differing = differingModels(theirs, ours)
    if (differing.length > 0 && (await liveState(this.#parts.database.queries)).acts !== acts) return 'disturbed'
    const parked = await findParked(this.#connection, live)
    const counts = { changed: 0, missing: 0, extra: 0 }
    const models = new Set<string>()
    for (const [index, model] of readModels.entries()) {
      this.#report('comparing', index, readModels.length)
      this.#mayGoOn()
      if (!differing.includes(model.name)) continue
      const schemas = { live: live.schema, record: SCRATCH_SCHEMA }
      const isContentShown = this.#parts.isContentShown === true
      for await (const difference of differingRows(this.#connection, model, schemas, { isContentShown })) {
        if (parked.explains(difference)) continue
        counts[difference.kind] += 1
        models.add(model.name)
        this.#parts.onDifference?.(difference)
      }
    }
    this.#report('comparing', readModels.length, readModels.length)
    return {
      generation: live.number,
      position: live.positionMax < 0n ? null : String(live.positionMax),
      events: Number(live.eventCount),
      rows: Object.values(theirs).reduce((sum, { rows }) => sum + Number(rows), 0),
      ...counts,
      differing: [...models],
      parked: parked.differing(),
      parkedAlike: parked.alike,
      tookMs: Math.round(performance.now() - this.#startedAt),
    }
  }

  /** Partitions need not be equally far: each comes to where it is in the snapshot. */
  async #comeExactlyTo(feeder: GenerationFeeder, live: Generation): Promise<void> {
    try {
      await this.#follow(feeder, live)
      if (live.positionMax <= live.position) return
      const positions = await positionsOf(this.#connection, live.number)
      await feeder.followAhead(this.#signal, toPosition(live.positionMax), handledAt(positions))
    } catch (cause) {
      if (this.#signal.aborted || isFault(cause, 'store-unavailable')) throw cause
      throw new TailNotStored({ cause })
    }
  }

  #report(step: ComparisonProgress['step'], done: number, total: number): void {
    this.#parts.onProgress?.({ step, done, total })
  }
}

/** An event that has to be parked ends a transaction: it is stored outside of one first. */
class TailNotStored extends Fault {
  constructor(options: { readonly cause: unknown }) {
    super('comparison-disturbed', { doing: 'coming to the position of the live read models' }, options)
  }
}

async function liveState(connection: Pick<Connection, 'query'>): Promise<LiveState> {
  const live = await requireLive(connection)
  const { number: generation, projectorsVersion: version } = live
  if (version !== PROJECTORS_VERSION) throw new Fault('generation-foreign', { generation, version })
  const [found] = await connection.query<{ acts: bigint }>(
    'select sum(parked_version)::bigint as acts from emberlog.checkpoint where generation = $1',
    [generation],
  )
  return { live, acts: found?.acts ?? 0n }
}

/** Tells rows that differ because a stream waits from rows that differ for no reason. */
async function findParked(connection: Pick<Connection, 'query'>, { number }: Generation) {
  const rows = await connection.query<{ stream: string; live: bigint | null; record: bigint | null }>(
    `with live as (
      select stream, min(position) as position from emberlog.parked_event where generation = $1 group by stream
    ),
    record as (
      select stream, min(position) as position from ${SCRATCH_SCHEMA}.parked_event group by stream
    )
    select stream, live.position as live, record.position as record
    from live
      full join record using (stream)
    order by stream`,
    [number],
  )
  const apart = new Map(rows.filter(({ live, record }) => live !== record).map((row) => [row.stream, { row, rows: 0 }]))
  return {
    alike: rows.length - apart.size,
    explains(difference: RowDifference): boolean {
      const [found] = streamsOf(difference).flatMap((stream) => apart.get(stream) ?? [])
      if (found !== undefined) found.rows += 1
      return found !== undefined
    },
    differing: (): ParkedDifference[] =>
      [...apart.values()].map(({ row: { stream, live, record }, rows: count }) => ({
        ...{ stream, live: live === null ? null : String(live) },
        ...{ record: record === null ? null : String(record), rows: count },
      })),
  }
}

/** A row's key begins with the id of its conversation or its person: no two streams have one id. */
function streamsOf({ key }: RowDifference): string[] {
  const id = Object.values(key)[0] as Uuid
  return [conversationStream(id), userStreamOf(id)]
}
