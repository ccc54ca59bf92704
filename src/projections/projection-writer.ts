/** The one writer of the read models: owns the live generation while it runs, recovers by itself, hands over when it dies. */
import type { Codec } from '../events/codec.ts'
import { type Clock, systemClock } from '../shared/clock.ts'
import { Fault, isFault } from '../shared/failures.ts'
import { type Position, toPosition } from '../shared/ids.ts'
import type { Logger } from '../shared/logger.ts'
import { pause } from '../shared/waiting.ts'
import type { EventReader } from '../store/event-store.ts'
import { writerLock } from './advisory-locks.ts'
import type { Connection } from './connection.ts'
import type { Database } from './database.ts'
import type { BatchLimits } from './delivery-buffer.ts'
import { GenerationFeeder } from './generation-feeder.ts'
import { findLiveGeneration, type Generation } from './generations.ts'

export interface ProjectionWriterParts {
  readonly database: Pick<Database, 'writer' | 'queries' | 'prepare'>
  readonly reader: Pick<EventReader, 'subscribeToAll' | 'lastPosition'>
  readonly codec: Codec
  readonly logger: Logger
  readonly clock?: Clock
  readonly limits?: Partial<WriterLimits>
}

export interface WriterLimits extends BatchLimits {
  /** A standby asks this often whether the owner is gone. */
  readonly standbyMs: number
  readonly retryDelayMsMin: number
  readonly retryDelayMsMax: number
}

export const writerLimits: WriterLimits = {
  eventsMax: 2_000,
  bytesMax: 8 * 1024 * 1024,
  waitMsMax: 100,
  positionWaitMsMax: 1_000,
  standbyMs: 1_000,
  retryDelayMsMin: 50,
  retryDelayMsMax: 2_000,
}

export interface WriterStatus {
  readonly state: 'starting' | 'standby' | 'catching up' | 'live' | 'retrying' | 'stopped'
  readonly generation: number | undefined
  /** The last position handled by this process; undefined before the first. */
  readonly position: Position | undefined
  readonly handledTotal: number
  /** How old the last handled event was recorded ago while catching up; 0 when live. */
  readonly behindMs: number
  readonly parkedStreams: number
  /** Plain words while retrying. */
  readonly reason: string | undefined
}

export interface ProjectionWriter {
  /** Begins; returns at once. Failures are retried for ever, visibly. */
  readonly start: () => void
  /** Finishes the batch in hand, gives up the ownership. */
  readonly stop: () => Promise<void>
  readonly status: () => WriterStatus
}

export function createProjectionWriter(parts: ProjectionWriterParts): ProjectionWriter {
  return new OwningWriter(parts)
}

// starting ─► standby ─► catching up ─► live
//               ▲             └─────────┤
//               └───── retrying ◄───────┘   (waits, at most retryDelayMsMax)
class OwningWriter implements ProjectionWriter {
  readonly #parts: ProjectionWriterParts
  readonly #limits: WriterLimits
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #phase: 'starting' | 'standby' | 'feeding' | 'retrying' | 'stopped' = 'starting'
  #reason: string | undefined
  #generation: number | undefined
  #feeder: GenerationFeeder | undefined
  #handledBefore = 0

  constructor(parts: ProjectionWriterParts) {
    this.#parts = parts
    this.#limits = { ...writerLimits, ...parts.limits }
  }

  readonly start = (): void => {
    this.#running ??= this.#run()
  }

  readonly stop = async (): Promise<void> => {
    this.#stopping.abort()
    await this.#running
  }

  readonly status = (): WriterStatus => {
    const feeder = this.#feeder
    const isLive = feeder?.isCaughtUp === true
    const state = this.#phase === 'feeding' ? (isLive ? 'live' : 'catching up') : this.#phase
    const lastEventAt = feeder?.lastEventAt
    const now = (this.#parts.clock ?? systemClock)()
    return {
      state,
      generation: this.#generation,
      position: feeder === undefined || feeder.position < 0n ? undefined : toPosition(feeder.position),
      handledTotal: this.#handledBefore + (feeder?.handledTotal ?? 0),
      behindMs: isLive || lastEventAt === undefined ? 0 : Math.max(0, now.getTime() - lastEventAt.getTime()),
      parkedStreams: feeder?.parkedStreamCount ?? 0,
      reason: this.#reason,
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    let delayMs = this.#limits.retryDelayMsMin
    while (!signal.aborted) {
      const handledBefore = this.#handledBefore
      try {
        await this.#ownAndFeed(signal)
        delayMs = this.#limits.retryDelayMsMin
      } catch (error) {
        if (signal.aborted) break
        if (this.#handledBefore > handledBefore) delayMs = this.#limits.retryDelayMsMin
        this.#retry(error, delayMs)
        await this.#repair(error)
        await pause(delayMs, signal)
        delayMs = Math.min(delayMs * 2, this.#limits.retryDelayMsMax)
      }
    }
    this.#phase = 'stopped'
  }

  async #ownAndFeed(signal: AbortSignal): Promise<void> {
    const { database, logger } = this.#parts
    const generation = await findLiveGeneration(database.queries)
    if (generation === undefined) throw new Fault('read-models-missing', { doing: 'looking for the live generation' })
    this.#generation = generation.number
    await database.writer.withConnection(async (connection) => {
      const isOwner = await this.#waitForOwnership(connection, generation, signal)
      if (!isOwner) return
      logger.info({ generation: generation.number }, 'owning the read models')
      try {
        await this.#feed(connection, generation, signal)
      } finally {
        this.#handledBefore += this.#feeder?.handledTotal ?? 0
        this.#feeder = undefined
        await connection.query('select pg_advisory_unlock($1, $2)', writerLock(generation.number, 0)).catch(() => {})
        logger.info({ generation: generation.number }, 'gave up the read models')
      }
    })
  }

  /** False when the wait is no longer wanted: we stop, or another generation is live now. */
  async #waitForOwnership(connection: Connection, generation: Generation, signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      const [lock] = await connection.query<{ isOwner: boolean }>('select pg_try_advisory_lock($1, $2) as "isOwner"', [
        ...writerLock(generation.number, 0),
      ])
      if (lock?.isOwner) return true
      this.#phase = 'standby'
      this.#reason = undefined
      await pause(this.#limits.standbyMs, signal)
      const live = await findLiveGeneration(connection)
      if (live?.number !== generation.number) return false
    }
    return false
  }

  async #feed(connection: Connection, generation: Generation, signal: AbortSignal): Promise<void> {
    const { reader, codec, logger } = this.#parts
    this.#feeder = await GenerationFeeder.open({ reader, codec, logger, limits: this.#limits }, connection, generation)
    await this.#refuseShorterRecord(this.#feeder.position)
    this.#phase = 'feeding'
    this.#reason = undefined
    await this.#feeder.follow(AbortSignal.any([signal, connection.lost]))
    if (!signal.aborted) throw new Fault('database-unavailable', { doing: 'feeding the read models' })
  }

  /** Read models that know more than the record belong to another record: adding to them would mix two histories. */
  async #refuseShorterRecord(position: bigint): Promise<void> {
    if (position < 0n) return
    const last = await this.#parts.reader.lastPosition()
    if (last === undefined || last < position) throw new Fault('record-behind-read-models', { position, last })
  }

  #retry(error: unknown, delayMs: number): void {
    this.#phase = 'retrying'
    this.#reason = error instanceof Error ? error.message : String(error)
    const fields = { generation: this.#generation, delayMs, reason: this.#reason }
    if (isFault(error, 'checkpoint-moved')) this.#parts.logger.info(fields, 'another writer owns the read models')
    else this.#parts.logger.warn(fields, 'lost the read models, trying again')
  }

  async #repair(error: unknown): Promise<void> {
    if (!isFault(error, 'read-models-missing')) return
    await this.#parts.database.prepare().catch((cause: unknown) => {
      this.#parts.logger.warn({ reason: String(cause) }, 'could not make the read models')
    })
  }
}
