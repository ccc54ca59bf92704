/** Builds the read models anew beside the live ones, proves that they are equal, and shows them to readers at one stroke. */
import type { Codec } from '../events/codec.ts'
import type { OperatorEvent } from '../events/operator-events.ts'
import { Fault, isFault } from '../shared/failures.ts'
import { toPosition } from '../shared/ids.ts'
import type { Logger } from '../shared/logger.ts'
import { pause } from '../shared/waiting.ts'
import type { EventReader } from '../store/event-store.ts'
import { writerLock } from './advisory-locks.ts'
import type { Connection } from './connection.ts'
import type { Database } from './database.ts'
import type { BatchLimits } from './delivery-buffer.ts'
import { differingModels, digestOfGeneration, type GenerationDigest } from './generation-digest.ts'
import { GenerationFeeder } from './generation-feeder.ts'
import { createGeneration, type Generation, indexPart, listGenerations, showGeneration } from './generations.ts'
import { digestLive, handledAt, type LiveRows, requireLive } from './live-generation.ts'
import { beginMigrating, MIGRATING } from './migrations.ts'
import { type ActBy, byProjector, noteAct } from './operator-acts.ts'
import { PROJECTORS_VERSION } from './projectors.ts'

export interface RebuildParts {
  readonly database: Pick<Database, 'writer' | 'queries' | 'partitions'>
  readonly reader: Pick<EventReader, 'subscribeToAll' | 'lastPosition'>
  readonly codec: Codec
  readonly logger: Logger
  /** Show the new read models even if they differ from the old ones that the same projectors made. */
  readonly isForced?: boolean
  /** Go on with a generation that the same projectors began and did not finish, if there is one. */
  readonly isResumed?: boolean
  /** Who wants it; the program itself when left out. */
  readonly by?: ActBy
  readonly onProgress?: (progress: RebuildProgress) => void
  readonly signal?: AbortSignal
  readonly limits?: Partial<BatchLimits>
}

export interface RebuildProgress {
  readonly step: 'building' | 'indexing' | 'comparing' | 'showing'
  readonly events: number
  /** As many as the live read models were made from when the step began. */
  readonly eventsTotal: number
  readonly eventsPerS: number
  readonly remainingS: number | undefined
}

export interface RebuildResult {
  readonly generation: number
  readonly replaced: number
  readonly events: number
  readonly tookMs: number
  /** Names of read models whose rows differ; empty unless forced, or made by other projectors. */
  readonly differing: readonly string[]
  readonly digest: GenerationDigest
}

export const REBUILD_LIMITS: BatchLimits = {
  eventsMax: 1_500,
  bytesMax: 8 * 1024 * 1024,
  waitMsMax: 500,
  liveWaitMsMax: 0,
  positionWaitMsMax: 1_000,
  foreignWaitMsMax: 1_000,
}
/** The live generation moves on while we catch up with it; after so many rounds the rest is small. */
const CATCH_UP_ROUNDS_MAX = 5
/** Somebody may be reading a view for a minute: each attempt lets readers pass, and tries again. */
const SHOW_ATTEMPTS_MAX = 120
const SHOW_RETRY_MS = 500
/** So long may the live writer have to wait while readers are handed over. */
const SHOW_LOCK_MS_MAX = 3_000
/** Readers keep enough connections when one of at least so many is taken for a while. */
const CONNECTIONS_TO_SPARE = 4

/**
 * Readers and the live writer go on meanwhile. Throws `generation-differs` when the rows are not equal although the same
 * projectors made them; the new generation is then kept for inspection and never shown. Throws `generation-busy` when another process
 * builds it, and `rebuild-stopped` when the signal aborts.
 */
export async function rebuildProjections(parts: RebuildParts): Promise<RebuildResult> {
  const startedAt = performance.now()
  const old = await requireLive(parts.database.queries)
  const generation = await findOrCreate(parts)
  parts.logger.info({ generation: generation.number, replaces: old.number }, 'rebuilding the read models')
  return parts.database.writer.withConnection(async (connection) => {
    const [lock] = await connection.query<{ isOwner: boolean }>(
      'select pg_try_advisory_lock($1, $2) as "isOwner"',
      writerLock(generation.number, 0),
    )
    if (lock?.isOwner !== true) throw new Fault('generation-busy', { generation: generation.number })
    try {
      // A crash takes the last rows and their checkpoint back together; what readers are shown is on disk before they are.
      await connection.script('set synchronous_commit = off')
      const builder = await Builder.open(parts, connection, generation)
      await builder.build()
      const { differing, digest } = await builder.compare(await builder.index())
      await builder.finish()
      await builder.show(differing)
      const tookMs = Math.round(performance.now() - startedAt)
      const events = builder.events
      parts.logger.info({ generation: generation.number, events, tookMs, differing }, 'rebuilt the read models')
      return { generation: generation.number, replaced: old.number, events, tookMs, differing, digest }
    } catch (error) {
      await noteAbandoned(parts, generation, error)
      throw error
    } finally {
      await connection.script('reset synchronous_commit').catch(() => {})
      await connection.query('select pg_advisory_unlock($1, $2)', writerLock(generation.number, 0)).catch(() => {})
    }
  })
}

/** With the database away, that it was given up stays unsaid: then nothing is changed there either. */
async function noteAbandoned({ database, by = byProjector }: RebuildParts, { number }: Generation, error: unknown) {
  const data = { generation: number, code: isFault(error) ? error.code : 'unexpected' }
  await noteAct(database.queries, { type: 'RebuildAbandoned', data }, by).catch(() => {})
}

async function findOrCreate({
  database,
  by = byProjector,
  isResumed: mayResume = false,
}: RebuildParts): Promise<Generation> {
  return database.queries.withConnection((connection) =>
    connection.transaction(async () => {
      await beginMigrating(connection)
      const begun = mayResume ? await listGenerations(connection) : []
      const isOurs = ({ state, projectorsVersion }: Generation) =>
        state === 'building' && projectorsVersion === PROJECTORS_VERSION
      const found = begun.findLast(isOurs)
      const generation = found ?? (await createGeneration(connection, database.partitions))
      const data = {
        generation: generation.number,
        projectorsVersion: PROJECTORS_VERSION,
        isResumed: found !== undefined,
      }
      await noteAct(connection, { type: 'RebuildStarted', data }, by)
      return generation
    }, MIGRATING),
  )
}

class Builder {
  readonly #parts: RebuildParts
  readonly #connection: Connection
  readonly #generation: Generation
  readonly #feeder: GenerationFeeder
  readonly #signal: AbortSignal
  readonly #startedAt = performance.now()

  private constructor(parts: RebuildParts, connection: Connection, generation: Generation, feeder: GenerationFeeder) {
    this.#parts = parts
    this.#connection = connection
    this.#generation = generation
    this.#feeder = feeder
    this.#signal = parts.signal === undefined ? connection.lost : AbortSignal.any([parts.signal, connection.lost])
  }

  static async open(parts: RebuildParts, connection: Connection, generation: Generation): Promise<Builder> {
    const limits = { ...REBUILD_LIMITS, ...parts.limits }
    const feeder = await GenerationFeeder.open({ ...parts, limits }, connection, generation)
    return new Builder(parts, connection, generation, feeder)
  }

  get events(): number {
    return this.#feeder.handledTotal
  }

  /** Comes as far as the live generation, or, where that is not fed, to the end of the log, as fast as can be. */
  async build(): Promise<void> {
    this.#feeder.setBulkLoader(this.#parts.database.queries)
    await this.catchUp()
    const { positionMax } = await requireLive(this.#connection)
    if (positionMax < 0n) await this.finish() // Nothing to compare with; the rows still come before the indexes.
    this.#feeder.setBulkLoader(undefined)
  }

  /** Follows until little is missing between this generation and the live one. */
  async catchUp(): Promise<void> {
    for (let round = 1; round <= CATCH_UP_ROUNDS_MAX; round += 1) {
      const live = await requireLive(this.#connection)
      if (live.position <= this.#feeder.position) return
      await this.#followUntil(live.position, live.eventCount, 'building')
    }
  }

  /** Makes the indexes and, meanwhile, where there are connections to spare, digests the live rows. */
  async index(): Promise<LiveRows> {
    this.#report('indexing', this.events)
    const { schema } = this.#generation
    const own = this.#connection
    const indexMessages = () => own.transaction(() => indexPart(own, schema, 'messages'), MIGRATING)
    const indexOthersAndDigest = async (connection: Connection) => {
      await connection.transaction(() => indexPart(connection, schema, 'others'), MIGRATING)
      return digestLive(connection)
    }
    const { queries } = this.#parts.database
    if (queries.metrics().connectionsMax < CONNECTIONS_TO_SPARE) {
      await indexMessages()
      return indexOthersAndDigest(own)
    }
    const [, liveRows] = await bothDone(indexMessages(), queries.withConnection(indexOthersAndDigest))
    return liveRows
  }

  /** Comes to exactly the positions at which the live rows were digested, and digests the new rows. */
  async compare({ live, positions, digest: liveDigest }: LiveRows): Promise<{
    differing: string[]
    digest: GenerationDigest
  }> {
    if (live.positionMax < 0n) return { differing: [], digest: await this.#digest() }
    await this.#followUntil(live.position, live.eventCount, 'comparing')
    if (live.positionMax > live.position) {
      await this.#feeder.followAhead(this.#signal, toPosition(live.positionMax), handledAt(positions))
    }
    const digest = await this.#digest()
    const differing = differingModels(liveDigest, digest)
    const isExplained = live.projectorsVersion !== PROJECTORS_VERSION || this.#parts.isForced === true
    if (differing.length > 0 && !isExplained) {
      throw new Fault('generation-differs', { generation: this.#generation.number, models: differing.join(' ') })
    }
    return { differing, digest }
  }

  #digest(): Promise<GenerationDigest> {
    return this.#connection.transaction(() => digestOfGeneration(this.#connection, this.#generation.schema), {
      mayTakeLong: true,
    })
  }

  /** Follows to the end of the log, where the live generation may not be: nobody feeds it, or it was dropped. */
  async finish(): Promise<void> {
    const last = await this.#parts.reader.lastPosition()
    if (last !== undefined) await this.#followUntil(last, 0n, 'building')
  }

  /** Holds the live checkpoint for a moment, comes to the same position, and points all views here. */
  async show(differing: readonly string[]): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      await this.catchUp()
      try {
        return await this.#connection.transaction(() => this.#handOver(differing), MIGRATING)
      } catch (error) {
        if (!isFault(error, 'database-busy') || attempt === SHOW_ATTEMPTS_MAX) throw error
        this.#parts.logger.info({ attempt, reason: String(error) }, 'waiting to show the new read models')
        await pause(SHOW_RETRY_MS, this.#signal)
      }
    }
  }

  async #handOver(differing: readonly string[]): Promise<void> {
    const positionBefore = this.#feeder.position
    try {
      await beginMigrating(this.#connection)
      await this.#connection.script(`set local lock_timeout = ${SHOW_LOCK_MS_MAX}`)
      const { number } = await requireLive(this.#connection)
      await this.#connection.query('select from emberlog.checkpoint where generation = $1 for update', [number])
      const { positionMax, eventCount } = await requireLive(this.#connection)
      await this.#followUntil(positionMax, eventCount, 'showing')
      await this.#connection.script('set local synchronous_commit = on')
      await showGeneration(this.#connection, this.#generation)
      await noteAct(this.#connection, this.#cutOver(number, differing), this.#parts.by ?? byProjector)
    } catch (error) {
      this.#feeder.rewind(positionBefore) // The transaction takes back what was stored in it.
      throw error
    }
  }

  #cutOver(replaced: number, differing: readonly string[]): OperatorEvent {
    const { position } = this.#feeder
    const data = {
      generation: this.#generation.number,
      replaced,
      position: position < 0n ? null : String(position),
      differing: [...differing],
      isForced: this.#parts.isForced === true,
    }
    return { type: 'GenerationCutOver', data }
  }

  async #followUntil(position: bigint, eventCount: bigint, step: RebuildProgress['step']): Promise<void> {
    const eventsTotal = Math.max(Number(eventCount), this.events)
    const report = () => this.#report(step, eventsTotal)
    report()
    this.#feeder.onStored = report
    if (position >= 0n) await this.#feeder.follow(this.#signal, toPosition(position))
    if (this.#signal.aborted) throw new Fault('rebuild-stopped', { generation: this.#generation.number })
  }

  #report(step: RebuildProgress['step'], eventsTotal: number): void {
    const events = this.#feeder.handledTotal
    const eventsPerS = events / ((performance.now() - this.#startedAt) / 1_000)
    const remaining = Math.max(0, eventsTotal - events)
    const remainingS = eventsPerS > 0 ? remaining / eventsPerS : undefined
    this.#parts.onProgress?.({ step, events, eventsTotal, eventsPerS, remainingS })
  }
}

/** Rejects only when neither works any more: whoever cleans up must be alone. */
async function bothDone<One, Other>(one: Promise<One>, other: Promise<Other>): Promise<[One, Other]> {
  await Promise.allSettled([one, other])
  return Promise.all([one, other])
}
