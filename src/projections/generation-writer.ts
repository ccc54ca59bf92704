/** Feeds one generation: owns as many of its partitions as is its part, recovers by itself, stands by while others own them. */
import type { Codec } from '../events/codec.ts'
import { Fault, isFault } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import { pause } from '../shared/waiting.ts'
import type { EventReader } from '../store/event-store.ts'
import type { Connection } from './connection.ts'
import type { Database } from './database.ts'
import type { BatchLimits } from './delivery-buffer.ts'
import { GenerationFeeder } from './generation-feeder.ts'
import type { Generation } from './generations.ts'
import { PartitionOwnership } from './partition-ownership.ts'

export interface GenerationWriterParts {
  readonly database: Pick<Database, 'writer' | 'queries' | 'partitions' | 'prepare'>
  readonly reader: Pick<EventReader, 'subscribeToAll' | 'lastPosition'>
  readonly codec: Codec
  readonly logger: Logger
}

export interface WriterLimits extends BatchLimits {
  /** Owners say this often that they are alive, and standbys ask whether an owner is gone. */
  readonly standbyMs: number
  readonly retryDelayMsMin: number
  readonly retryDelayMsMax: number
}

export const writerLimits: WriterLimits = {
  eventsMax: 2_000,
  bytesMax: 8 * 1024 * 1024,
  waitMsMax: 100,
  liveWaitMsMax: 0,
  positionWaitMsMax: 1_000,
  foreignWaitMsMax: 10,
  standbyMs: 500,
  retryDelayMsMin: 50,
  retryDelayMsMax: 2_000,
}

interface Feeding {
  readonly feeder: GenerationFeeder
  readonly stopping: AbortController
  /** Rejects when it cannot go on. */
  readonly done: Promise<void>
}

/** The time from joining those who feed the generation to leaving them. */
interface Tenure {
  readonly ownership: PartitionOwnership
  readonly ending: AbortSignal
  readonly fail: (error: unknown) => void
}

// starting ─► standby ─► catching up ─► live
//               ▲             └─────────┤
//               └───── retrying ◄───────┘   (waits, at most retryDelayMsMax)
export class GenerationWriter {
  readonly generation: Generation
  readonly #parts: GenerationWriterParts
  readonly #limits: WriterLimits
  /** Its partitions share so many. */
  readonly connectionsMax: number
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>
  #phase: 'starting' | 'standby' | 'feeding' | 'retrying' | 'stopped' = 'starting'
  #reason: string | undefined
  readonly #feedings = new Map<number, Feeding>()
  #handledBefore = 0

  /** Begins at once. */
  constructor(parts: GenerationWriterParts, generation: Generation, limits: WriterLimits, connectionsMax: number) {
    this.#parts = parts
    this.generation = generation
    this.#limits = limits
    this.connectionsMax = connectionsMax
    this.#running = this.#run()
  }

  /** Finishes the batches in hand and gives up the ownership. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  get state(): 'starting' | 'standby' | 'catching up' | 'live' | 'retrying' | 'stopped' {
    if (this.#phase !== 'feeding') return this.#phase
    return this.feeders.every(({ isCaughtUp }) => isCaughtUp) ? 'live' : 'catching up'
  }

  /** What went wrong, in plain words, while retrying. */
  get reason(): string | undefined {
    return this.#reason
  }

  /** Of the partitions that this process owns. */
  get feeders(): GenerationFeeder[] {
    return [...this.#feedings.values()].map(({ feeder }) => feeder)
  }

  /** What every partition owned here has handled; undefined when none is. */
  get position(): bigint | undefined {
    return this.feeders
      .map(({ position }) => position)
      .sort((a, b) => (a < b ? -1 : 1))
      .at(0)
  }

  get handledTotal(): number {
    return this.feeders.reduce((sum, { handledTotal }) => sum + handledTotal, this.#handledBefore)
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    let delayMs = this.#limits.retryDelayMsMin
    while (!signal.aborted) {
      const handledBefore = this.#handledBefore
      try {
        await this.#withConnections([], (connections) => this.#ownAndFeed(connections, signal))
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

  #withConnections(
    connections: readonly Connection[],
    work: (connections: readonly Connection[]) => Promise<void>,
  ): Promise<void> {
    if (connections.length === this.connectionsMax) return work(connections)
    return this.#parts.database.writer.withConnection((next) => this.#withConnections([...connections, next], work))
  }

  async #ownAndFeed(connections: readonly Connection[], signal: AbortSignal): Promise<void> {
    const ownership = await PartitionOwnership.join(connections, this.generation)
    const failing = new AbortController()
    const ending = AbortSignal.any([signal, failing.signal, ...connections.map(({ lost }) => lost)])
    const tenure = { ownership, ending, fail: (error: unknown) => failing.abort(error) }
    try {
      while (!ending.aborted) {
        await this.#lookAround(tenure)
        await pause(this.#limits.standbyMs, ending)
      }
      if (failing.signal.aborted) throw failing.signal.reason
      if (!signal.aborted) throw new Fault('database-unavailable', { doing: 'feeding the read models' })
    } finally {
      await Promise.allSettled([...this.#feedings.keys()].map((partition) => this.#stopFeeding(partition)))
      await ownership.leave()
    }
  }

  /** Feeds what nobody else does, and hands over what is more than our part. */
  async #lookAround(tenure: Tenure): Promise<void> {
    const { ownership } = tenure
    const { taken, surplus } = await ownership.look()
    for (const partition of taken) await this.#beginFeeding(partition, tenure)
    for (const partition of surplus) {
      await this.#stopFeeding(partition)
      await ownership.giveUp(partition)
    }
    this.#phase = this.#feedings.size === 0 ? 'standby' : 'feeding'
    this.#reason = undefined
  }

  async #beginFeeding(partition: number, { ownership, ending, fail }: Tenure): Promise<void> {
    const { reader, codec, logger } = this.#parts
    codec.forgetKeys() // Taken up anew, also after an erasure that moved the checkpoint from under us.
    const parts = { reader, codec, logger, limits: this.#limits }
    const feeder = await GenerationFeeder.open(parts, ownership.connectionOf(partition), this.generation, partition)
    await this.#refuseShorterRecord(feeder.position)
    const stopping = new AbortController()
    const done = feeder.follow(AbortSignal.any([ending, stopping.signal]))
    done.catch(fail)
    this.#feedings.set(partition, { feeder, stopping, done })
    logger.info({ generation: this.generation.number, partition }, 'owning the read models')
  }

  async #stopFeeding(partition: number): Promise<void> {
    const feeding = this.#feedings.get(partition)
    if (feeding === undefined) return
    feeding.stopping.abort()
    await feeding.done.catch(() => {})
    this.#handledBefore += feeding.feeder.handledTotal
    this.#feedings.delete(partition)
    this.#parts.logger.info({ generation: this.generation.number, partition }, 'gave up the read models')
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
