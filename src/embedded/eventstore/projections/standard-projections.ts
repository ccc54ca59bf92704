/** Keeps the streams of the standard projections: each event is in them exactly once, whatever happens in between. */
import { randomUUID } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { LIMITS } from '../limits.ts'
import { decodeContent, POSITION_STEP, type ProposedEvent } from '../protocol/recorded-event.ts'
import { type LogRecord, type NewRecord, RECORD_FLAGS } from '../storage/event-log.ts'
import type { StoreLogger } from '../store-logger.ts'
import type { EventStore, OwnWrite } from '../streams/event-store.ts'
import { METADATA_TYPE, metastreamOf } from '../streams/stream-metadata.ts'
import { WakeUp } from '../streams/wake-ups.ts'
import { type Emission, emissionsOf, isProjected } from './link-rules.ts'

export interface StandardProjections {
  /** Resolves when no more is written. Repeatable. */
  stop(): Promise<void>
}

const CHECKPOINT_STREAM = '$et'
const CHECKPOINT_TYPE = '$Checkpoint'
/** Whoever has signed in may read them; links do not open what they lead to any further. */
const METADATA = { $acl: { $r: '$all', $mr: '$all' } }
const CHECKPOINT_METADATA = { ...METADATA, $maxCount: 1 }

// catching up ─► (nothing left to look at) following: links are decided with their event and durable as soon as it is
//      ▲──────── too much waits to be written

/** Goes on where it was, which may be the beginning, and follows the log from then on. */
export function runStandardProjections(store: EventStore, logger: StoreLogger): StandardProjections {
  const wakeUp = new WakeUp()
  const unsubscribe = store.wakeUps.onAll(wakeUp.notify)
  const projector = new Projector(store)
  store.onDecided = (records, firstPosition) => projector.follow(records, firstPosition)
  let isStopped = false
  const running = (async () => {
    while (!isStopped) {
      while (!isStopped && !projector.isFollowing()) {
        if (projector.isBehind) await projector.step()
        else await wakeUp.wait() // What is decided and not durable yet.
        await new Promise(setImmediate) // Others come in between two steps.
      }
      if (!isStopped) await wakeUp.wait()
    }
  })().catch((error) => logger.error({ error: String(error) }, 'the standard projections ended'))
  return {
    async stop() {
      isStopped = true
      store.onDecided = undefined
      unsubscribe()
      wakeUp.notify()
      await running
    },
  }
}

class Projector {
  readonly #store: EventStore
  /** Position of the next record to look at. */
  #next: number
  #sinceCheckpoint = 0
  #isFollowing = false
  /** Streams that are known to have their metadata. */
  readonly #described = new LRUCache<string, true>({ max: LIMITS.metadataCacheMax })

  constructor(store: EventStore) {
    this.#store = store
    this.#next = readCheckpoint(store)
  }

  get isBehind(): boolean {
    return this.#next < this.#store.log.durableEnd
  }

  /** True once everything decided was looked at: from then on it is told of what comes. */
  isFollowing(): boolean {
    this.#isFollowing ||= this.#next === this.#store.log.nextPosition
    return this.#isFollowing
  }

  /** Takes what was decided just now. When too much waits to be written, it catches up later instead. */
  follow(records: readonly NewRecord[], firstPosition: number): void {
    if (!this.#isFollowing) return
    const writes = records.flatMap((record, index) =>
      isProjected(record) ? this.#writesFor({ ...record, position: firstPosition + index }) : [],
    )
    const end = firstPosition + records.length
    const passed = this.#sinceCheckpoint + records.length
    const isWorthWriting = writes.length > 0 || passed >= LIMITS.projectedPassedMax
    // Before writing: what is written is told of here too, and follows.
    this.#next = end
    this.#sinceCheckpoint = isWorthWriting ? 0 : passed
    if (!isWorthWriting) return
    try {
      void this.#store.appendOwnTogether([...writes, ...this.#checkpoint(end)])
    } catch {
      this.#isFollowing = false
      this.#next = firstPosition
      this.#described.clear()
    }
  }

  /** Takes a slice of the log. What it writes and how far it has come are one transaction. */
  async step(): Promise<void> {
    const slice = this.#store.log.readAll({
      from: this.#next,
      direction: 'forwards',
      countMax: LIMITS.sliceRecords,
      bytesMax: LIMITS.sliceBytes,
      consideredMax: LIMITS.sliceConsidered,
      matches: isProjected,
    })
    const writes = slice.records.flatMap((record) => this.#writesFor(record))
    const passed = this.#sinceCheckpoint + slice.considered
    const isWorthWriting = writes.length > 0 || passed >= LIMITS.projectedPassedMax
    if (isWorthWriting && !(await this.#write([...writes, ...this.#checkpoint(slice.next)]))) return
    this.#sinceCheckpoint = isWorthWriting ? 0 : passed
    this.#next = slice.next
  }

  /** False, after a wait, when too much waits to be written already. */
  async #write(writes: readonly OwnWrite[]): Promise<boolean> {
    let durable: Promise<void>
    try {
      durable = this.#store.appendOwnTogether(writes)
    } catch (error) {
      if ((error as { code?: string }).code !== 'log-overloaded') throw error
      this.#described.clear()
      await this.#store.whenDurable(this.#store.log.nextPosition - 1)
      return false
    }
    await durable
    return true
  }

  #writesFor(record: LogRecord): OwnWrite[] {
    const content = decodeContent(record.body)
    const { stream, revision, type } = record
    const emissions = emissionsOf({ stream, revision, type, metadata: () => content.metadata.toString('utf8') })
    const position = record.position * POSITION_STEP
    const metadata = Buffer.from(JSON.stringify({ $causedBy: content.id, $c: position, $p: position }))
    return emissions
      .filter((emission) => isWritable(this.#store, emission))
      .flatMap((emission) => [
        ...this.#description(emission.stream, METADATA),
        { stream: emission.stream, event: emitted(emission, metadata) },
      ])
  }

  #checkpoint(next: number): OwnWrite[] {
    const position = next * POSITION_STEP
    const event = jsonEvent(CHECKPOINT_TYPE, { $c: position, $p: position })
    return [...this.#description(CHECKPOINT_STREAM, CHECKPOINT_METADATA), { stream: CHECKPOINT_STREAM, event }]
  }

  /** The metadata of a stream that has none yet. */
  #description(stream: string, metadata: object): OwnWrite[] {
    if (this.#described.has(stream)) return []
    this.#described.set(stream, true)
    const metastream = metastreamOf(stream)
    return this.#store.log.head(metastream) ? [] : [{ stream: metastream, event: jsonEvent(METADATA_TYPE, metadata) }]
  }
}

/** Somebody may have closed such a stream for ever. */
function isWritable(store: EventStore, { stream }: Emission): boolean {
  return ((store.log.head(stream)?.flags ?? 0) & RECORD_FLAGS.tombstone) === 0
}

/** The position of the log to go on from. */
function readCheckpoint(store: EventStore): number {
  const record = store.visibleEvent(CHECKPOINT_STREAM, -1)
  if (!record || record.type !== CHECKPOINT_TYPE) return 0
  const { $c: position } = JSON.parse(decodeContent(record.body).data.toString('utf8')) as { $c: number }
  return position / POSITION_STEP
}

function emitted({ type, data }: Emission, metadata: Buffer): ProposedEvent {
  return { id: randomUUID(), type, isJson: false, data: Buffer.from(data), metadata }
}

function jsonEvent(type: string, data: object): ProposedEvent {
  return { id: randomUUID(), type, isJson: true, data: Buffer.from(JSON.stringify(data)), metadata: Buffer.alloc(0) }
}
