/**
 * Lends the connections of one share of the budget, never more of them than the share, and never longer than needed.
 *
 * A slot is free again only when the socket of its connection is gone: the server, too, never sees more than the share.
 */
import { Fault, isFault } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import { type Connection, type ConnectionSettings, connect, type OpenConnection } from './connection.ts'
import { watchHeldConnection } from './held-connection-guard.ts'

export interface PoolOptions {
  readonly name: string
  readonly connectionsMax: number
  readonly connection: ConnectionSettings
  readonly logger: Logger
  /** Told of each request that got a connection, and how long it waited. */
  readonly onAcquired: (waitedMs: number) => void
  /** A request that waits longer for a connection is answered `database-busy`. */
  readonly acquireMsMax: number
  /** Requests that may wait; one more is answered `database-busy` at once. */
  readonly waitersMax: number
  /** A connection may be held without a running statement for so long; 0 turns the guard off (the writer owns its connection). */
  readonly heldIdleMsMax: number
  readonly idleMsMax: number
  /** So many idle connections stay open however long they idle. */
  readonly idleMin: number
}

export interface PoolMetrics {
  readonly name: string
  readonly connectionsMax: number
  readonly inUse: number
  readonly idle: number
  readonly waiting: number
  readonly acquiredTotal: number
  readonly busyTotal: number
  readonly heldTooLongTotal: number
}

export interface ConnectionPool {
  /** Runs one reading statement on any connection of the share. */
  readonly query: <Row extends object>(text: string, values?: readonly unknown[]) => Promise<Row[]>
  /** Lends a connection for `work`, which may wait for nothing but its statements. */
  readonly withConnection: <Value>(work: (connection: Connection) => Promise<Value>) => Promise<Value>
  readonly metrics: () => PoolMetrics
  /** Refuses new requests, waits for the lent connections at most `closeMsMax`, and closes all. */
  readonly close: () => Promise<void>
}

interface Waiter {
  readonly resolve: (connection: OpenConnection | 'may open') => void
  readonly reject: (error: Fault) => void
}

const CLOSE_MS_MAX = 5_000

export function createConnectionPool(options: PoolOptions): ConnectionPool {
  return new BoundedPool(options)
}

class BoundedPool implements ConnectionPool {
  readonly #options: PoolOptions
  readonly #idle: { connection: OpenConnection; timer: NodeJS.Timeout }[] = []
  readonly #lent = new Set<OpenConnection>()
  readonly #waiters: Waiter[] = []
  /** Connections that are opening, open, or closing. */
  #slotsTaken = 0
  #acquiredTotal = 0
  #busyTotal = 0
  #heldTooLongTotal = 0
  #isClosing = false
  #onEmpty = Promise.withResolvers<void>()

  constructor(options: PoolOptions) {
    this.#options = options
  }

  readonly query = async <Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]> => {
    const reused = this.#idle.length > 0
    try {
      return await this.withConnection((connection) => connection.query<Row>(text, values))
    } catch (error) {
      // An idle connection may have died with a restarted server; a reading statement can simply be asked again, once.
      if (!reused || !isFault(error, 'database-unavailable')) throw error
      return this.withConnection((connection) => connection.query<Row>(text, values))
    }
  }

  readonly withConnection = async <Value>(work: (connection: Connection) => Promise<Value>): Promise<Value> => {
    const connection = await this.#acquire()
    const guard = watchHeldConnection(connection, this.#options.heldIdleMsMax, (heldMs) => {
      this.#heldTooLongTotal += 1
      this.#options.logger.error({ pool: this.#options.name, heldMs }, 'holding a connection without using it')
    })
    try {
      return await work(connection)
    } finally {
      guard.stop()
      this.#release(connection)
    }
  }

  metrics(): PoolMetrics {
    return {
      name: this.#options.name,
      connectionsMax: this.#options.connectionsMax,
      inUse: this.#lent.size,
      idle: this.#idle.length,
      waiting: this.#waiters.length,
      acquiredTotal: this.#acquiredTotal,
      busyTotal: this.#busyTotal,
      heldTooLongTotal: this.#heldTooLongTotal,
    }
  }

  async close(): Promise<void> {
    this.#isClosing = true
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#closedFault())
    for (const { connection, timer } of this.#idle.splice(0)) {
      clearTimeout(timer)
      this.#discard(connection)
    }
    if (this.#slotsTaken === 0) return
    const timer = setTimeout(() => {
      for (const connection of this.#lent) this.#discard(connection)
      this.#onEmpty.resolve()
    }, CLOSE_MS_MAX)
    await this.#onEmpty.promise
    clearTimeout(timer)
  }

  async #acquire(): Promise<OpenConnection> {
    if (this.#isClosing) throw this.#closedFault()
    const askedAt = performance.now()
    const idle = this.#takeIdle()
    const connection = idle ?? (await this.#takeAnother())
    // Who finds one idle has not waited, however busy this thread is.
    this.#options.onAcquired(idle === undefined ? performance.now() - askedAt : 0)
    this.#acquiredTotal += 1
    this.#lent.add(connection)
    return connection
  }

  #takeIdle(): OpenConnection | undefined {
    const idle = this.#idle.pop()
    clearTimeout(idle?.timer)
    return idle?.connection
  }

  async #takeAnother(): Promise<OpenConnection> {
    if (this.#slotsTaken < this.#options.connectionsMax) {
      this.#slotsTaken += 1
      return this.#open()
    }
    const given = await this.#wait()
    return given === 'may open' ? this.#open() : given
  }

  #wait(): Promise<OpenConnection | 'may open'> {
    const { name, acquireMsMax, waitersMax } = this.#options
    if (this.#waiters.length >= waitersMax) return Promise.reject(this.#busyFault({ pool: name, waitersMax }))
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
        reject(this.#busyFault({ pool: name, waitedMs: acquireMsMax }))
      }, acquireMsMax)
      const settle =
        <Value>(next: (value: Value) => void) =>
        (value: Value) => {
          clearTimeout(timer)
          next(value)
        }
      const waiter: Waiter = { resolve: settle(resolve), reject: settle(reject) }
      this.#waiters.push(waiter)
    })
  }

  /** Opens a connection on a slot that is taken already, and frees the slot if that fails. */
  async #open(): Promise<OpenConnection> {
    try {
      const connection = await connect(this.#options.connection)
      connection.lost.addEventListener('abort', () => this.#forgetIdle(connection), { once: true })
      return connection
    } catch (error) {
      this.#freeSlot()
      throw error
    }
  }

  #release(connection: OpenConnection): void {
    this.#lent.delete(connection)
    const isUsable = !connection.isBroken() && !this.#isClosing
    const waiter = isUsable ? this.#waiters.shift() : undefined
    if (!isUsable) this.#discard(connection)
    else if (waiter === undefined) this.#keepIdle(connection)
    else waiter.resolve(connection)
  }

  #keepIdle(connection: OpenConnection): void {
    const timer = setTimeout(() => {
      if (this.#idle.length > this.#options.idleMin) this.#forgetIdle(connection)
    }, this.#options.idleMsMax)
    timer.unref()
    this.#idle.push({ connection, timer })
  }

  #forgetIdle(connection: OpenConnection): void {
    const index = this.#idle.findIndex((idle) => idle.connection === connection)
    if (index === -1) return
    clearTimeout(this.#idle[index]?.timer)
    this.#idle.splice(index, 1)
    this.#discard(connection)
  }

  #discard(connection: OpenConnection): void {
    void connection.close().then(() => this.#freeSlot())
  }

  #freeSlot(): void {
    const waiter = this.#waiters.shift()
    if (waiter === undefined) this.#slotsTaken -= 1
    else waiter.resolve('may open') // The slot stays taken: it changes hands.
    if (this.#isClosing && this.#slotsTaken === 0) this.#onEmpty.resolve()
  }

  #busyFault(details: Record<string, unknown>): Fault {
    this.#busyTotal += 1
    return new Fault('database-busy', { doing: 'waiting for a connection', ...details })
  }

  #closedFault(): Fault {
    return new Fault('database-unavailable', { doing: 'waiting for a connection', pool: this.#options.name })
  }
}
