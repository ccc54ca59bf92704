/** Writes one generation as its only owner: recovers by itself, stands by while another process owns it. */
import type { Codec } from '../events/codec.ts'
import { Fault, isFault } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import { pause } from '../shared/waiting.ts'
import type { EventReader } from '../store/event-store.ts'
import { writerLock } from './advisory-locks.ts'
import type { Connection } from './connection.ts'
import type { Database } from './database.ts'
import type { BatchLimits } from './delivery-buffer.ts'
import { GenerationFeeder } from './generation-feeder.ts'
import type { Generation } from './generations.ts'

export interface GenerationWriterParts {
  readonly database: Pick<Database, 'writer' | 'queries' | 'prepare'>
  readonly reader: Pick<EventReader, 'subscribeToAll' | 'lastPosition'>
  readonly codec: Codec
  readonly logger: Logger
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

// starting ─► standby ─► catching up ─► live
//               ▲             └─────────┤
//               └───── retrying ◄───────┘   (waits, at most retryDelayMsMax)
export class GenerationWriter {
  readonly generation: Generation
  readonly #parts: GenerationWriterParts
  readonly #limits: WriterLimits
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>
  #phase: 'starting' | 'standby' | 'feeding' | 'retrying' | 'stopped' = 'starting'
  #reason: string | undefined
  #feeder: GenerationFeeder | undefined
  #handledBefore = 0

  /** Begins at once. */
  constructor(parts: GenerationWriterParts, generation: Generation, limits: WriterLimits) {
    this.#parts = parts
    this.generation = generation
    this.#limits = limits
    this.#running = this.#run()
  }

  /** Finishes the batch in hand and gives up the ownership. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  get state(): 'starting' | 'standby' | 'catching up' | 'live' | 'retrying' | 'stopped' {
    if (this.#phase !== 'feeding') return this.#phase
    return this.#feeder?.isCaughtUp === true ? 'live' : 'catching up'
  }

  /** What went wrong, in plain words, while retrying. */
  get reason(): string | undefined {
    return this.#reason
  }

  get feeder(): GenerationFeeder | undefined {
    return this.#feeder
  }

  get handledTotal(): number {
    return this.#handledBefore + (this.#feeder?.handledTotal ?? 0)
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
    const { number } = this.generation
    await database.writer.withConnection(async (connection) => {
      if (!(await this.#waitForOwnership(connection, signal))) return
      logger.info({ generation: number }, 'owning the read models')
      try {
        await this.#feed(connection, signal)
      } finally {
        this.#handledBefore += this.#feeder?.handledTotal ?? 0
        this.#feeder = undefined
        await connection.query('select pg_advisory_unlock($1, $2)', writerLock(number, 0)).catch(() => {})
        logger.info({ generation: number }, 'gave up the read models')
      }
    })
  }

  /** False when we stop first. */
  async #waitForOwnership(connection: Connection, signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      const [lock] = await connection.query<{ isOwner: boolean }>(
        'select pg_try_advisory_lock($1, $2) as "isOwner"',
        writerLock(this.generation.number, 0),
      )
      if (lock?.isOwner) return true
      this.#phase = 'standby'
      this.#reason = undefined
      await pause(this.#limits.standbyMs, signal)
    }
    return false
  }

  async #feed(connection: Connection, signal: AbortSignal): Promise<void> {
    const { reader, codec, logger } = this.#parts
    const parts = { reader, codec, logger, limits: this.#limits }
    this.#feeder = await GenerationFeeder.open(parts, connection, this.generation)
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
    const fields = { generation: this.generation.number, delayMs, reason: this.#reason }
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
