/** Knows how far the live read models are, and lets queries wait for a position without holding a connection. */
import { type Position, toPosition } from '../shared/ids.ts'
import type { Logger } from '../shared/logger.ts'
import { pause } from '../shared/waiting.ts'
import { POSITION_CHANNEL } from './batch-writer.ts'
import type { OpenConnection } from './connection.ts'
import type { Database } from './database.ts'
import { LIVE_ANNOUNCEMENT } from './generations.ts'

/** Besides listening, the position is asked for this often while somebody waits: an announcement may have been missed. */
const POLL_MS = 200
/** More waiting queries than this are answered at once, with what there is. */
const WAITERS_MAX = 10_000
const LISTEN_RETRY_MS = 500

interface Waiter {
  readonly position: Position
  readonly resolve: () => void
}

export class PositionWatcher {
  readonly #database: Pick<Database, 'listener' | 'queries'>
  readonly #logger: Logger
  readonly #stopping = new AbortController()
  readonly #waiters = new Set<Waiter>()
  readonly #listening: Promise<void>
  #generation: number | undefined
  /** -1 before the first event; undefined until it is known. */
  #position: bigint | undefined
  #isListening = false
  #polling: Promise<void> | undefined

  constructor(database: Pick<Database, 'listener' | 'queries' | 'onClose'>, logger: Logger) {
    this.#database = database
    this.#logger = logger
    database.onClose(() => this.stop())
    this.#listening = this.#listen()
  }

  /** The last position handled; 0 before the first event. Throws the fault of the database. */
  async position(): Promise<Position> {
    if (this.#position === undefined || !this.#isListening) await this.#refresh()
    return toPosition(this.#position === undefined || this.#position < 0n ? 0n : this.#position)
  }

  /** True as soon as everything up to the position is visible; false when it was not within `waitMsMax`. */
  async waitFor(position: Position, waitMsMax: number): Promise<boolean> {
    if (this.#isReached(position)) return true
    if (!this.#isListening) await this.#refresh()
    if (!this.#isReached(position) && this.#waiters.size < WAITERS_MAX && waitMsMax > 0) {
      await this.#hold(position, waitMsMax)
    }
    if (this.#isReached(position)) return true
    await this.#refresh() // An announcement may be on its way still.
    return this.#isReached(position)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    for (const waiter of this.#waiters) waiter.resolve()
    await Promise.all([this.#listening, this.#polling])
  }

  async #hold(position: Position, waitMsMax: number): Promise<void> {
    const arrived = Promise.withResolvers<void>()
    const waiter: Waiter = { position, resolve: arrived.resolve }
    this.#waiters.add(waiter)
    this.#polling ??= this.#poll()
    const timer = setTimeout(arrived.resolve, waitMsMax)
    await arrived.promise
    clearTimeout(timer)
    this.#waiters.delete(waiter)
  }

  #isReached(position: Position): boolean {
    return this.#position !== undefined && this.#position >= position
  }

  #know(generation: number, position: bigint): void {
    const isNews = generation !== this.#generation || this.#position === undefined || position > this.#position
    if (!isNews) return
    this.#generation = generation
    this.#position = position
    for (const waiter of this.#waiters) if (this.#isReached(waiter.position)) waiter.resolve()
  }

  async #refresh(): Promise<void> {
    const [row] = await this.#database.queries.query<{ generation: number; position: bigint }>(
      'select generation, position from chat.position',
    )
    if (row !== undefined) this.#know(row.generation, row.position)
  }

  async #poll(): Promise<void> {
    const { signal } = this.#stopping
    while (this.#waiters.size > 0 && !signal.aborted) {
      await pause(POLL_MS, signal)
      if (this.#waiters.size > 0 && !signal.aborted) await this.#refresh().catch(() => {})
    }
    this.#polling = undefined
  }

  async #listen(): Promise<void> {
    const { listener } = this.#database
    const { signal } = this.#stopping
    while (listener !== undefined && !signal.aborted) {
      try {
        await listener.withConnection((connection) => this.#hear(connection as OpenConnection))
      } catch (error) {
        this.#logger.warn({ reason: String(error) }, 'cannot hear of new positions, asking instead')
      }
      this.#isListening = false
      await pause(LISTEN_RETRY_MS, signal)
    }
  }

  async #hear(connection: OpenConnection): Promise<void> {
    const { signal } = this.#stopping
    connection.client.on('notification', ({ payload }) => this.#hearAnnouncement(payload ?? ''))
    await connection.query(`listen ${POSITION_CHANNEL}`)
    await this.#refresh()
    this.#isListening = true
    await new Promise<void>((resolve) => {
      for (const end of [signal, connection.lost]) {
        if (end.aborted) resolve()
        else end.addEventListener('abort', () => resolve(), { once: true })
      }
    })
    if (!connection.lost.aborted) await connection.query(`unlisten ${POSITION_CHANNEL}`).catch(() => {})
  }

  /** Announcements come in the order of their transactions, so the generation that was last called live is the live one. */
  #hearAnnouncement(payload: string): void {
    const words = payload.split(' ')
    const isLive = words[0] === LIVE_ANNOUNCEMENT
    const [generation, position] = isLive ? words.slice(1) : words
    if (generation === undefined || position === undefined) return
    if (isLive || Number(generation) === this.#generation) this.#know(Number(generation), BigInt(position))
  }
}
