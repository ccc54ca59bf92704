/** Keeps the read models written: the live generation, the one before it, and a new one when the projectors have changed. */
import { type Clock, systemClock } from '../shared/clock.ts'
import { isFault } from '../shared/failures.ts'
import { type Position, toPosition } from '../shared/ids.ts'
import { pause } from '../shared/waiting.ts'
import { GenerationWriter, type GenerationWriterParts, type WriterLimits, writerLimits } from './generation-writer.ts'
import { type Generation, listGenerations } from './generations.ts'
import { byProjector, type RecordAct, recordNotedActs } from './operator-acts.ts'
import { PROJECTORS_VERSION } from './projectors.ts'
import { rebuildProjections } from './rebuild.ts'

export interface ProjectionWriterParts extends GenerationWriterParts {
  readonly clock?: Clock
  /** Without it, acts stay noted in the database until a process that has it comes along. */
  readonly recordAct?: RecordAct
  readonly limits?: Partial<WriterLimits>
}

export interface WriterStatus {
  readonly state: 'starting' | 'standby' | 'catching up' | 'live' | 'retrying' | 'stopped'
  /** The live generation. */
  readonly generation: number | undefined
  /** The last position handled by all partitions that this process owns; undefined before the first. */
  readonly position: Position | undefined
  /** How many partitions of the live generation this process owns. */
  readonly partitions: number
  readonly handledTotal: number
  /** How long ago the last handled event was recorded, while catching up; 0 when live. */
  readonly behindMs: number
  readonly parkedStreams: number
  /** Plain words while retrying, or about a generation that is being built. */
  readonly reason: string | undefined
}

export interface ProjectionWriter {
  /** Begins; returns at once. Failures are retried for ever, visibly. */
  readonly start: () => void
  /** Finishes the batches in hand, gives up the ownership. */
  readonly stop: () => Promise<void>
  readonly status: () => WriterStatus
}

export function createProjectionWriter(parts: ProjectionWriterParts): ProjectionWriter {
  return new GenerationSupervisor(parts)
}

/** How soon a generation that was made, shown or dropped elsewhere is noticed. */
const LOOK_MS = 500
/** A generation that nobody reads is written in larger batches, so that the live one need not share its time with it. */
const UNREAD_WAIT_MS = 100
/** After a build that failed. */
const BUILD_RETRY_MS = 10_000

class GenerationSupervisor implements ProjectionWriter {
  readonly #parts: ProjectionWriterParts
  readonly #limits: WriterLimits
  readonly #stopping = new AbortController()
  readonly #writers = new Map<number, GenerationWriter>()
  #running: Promise<void> | undefined
  #building: Promise<void> | undefined
  #live: Generation | undefined
  #reason: string | undefined
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
    const writer = this.#live && this.#writers.get(this.#live.number)
    const feeders = writer?.feeders ?? []
    const position = writer?.position ?? -1n
    const state = this.#stopping.signal.aborted ? 'stopped' : (writer?.state ?? this.#stateWithoutWriter())
    const lastEventAt = earliest(feeders.filter(({ isCaughtUp }) => !isCaughtUp).map((each) => each.lastEventAt))
    const now = (this.#parts.clock ?? systemClock)()
    return {
      state,
      generation: this.#live?.number,
      position: position < 0n ? undefined : toPosition(position),
      partitions: feeders.length,
      handledTotal: this.#handledBefore + (writer?.handledTotal ?? 0),
      behindMs: state === 'live' || lastEventAt === undefined ? 0 : Math.max(0, now.getTime() - lastEventAt.getTime()),
      parkedStreams: feeders.reduce((sum, { parkedStreamCount }) => sum + parkedStreamCount, 0),
      reason: writer?.reason ?? this.#reason,
    }
  }

  /** The live generation is not ours to write: other projectors made it. */
  #stateWithoutWriter(): WriterStatus['state'] {
    if (this.#live === undefined) return this.#reason === undefined ? 'starting' : 'retrying'
    return 'standby'
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#look().catch(async (error: unknown) => {
        this.#reason = error instanceof Error ? error.message : String(error)
        if (isFault(error, 'read-models-missing')) await this.#parts.database.prepare().catch(() => {})
      })
      await this.#recordActs()
      await pause(LOOK_MS, signal)
    }
    await Promise.all([...this.#writers.values()].map((writer) => writer.stop()))
    await this.#building
  }

  async #recordActs(): Promise<void> {
    const { database, logger, recordAct } = this.#parts
    if (recordAct !== undefined) await recordNotedActs({ database, recordAct, logger })
  }

  async #look(): Promise<void> {
    const generations = await listGenerations(this.#parts.database.queries)
    if (this.#building === undefined) this.#reason = undefined
    this.#live = generations.find(({ state }) => state === 'live')
    if (this.#live === undefined) return this.#parts.database.prepare()
    const { connectionsMax } = this.#parts.database.writer.metrics()
    const wanted = toWrite(generations, connectionsMax)
    const connectionsOf = ({ state, partitions }: Generation) =>
      // The live one has all connections but the one that is for another generation.
      state === 'live' ? Math.max(1, Math.min(partitions, connectionsMax - 1)) : 1
    for (const [number, writer] of this.#writers) {
      const generation = wanted.find((each) => each.number === number)
      const isAsWanted =
        generation?.state === writer.generation.state && connectionsOf(generation) === writer.connectionsMax
      if (isAsWanted) continue
      this.#writers.delete(number)
      this.#handledBefore += writer.handledTotal
      await writer.stop()
    }
    for (const generation of wanted) {
      if (this.#writers.has(generation.number) || this.#stopping.signal.aborted) continue
      const limits = generation.state === 'live' ? this.#limits : { ...this.#limits, liveWaitMsMax: UNREAD_WAIT_MS }
      const writer = new GenerationWriter(this.#parts, generation, limits, connectionsOf(generation))
      this.#writers.set(generation.number, writer)
    }
    if (this.#live.projectorsVersion < PROJECTORS_VERSION) this.#building ??= this.#build(this.#live)
  }

  /** Readers keep the rows of the older projectors until ours have made theirs. */
  async #build(live: Generation): Promise<void> {
    const { database, reader, codec, logger } = this.#parts
    const { signal } = this.#stopping
    const by = byProjector
    this.#reason = `building read models of version ${PROJECTORS_VERSION}, showing version ${live.projectorsVersion}`
    logger.info({ generation: live.number, version: PROJECTORS_VERSION }, 'the projectors have changed')
    try {
      await rebuildProjections({ database, reader, codec, logger, signal, by, isResumed: true })
    } catch (error) {
      if (isFault(error, 'generation-busy')) logger.info({}, 'another process builds the new read models')
      else if (!signal.aborted) logger.error({ reason: String(error) }, 'could not build the new read models')
      await pause(BUILD_RETRY_MS, signal)
    } finally {
      this.#building = undefined
    }
  }
}

function earliest(times: readonly (Date | undefined)[]): Date | undefined {
  return times.reduce((first, at) => (first === undefined || (at !== undefined && at < first) ? at : first), undefined)
}

/** The live generation first, then the one that readers may be led back to; only what our own projectors made. */
function toWrite(generations: readonly Generation[], connectionsMax: number): Generation[] {
  const ours = generations.filter(({ projectorsVersion }) => projectorsVersion === PROJECTORS_VERSION)
  const live = ours.filter(({ state }) => state === 'live')
  const retired = ours.filter(({ state }) => state === 'retired').sort((a, b) => b.number - a.number)
  return [...live, ...retired.slice(0, 1)].slice(0, connectionsMax)
}
