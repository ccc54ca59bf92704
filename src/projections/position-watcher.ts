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
  /** Of each partition, -1 before its first event; empty until it is known. */
  #positions: bigint[] = []
  /** What all partitions have handled: the least of their positions. */
  #reached: bigint | undefined
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
    if (this.#positions.length === 0 || !this.#isListening) await this.#refresh()
    return toPosition(this.#reached === undefined || this.#reached < 0n ? 0n : this.#reached)
  }

  /** True as soon as everything up to the position is visible; false when it was not within `waitMsMax`. */
  async waitFor(position: Position, waitMsMax: number): Promise<boolean> {
    if (this.#isListening && this.#isReached(position)) return true
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
    return this.#reached !== undefined && this.#reached >= position
  }

  /** Takes the positions of all partitions as they are said to be, and wakes who waited for them. */
  #know(generation: number, positions: bigint[]): void {
    this.#generation = generation
    this.#positions = positions
    this.#reached = least(positions)
    for (const waiter of this.#waiters) if (this.#isReached(waiter.position)) waiter.resolve()
  }

  /** What is heard meanwhile may be newer than what was asked for: of both, the further one counts. */
  async #refresh(): Promise<void> {
    const row = await this.#ask()
    if (row === undefined) return
    const isSame = this.#isListening && row.generation === this.#generation
    this.#know(
      row.generation,
      row.positions.map((position, index) => furthest(position, isSame ? this.#positions[index] : undefined)),
    )
  }

  async #ask(): Promise<{ generation: number; positions: bigint[] } | undefined> {
    const [row] = await this.#database.queries.query<{ generation: number; positions: string[] }>(
      `select generation, array_agg(checkpoint.position::text order by partition) as positions
      from emberlog.checkpoint
        join chat.position using (generation)
      group by generation`,
    )
    return row && { generation: row.generation, positions: row.positions.map(BigInt) }
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
      this.#know(this.#generation ?? 0, []) // A server that crashed may have lost the last of what it announced.
      await pause(LISTEN_RETRY_MS, signal)
    }
  }

  async #hear(connection: OpenConnection): Promise<void> {
    const { signal } = this.#stopping
    connection.client.on('notification', ({ payload }) => this.#hearAnnouncement(payload ?? ''))
    await connection.query(`listen ${POSITION_CHANNEL}`)
    this.#isListening = true
    await this.#refresh()
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
    if (words[0] === LIVE_ANNOUNCEMENT) {
      const [, generation, positions = ''] = words
      this.#know(Number(generation), positions.split(',').map(BigInt))
    } else if (Number(words[0]) === this.#generation) {
      const partition = Number(words[1])
      const known = this.#positions[partition]
      if (known === undefined) return
      this.#know(this.#generation, this.#positions.with(partition, furthest(BigInt(words[2] ?? 0), known)))
    }
  }
}

function furthest(one: bigint, other: bigint | undefined): bigint {
  return other !== undefined && other > one ? other : one
}

/** Undefined of none. */
function least(positions: readonly bigint[]): bigint | undefined {
  let least = positions[0]
  for (const position of positions) if (least !== undefined && position < least) least = position
  return least
}
