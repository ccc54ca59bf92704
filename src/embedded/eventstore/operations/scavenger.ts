/** Gives back the room of what nobody can read any more, one scavenge at a time, and tells of it in `$scavenges`. */
import { randomUUID } from 'node:crypto'
import type { ProposedEvent } from '../protocol/recorded-event.ts'
import type { StoreLogger } from '../store-logger.ts'
import type { EventStore } from '../streams/event-store.ts'
import { LINK_TYPE } from '../streams/link-resolver.ts'
import { METADATA_TYPE, metastreamOf } from '../streams/stream-metadata.ts'
import { unreadableRecords } from './unreadable-records.ts'

export interface ScavengerOptions {
  readonly store: EventStore
  readonly logger: StoreLogger
  /** How the node is called in its events. */
  readonly endpoint: () => string
  readonly metadata: object
}

interface Scavenge {
  readonly id: string
  readonly startedMs: number
  readonly stop: AbortController
  readonly done: Promise<void>
}

const SCAVENGES_STREAM = '$scavenges'
/** At most so many events tell how far a scavenge has come. */
const PROGRESS_STEPS = 10

export class Scavenger {
  readonly #options: ScavengerOptions
  #current: Scavenge | undefined

  constructor(options: ScavengerOptions) {
    this.#options = options
  }

  /** Begins one, or answers which one is under way. */
  start(): { readonly id: string; readonly isNew: boolean } {
    if (this.#current) return { id: this.#current.id, isNew: false }
    const id = randomUUID()
    const stop = new AbortController()
    const startedMs = Date.now()
    const done = this.#run(id, startedMs, stop.signal).finally(() => {
      this.#current = undefined
    })
    this.#current = { id, startedMs, stop, done }
    return { id, isNew: true }
  }

  /** Ends the one that is under way; false when that is another, or none. */
  stop(id: string): boolean {
    if (this.#current?.id !== id) return false
    this.#current.stop.abort()
    return true
  }

  /** Ends what is under way and waits for it. */
  async close(): Promise<void> {
    this.#current?.stop.abort()
    await this.#current?.done
  }

  async #run(id: string, startedMs: number, signal: AbortSignal): Promise<void> {
    const { store, logger } = this.#options
    const stream = `${SCAVENGES_STREAM}-${id}`
    const unreadable = unreadableRecords(store)
    try {
      logger.info({ scavengeId: id }, 'scavenging')
      await this.#begin(stream, id)
      const result = await store.log.compact({
        mayDrop: unreadable.isUnreadable,
        onProgress: this.#progressTeller(stream, id),
        signal,
      })
      const outcome = result.isComplete ? 'Success' : 'Stopped'
      await this.#complete(stream, { scavengeId: id, result: outcome, spaceSaved: result.bytesFreed, startedMs })
      logger.info({ scavengeId: id, ...result }, 'scavenged')
    } catch (error) {
      logger.error({ scavengeId: id, error: String(error) }, 'a scavenge failed')
      const failed = { scavengeId: id, result: 'Errored', error: String(error), spaceSaved: 0, startedMs }
      // A log that cannot be written cannot tell of it either.
      await this.#complete(stream, failed).catch(() => {})
    } finally {
      unreadable.stop()
    }
  }

  async #begin(stream: string, scavengeId: string): Promise<void> {
    const { store, endpoint, metadata } = this.#options
    const started = jsonEvent('$scavengeStarted', { scavengeId, nodeEndpoint: endpoint() })
    await Promise.all([
      store.appendOwn(metastreamOf(stream), [jsonEvent(METADATA_TYPE, metadata)]),
      this.#tell(stream, started),
    ])
  }

  async #complete(
    stream: string,
    { startedMs, ...outcome }: { startedMs: number; scavengeId: string; result: string; spaceSaved: number },
  ): Promise<void> {
    const told = { nodeEndpoint: this.#options.endpoint(), timeTakenMs: Date.now() - startedMs, ...outcome }
    await this.#tell(stream, jsonEvent('$scavengeCompleted', told))
  }

  /** Writes an event, and a link to it where all scavenges are listed. */
  async #tell(stream: string, event: ProposedEvent): Promise<void> {
    const { store } = this.#options
    const revision = (store.log.head(stream)?.revision ?? -1) + 1
    const link = { ...jsonEvent(LINK_TYPE, {}), isJson: false, data: Buffer.from(`${revision}@${stream}`) }
    await Promise.all([store.appendOwn(stream, [event]), store.appendOwn(SCAVENGES_STREAM, [link])])
  }

  #progressTeller(stream: string, scavengeId: string) {
    let told = 0
    return ({ done, total, bytesFreed }: { done: number; total: number; bytesFreed: number }) => {
      const step = Math.floor((done / Math.max(1, total)) * PROGRESS_STEPS)
      if (step <= told || step >= PROGRESS_STEPS) return
      told = step
      const progress = { scavengeId, recordsDone: done, recordsTotal: total, spaceSaved: bytesFreed }
      void this.#tell(stream, jsonEvent('$scavengeProgressed', progress)).catch(() => {}) // The run itself tells of failures.
    }
  }
}

function jsonEvent(type: string, data: object): ProposedEvent {
  return { id: randomUUID(), type, isJson: true, data: Buffer.from(JSON.stringify(data)), metadata: new Uint8Array(0) }
}
