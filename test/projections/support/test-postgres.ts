/** A real Postgres for the tests of one file, with a database of its own for each test that asks. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../src/embedded/postgres/embedded-postgres.ts'
import { type Database, type DatabaseOptions, openDatabase } from '../../../src/projections/database.ts'
import { silentLogger } from '../../../src/shared/logger.ts'

export interface TestPostgres {
  readonly server: EmbeddedPostgres
  /** Makes an empty database and returns its connection string. */
  readonly createDatabase: () => Promise<string>
  /** Opens a fresh database, with everything prepared; closed by `stop` at the latest, which fails when a connection was held across a wait. */
  readonly open: (options?: Partial<DatabaseOptions>) => Promise<Database>
  /** A connection outside every budget. */
  readonly connect: (connectionString: string) => Promise<Client>
  /** Closes every database that `open` opened. */
  readonly closeDatabases: () => Promise<void>
  readonly stop: () => Promise<void>
}

export async function startTestPostgres(maxConnections = 80): Promise<TestPostgres> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'emberlog-projections-'))
  const server = await startEmbeddedPostgres({ dataDirectory, maxConnections, logger: silentLogger })
  const closings: (() => Promise<void>)[] = []
  let databases = 0
  const closeDatabases = async () => {
    await Promise.all(closings.splice(0).map((close) => close()))
  }

  const connect = async (connectionString: string) => {
    const client = new Client({ connectionString })
    client.on('error', () => {})
    await client.connect()
    return client
  }
  const createDatabase = async () => {
    databases += 1
    const name = `test_${databases}`
    const client = await connect(server.connectionString)
    await client.query(`create database ${name}`)
    await client.end()
    const url = new URL(server.connectionString)
    url.pathname = `/${name}`
    return url.href
  }
  return {
    server,
    createDatabase,
    connect,
    closeDatabases,
    async open(options = {}) {
      const connectionString = options.connectionString ?? (await createDatabase())
      const database = await openDatabase({
        connectionsMax: 6,
        applicationName: 'emberlog-test',
        logger: silentLogger,
        ...options,
        connectionString,
      })
      closings.push(async () => {
        await database.close()
        // A test that sets a limit of its own is about it.
        if (options.limits?.heldIdleMsMax === undefined) refuseHeldConnections(database)
      })
      return database
    },
    async stop() {
      await closeDatabases()
      await server.stop()
      await rm(dataDirectory, { recursive: true, force: true })
    },
  }
}

function refuseHeldConnections(database: Database): void {
  for (const { name, heldTooLongTotal } of database.metrics()) {
    if (heldTooLongTotal > 0) throw new Error(`pool ${name} held ${heldTooLongTotal} connections across a wait`)
  }
}
