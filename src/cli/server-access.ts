/** Reaches the record and the read models for a command: configured servers, those of a running Emberlog, or its own start of them. */
import { createAccessRecorder, type RecordLook } from '../commands/access-recorder.ts'
import type { Config } from '../config.ts'
import { startEmbeddedEventStore } from '../embedded/eventstore/start-embedded.ts'
import { startEmbeddedPostgres } from '../embedded/postgres/embedded-postgres.ts'
import { type Codec, createCodec } from '../events/codec.ts'
import type { Sealer } from '../events/sealing.ts'
import { upcasterSteps } from '../events/upcasters.ts'
import { eventStoreDirectory } from '../main/data-directory.ts'
import { findMasterKeys } from '../main/master-keys.ts'
import { startServers } from '../main/server-processes.ts'
import { type Database, openDatabase } from '../projections/database.ts'
import { systemClock } from '../shared/clock.ts'
import type { Logger } from '../shared/logger.ts'
import { type EventReader, type EventStore, readerOf } from '../store/event-store.ts'
import { openEventStoreDb } from '../store/eventstoredb-store.ts'
import { openVault, type Vault } from '../vault/open-vault.ts'
import { openWhenNeeded } from '../vault/sealer-when-needed.ts'
import { findRunningServer } from './running-server.ts'

export interface ReachedServers {
  readonly eventStoreUrl: string
  readonly databaseUrl: string
}

/** What had to be started is stopped again with the stack. */
export async function reachServers(
  config: Config,
  logger: Logger,
  reached: AsyncDisposableStack,
): Promise<ReachedServers> {
  const { EVENTSTORE_URL, DATABASE_URL } = config
  if (EVENTSTORE_URL !== undefined && DATABASE_URL !== undefined) {
    return { eventStoreUrl: EVENTSTORE_URL, databaseUrl: DATABASE_URL }
  }
  const running = await findRunningServer(config.dataDirectory)
  if (running !== undefined) return running
  const started = await startServers(config, logger)
  reached.defer(started.stop)
  return started
}

/** A command takes few connections beside a running program: one that writes, one that reads, one for keys. */
const COMMAND_CONNECTIONS_MAX = 3

/**
 * Hands the work a reader that cannot append, with a codec that opens personal text, and lets go of everything afterwards. Postgres is
 * needed only when there is personal text to open. A look at somebody's record is recorded through the last argument.
 */
export async function withEventReader<Result>(
  config: Config,
  logger: Logger,
  work: (reader: EventReader, codec: Codec, recordLook: RecordLook) => Promise<Result>,
): Promise<Result> {
  await using reached = new AsyncDisposableStack()
  const connectionString = await reachRecord(config, logger, reached)
  const store = openEventStoreDb({ connectionString, logger })
  reached.defer(store.close)
  const sealer = openWhenNeeded(() => reachSealer(config, logger, reached))
  const codec = createCodec({ sealer, steps: upcasterSteps })
  return await work(readerOf(store), codec, createAccessRecorder({ store, codec, clock: systemClock }))
}

export interface OpenedVault {
  readonly vault: Vault
  readonly codec: Codec
}

/** Opens the vault of a database with the configured master key. */
export async function unlockVault(config: Config, database: Database): Promise<OpenedVault> {
  const vault = await openVault({ database, masterKeys: await findMasterKeys(config) })
  return { vault, codec: createCodec({ sealer: vault.sealer, steps: upcasterSteps }) }
}

export interface OpenedServers extends OpenedVault {
  readonly store: EventStore
  readonly database: Database
}

/** Opens record and read models, with the vault that reads both; let go of with the stack. */
export async function openServers(
  config: Config,
  logger: Logger,
  reached: AsyncDisposableStack,
): Promise<OpenedServers> {
  const servers = await reachServers(config, logger, reached)
  const store = openEventStoreDb({ connectionString: servers.eventStoreUrl, logger })
  reached.defer(store.close)
  const database = await openCommandDatabase(config, servers.databaseUrl, logger, reached)
  return { store, database, ...(await unlockVault(config, database)) }
}

/** Opens Postgres with the small budget of a command; closed again with the stack. */
export async function openCommandDatabase(
  config: Config,
  connectionString: string,
  logger: Logger,
  reached: AsyncDisposableStack,
): Promise<Database> {
  const database = await openDatabase({
    connectionString,
    connectionsMax: COMMAND_CONNECTIONS_MAX,
    applicationName: 'emberlog-command',
    partitions: config.EMBERLOG_PARTITIONS,
    logger,
  })
  reached.defer(database.close)
  return database
}

async function reachSealer(config: Config, logger: Logger, reached: AsyncDisposableStack): Promise<Sealer> {
  const database = await openCommandDatabase(config, await reachPostgres(config, logger, reached), logger, reached)
  return (await unlockVault(config, database)).vault.sealer
}

/** A connection string; an embedded Postgres that had to be started is stopped again with the stack. */
export async function reachPostgres(config: Config, logger: Logger, reached: AsyncDisposableStack): Promise<string> {
  if (config.DATABASE_URL !== undefined) return config.DATABASE_URL
  const running = await findRunningServer(config.dataDirectory)
  if (running !== undefined) return running.databaseUrl
  const { dataDirectory, DATABASE_CONNECTIONS_MAX: maxConnections } = config
  const embedded = await startEmbeddedPostgres({ dataDirectory, maxConnections: maxConnections + 10, logger })
  reached.defer(() => embedded.stop())
  return embedded.connectionString
}

async function reachRecord(config: Config, logger: Logger, reached: AsyncDisposableStack): Promise<string> {
  if (config.EVENTSTORE_URL !== undefined) return config.EVENTSTORE_URL
  const running = await findRunningServer(config.dataDirectory)
  if (running !== undefined) return running.eventStoreUrl
  const embedded = await startEmbeddedEventStore({ dataDirectory: eventStoreDirectory(config.dataDirectory), logger })
  reached.defer(() => embedded.stop())
  return embedded.connectionString
}
