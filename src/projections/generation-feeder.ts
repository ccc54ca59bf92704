/** Feeds one generation from the log: decodes, batches, stores, and parks what cannot be handled; nothing is ever skipped. */
import type { Codec, RecordedEvent, StoredEvent } from '../events/codec.ts'
import { CONVERSATION_CATEGORY_PREFIX, USER_CATEGORY_PREFIX } from '../events/stream-names.ts'
import { Fault, isFault } from '../shared/failures.ts'
import { type Position, toPosition } from '../shared/ids.ts'
import type { Logger } from '../shared/logger.ts'
import type { EventReader } from '../store/event-store.ts'
import { type Batch, BatchWriter, CONTROL_SCHEMA, type ParkedEvent, type PreparedBatch } from './batch-writer.ts'
import type { Connection } from './connection.ts'
import { isValueRefused } from './database-failures.ts'
import { type BatchLimits, type CollectedBatch, DeliveryBuffer } from './delivery-buffer.ts'
import type { Generation } from './generations.ts'
import { partitionOf } from './stream-partition.ts'

export interface FeederParts {
  readonly reader: Pick<EventReader, 'subscribeToAll'>
  readonly codec: Codec
  readonly logger: Logger
  readonly limits: BatchLimits
  /** Where checkpoints and parked events stand; see `BatchTarget`. */
  readonly control?: string
}

/** The streams that read models are made of. */
export const STREAM_PREFIXES = [CONVERSATION_CATEGORY_PREFIX, USER_CATEGORY_PREFIX]
/** With more parked streams than this, something is wrong with the program and not with an event: the feeder stops. */
const PARKED_STREAMS_MAX = 10_000

export class GenerationFeeder {
  readonly #parts: FeederParts
  readonly #generation: Generation
  readonly #writer: BatchWriter
  readonly #isOurs: (event: StoredEvent) => boolean
  /** Streams with a parked event, and the position of the first: from there on everything is parked. */
  readonly #parkedStreams: Map<string, bigint>
  /** Positions that an operator leaves out. */
  readonly #discarded: ReadonlySet<bigint>
  #buffer: DeliveryBuffer | undefined
  handledTotal = 0
  /** When the last handled event was recorded. */
  lastEventAt: Date | undefined
  /** Called after each stored batch. */
  onStored: () => void = () => {}

  private constructor(parts: FeederParts, generation: Generation, writer: BatchWriter, exceptions: Exceptions) {
    this.#parts = parts
    this.#generation = generation
    this.#writer = writer
    this.#isOurs = exceptions.isOurs
    this.#parkedStreams = exceptions.parkedStreams
    this.#discarded = exceptions.discarded
  }

  /**
   * Takes up a partition of a generation where its checkpoint stands. The caller holds the partition's lock on this connection.
   * While a generation is built, partition 0 stands for all of it.
   */
  static async open(
    parts: FeederParts,
    connection: Connection,
    generation: Generation,
    partition = 0,
  ): Promise<GenerationFeeder> {
    const { number, schema, state } = generation
    const { control = CONTROL_SCHEMA } = parts
    // A generation that readers are led away from is still fed, so that they can be led back.
    const states: Generation['state'][] = state === 'building' ? ['building'] : ['live', 'retired']
    const writer = await BatchWriter.open(connection, { generation: number, schema, partition, states, control })
    const partitions = state === 'building' ? 1 : generation.partitions
    const isOurs = ({ stream }: { readonly stream: string }) => partitionOf(stream, partitions) === partition
    const parked = await connection.query<{ stream: string; position: bigint }>(
      `select stream, min(position) as position
      from ${control}.parked_event
      where generation = $1
      group by stream
      limit $2`,
      [number, PARKED_STREAMS_MAX + 1],
    )
    const discarded = await connection.query<{ position: bigint }>('select position from emberlog.discarded_event')
    return new GenerationFeeder(parts, generation, writer, {
      isOurs,
      parkedStreams: new Map(parked.filter(isOurs).map(({ stream, position }) => [stream, position])),
      discarded: new Set(discarded.map(({ position }) => position)),
    })
  }

  /** The last position handled; -1 before the first. */
  get position(): bigint {
    return this.#writer.position
  }

  /** For building, and not inside a transaction: see `BatchWriter.setBulkLoader`. */
  setBulkLoader(loader: Pick<Connection, 'query'> | undefined): void {
    this.#writer.setBulkLoader(loader)
  }

  get parkedStreamCount(): number {
    return this.#parkedStreams.size
  }

  /** True when everything the log held has been handled. */
  get isCaughtUp(): boolean {
    return this.#buffer?.isCaughtUp ?? false
  }

  /**
   * Follows the log until the signal aborts, or until exactly `until` is handled, which the log must reach.
   * Throws `checkpoint-moved` when deposed, or the fault of store or database.
   */
  async follow(signal: AbortSignal, until?: Position): Promise<void> {
    if (until !== undefined && this.position >= until) return
    const buffer = new DeliveryBuffer(this.#parts.limits, this.#isOurs)
    this.#buffer = buffer
    await this.#pull(buffer, signal, until, (batch, items, prepared) => this.#storeAndCount(batch, items, prepared))
  }

  /**
   * Handles events up to `until` that `isWanted`, and leaves the checkpoint where it is: they come once more, and then change
   * nothing. For comparing with partitions that are not equally far.
   */
  async followAhead(signal: AbortSignal, until: Position, isWanted: (event: StoredEvent) => boolean): Promise<void> {
    if (this.position >= until) return
    const buffer = new DeliveryBuffer(this.#parts.limits, isWanted)
    await this.#pull(buffer, signal, until, async (_batch, items) => {
      if (items.length > 0) await this.#store(items, 'where it is')
    })
  }

  async #pull(
    buffer: DeliveryBuffer,
    signal: AbortSignal,
    until: Position | undefined,
    store: (batch: CollectedBatch, items: readonly Item[], prepared?: PreparedBatch) => Promise<void>,
  ): Promise<void> {
    const ending = new AbortController()
    const end = () => {
      ending.abort()
      buffer.fail(undefined)
    }
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
    const after = this.position < 0n ? 'start' : toPosition(this.position)
    const deliveries = this.#parts.reader.subscribeToAll({
      after,
      streamPrefixes: STREAM_PREFIXES,
      signal: ending.signal,
    })
    const filling = buffer.fill(deliveries, this.position, until)
    let storing = Promise.resolve()
    try {
      for (let batch = await buffer.take(); batch !== undefined; batch = await buffer.take()) {
        const items = await this.#decode(batch.events)
        // What cannot be prepared is prepared once more, and then its events one by one.
        const preparing = this.#writer.isBulk ? this.#writer.prepare(this.#batchOf(items, batch.position)) : undefined
        const prepared = await preparing?.catch(() => undefined)
        await storing
        storing = store(batch, items, prepared)
        if (this.#writer.isBulk) storing.catch((error) => buffer.fail(error))
        else await storing
      }
      await storing
    } finally {
      signal.removeEventListener('abort', end)
      end()
      await Promise.allSettled([filling, storing])
    }
  }

  /** Stores a batch; afterwards everything up to its position is in rows, parked, or of no concern. */
  async handle(batch: CollectedBatch): Promise<void> {
    await this.#storeAndCount(batch, await this.#decode(batch.events))
  }

  async #storeAndCount(
    { events, position }: CollectedBatch,
    items: readonly Item[],
    prepared?: PreparedBatch,
  ): Promise<void> {
    await this.#store(items, position, prepared)
    this.handledTotal += events.length
    this.lastEventAt = events.at(-1)?.created ?? this.lastEventAt
    this.onStored()
  }

  /** Goes back to an earlier position, after a transaction that took back what was stored since. */
  rewind(position: bigint): void {
    this.#writer.rewind(position)
  }

  async #decode(events: readonly StoredEvent[]): Promise<Item[]> {
    const decoded = await this.#parts.codec.decodeAll(events)
    return events.map((event, index) => {
      if (this.#discarded.has(event.position)) return { event }
      if (this.#isFollower(event)) return { event, parked: parkedAsFollower(event) }
      const recorded = decoded[index] as RecordedEvent | Fault
      return isFault(recorded) ? { event, parked: this.#park(event, recorded) } : { event, recorded }
    })
  }

  #isFollower({ stream, position }: StoredEvent): boolean {
    const parkedFrom = this.#parkedStreams.get(stream)
    return parkedFrom !== undefined && position > parkedFrom
  }

  #batchOf(items: readonly Item[], position: bigint): Batch {
    const events: RecordedEvent[] = []
    const parked: ParkedEvent[] = []
    for (const { event, recorded, parked: reason } of items) {
      if (reason !== undefined) parked.push(reason)
      else if (this.#isFollower(event)) parked.push(parkedAsFollower(event))
      else if (recorded !== undefined) events.push(recorded)
    }
    return { events, parked, position }
  }

  /** Halves a batch with an unacceptable event until that event stands alone, and parks it. */
  async #store(items: readonly Item[], position: Position | 'where it is', prepared?: PreparedBatch): Promise<void> {
    try {
      const isOfUse = prepared !== undefined && prepared.memory === this.#writer.memory
      if (isOfUse) await this.#writer.commit(prepared)
      else await this.#writer.store(this.#batchOf(items, position === 'where it is' ? this.position : position))
    } catch (error) {
      const isPoison = isValueRefused(error) || isFault(error, 'event-not-projectable')
      const [only] = items
      if (!isPoison || only === undefined) throw error
      if (items.length === 1) {
        return this.#store([{ event: only.event, parked: this.#park(only.event, error as Fault) }], position)
      }
      const middle = items.length >> 1
      const halfway = position === 'where it is' ? position : (items[middle - 1]?.event.position ?? position)
      await this.#store(items.slice(0, middle), halfway)
      await this.#store(items.slice(middle), position)
    }
  }

  #park(event: StoredEvent, fault: Fault): ParkedEvent {
    if (this.#parkedStreams.size >= PARKED_STREAMS_MAX) {
      throw new Fault('too-many-parked-streams', { streams: PARKED_STREAMS_MAX }, { cause: fault })
    }
    this.#parkedStreams.set(event.stream, event.position)
    const { stream, revision, position, type } = event
    const cause = fault.cause instanceof Error ? `: ${fault.cause.message}` : ''
    this.#parts.logger.error(
      { generation: this.#generation.number, stream, revision, position, type, code: fault.code },
      'parking an event and the later ones of its stream',
    )
    return { event, reason: `${fault.message}${cause}`.slice(0, 2_000), code: fault.code, isFirst: true }
  }
}

/** What keeps events from becoming rows: another partition has them, or they are parked or discarded. */
interface Exceptions {
  readonly isOurs: (event: StoredEvent) => boolean
  readonly parkedStreams: Map<string, bigint>
  readonly discarded: ReadonlySet<bigint>
}

/** An event that is decoded, or goes to the parked ones, or neither because an operator discarded it. */
interface Item {
  readonly event: StoredEvent
  readonly recorded?: RecordedEvent
  readonly parked?: ParkedEvent
}

function parkedAsFollower(event: StoredEvent): ParkedEvent {
  return { event, reason: 'follows a parked event of its stream', code: '', isFirst: false }
}
