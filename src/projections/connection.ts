/** One connection to Postgres: each statement ends in rows or in a fault, within a stated time, and none outlives its server. */
import { Client, type ClientConfig, type QueryConfig, types } from 'pg'
import { type Copy, CopyQuery, type Statement } from './copy-query.ts'
import { asDatabaseFault } from './database-failures.ts'

export interface ConnectionSettings {
  readonly connectionString: string
  /** Shown by `pg_stat_activity`. */
  readonly applicationName: string
  readonly connectMsMax: number
  /** 0 means without a limit: only for bulk work that shows its progress. */
  readonly statementMsMax: number
  readonly lockMsMax: number
}

export interface Connection {
  /** Runs one statement, parameters as $1, $2 …; bigint columns come as `bigint`, times as `Date`. */
  readonly query: <Row extends object>(text: string, values?: readonly unknown[]) => Promise<Row[]>
  /** The same for a statement that comes again and again on this connection: the server parses and plans it once. */
  readonly prepared: <Row extends object>(text: string, values: readonly unknown[]) => Promise<Row[]>
  /** Runs several statements without parameters in one round trip. */
  readonly script: (text: string) => Promise<void>
  /** Runs a statement and copies rows into several tables, in one round trip: all of it is done, or nothing. */
  readonly copyIn: (copies: readonly Copy[], first?: Statement) => Promise<void>
  /** Runs `work` in a transaction: committed when it resolves, rolled back when it rejects. */
  readonly transaction: <Value>(work: () => Promise<Value>, options?: TransactionOptions) => Promise<Value>
  /** Aborts when the connection is lost, whoever ended it. */
  readonly lost: AbortSignal
}

export interface TransactionOptions {
  readonly isRepeatableRead?: boolean
  /** Its statements have no time limit: for bulk work that shows its progress. */
  readonly mayTakeLong?: boolean
}

/** A connection as its pool sees it. */
export interface OpenConnection extends Connection {
  readonly isBroken: () => boolean
  readonly client: Client
  /** Resolves when the socket is gone. */
  readonly close: () => Promise<void>
  /** Tells when a statement begins and when the last one ended. */
  onStatement: (isRunning: boolean) => void
}

const INT8 = 20
/** The server ends a statement first; this is for a server that cannot be heard any more. */
const SILENCE_MS = 5_000
const LONGEST_TIMER_MS = 2 ** 31 - 1
/** Each takes memory of the server for as long as the connection lasts. */
const PREPARED_MAX = 64
const KEEP_ALIVE_MS = 10_000

const typeParsers = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === INT8 ? BigInt : types.getTypeParser(oid, format as 'text')) as typeof types.getTypeParser,
}

/** Connects, or throws `database-unavailable` or `database-busy` (the server has no free connection). */
export async function connect(settings: ConnectionSettings): Promise<OpenConnection> {
  const client = new Client(clientConfig(settings))
  const lost = new AbortController()
  client.on('error', () => lost.abort()) // Without a listener, a restarted server would end this process.
  client.on('end', () => lost.abort())
  try {
    await client.connect()
  } catch (error) {
    lost.abort()
    client.end().catch(() => {})
    throw asDatabaseFault(error, 'connecting')
  }
  return new PostgresConnection(client, lost)
}

function clientConfig(settings: ConnectionSettings): ClientConfig {
  const { statementMsMax, lockMsMax } = settings
  return {
    connectionString: settings.connectionString,
    application_name: settings.applicationName,
    connectionTimeoutMillis: settings.connectMsMax,
    statement_timeout: statementMsMax,
    lock_timeout: lockMsMax,
    ...(statementMsMax > 0 && { query_timeout: statementMsMax + SILENCE_MS }),
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    // Rows compared as text must read the same on every server.
    options: '-c timezone=UTC -c datestyle=ISO -c intervalstyle=iso_8601 -c extra_float_digits=1 -c bytea_output=hex',
    types: typeParsers,
  }
}

class PostgresConnection implements OpenConnection {
  readonly client: Client
  readonly lost: AbortSignal
  onStatement: (isRunning: boolean) => void = () => {}
  readonly #lost: AbortController
  #running = 0
  /** Statements of several users of this connection pass one after the other. */
  #last: Promise<unknown> = Promise.resolve()
  readonly #preparedNames = new Map<string, string>()
  #mayTakeLong = false
  #closed: Promise<void> | undefined

  constructor(client: Client, lost: AbortController) {
    this.client = client
    this.#lost = lost
    this.lost = lost.signal
  }

  readonly query = <Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> =>
    this.#rowsOf<Row>(this.#timed(text, values))

  readonly prepared = <Row extends object>(text: string, values: readonly unknown[]): Promise<Row[]> => {
    const name = this.#nameOf(text)
    return this.#rowsOf<Row>({ ...this.#timed(text, values), ...(name !== undefined && { name }) })
  }

  async #rowsOf<Row extends object>(statement: QueryConfig): Promise<Row[]> {
    const result = await this.#run(statement.text, () => this.client.query<Row>(statement))
    return result.rows
  }

  /** Undefined when there are so many that the server had better forget this one. */
  #nameOf(text: string): string | undefined {
    const known = this.#preparedNames.get(text)
    if (known !== undefined || this.#preparedNames.size >= PREPARED_MAX) return known
    const name = `prepared_${this.#preparedNames.size}`
    this.#preparedNames.set(text, name)
    return name
  }

  readonly script = async (text: string): Promise<void> => {
    await this.#run(text, () => this.client.query(this.#timed(text)))
  }

  readonly copyIn = async (copies: readonly Copy[], first?: Statement): Promise<void> => {
    await this.#run(`copying ${copies.length} tables`, () => this.client.query(new CopyQuery(copies, first)).done)
  }

  readonly transaction = async <Value>(
    work: () => Promise<Value>,
    options: TransactionOptions = {},
  ): Promise<Value> => {
    const { isRepeatableRead = false, mayTakeLong = false } = options
    await this.script(isRepeatableRead ? 'begin isolation level repeatable read' : 'begin')
    this.#mayTakeLong = mayTakeLong
    try {
      if (mayTakeLong) await this.script('set local statement_timeout = 0')
      const value = await work()
      await this.script('commit')
      return value
    } catch (error) {
      // A connection that cannot even roll back is closed by its pool; the first error is the one to tell.
      await this.script('rollback').catch(() => this.#lost.abort())
      throw error
    } finally {
      this.#mayTakeLong = false
    }
  }

  #timed(text: string, values?: readonly unknown[]): QueryConfig {
    return {
      text,
      ...(values !== undefined && { values: values as unknown[] }),
      ...(this.#mayTakeLong && { query_timeout: LONGEST_TIMER_MS }),
    }
  }

  isBroken(): boolean {
    return this.lost.aborted
  }

  close(): Promise<void> {
    this.#closed ??= this.client.end().catch(() => {})
    return this.#closed
  }

  async #run<Value>(text: string, statement: () => Promise<Value>): Promise<Value> {
    this.#running += 1
    if (this.#running === 1) this.onStatement(true)
    const mine = this.#last.then(statement)
    this.#last = mine.catch(() => {})
    try {
      return await mine
    } catch (error) {
      const fault = asDatabaseFault(error, firstWords(text))
      if (fault.code === 'database-unavailable') this.#lost.abort()
      throw fault
    } finally {
      this.#running -= 1
      if (this.#running === 0) this.onStatement(false)
    }
  }
}

/** Names a statement in logs without its values. */
function firstWords(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, 60)
}
