/** Reaches the record and the read models for a command: configured servers, those of a running Emberlog, or its own start of them. */
import type { Config } from '../config.ts'
import { startEmbeddedEventStore } from '../embedded/eventstore/start-embedded.ts'
import { eventStoreDirectory } from '../main/data-directory.ts'
import { startServers } from '../main/server-processes.ts'
import type { Logger } from '../shared/logger.ts'
import { type EventReader, readerOf } from '../store/event-store.ts'
import { openEventStoreDb } from '../store/eventstoredb-store.ts'
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

/** Hands the work a reader that cannot append, and lets go of everything afterwards. Needs no Postgres. */
export async function withEventReader<Result>(
  config: Config,
  logger: Logger,
  work: (reader: EventReader) => Promise<Result>,
): Promise<Result> {
  await using reached = new AsyncDisposableStack()
  const connectionString = await reachRecord(config, logger, reached)
  const store = openEventStoreDb({ connectionString, logger })
  reached.defer(store.close)
  return await work(readerOf(store))
}

async function reachRecord(config: Config, logger: Logger, reached: AsyncDisposableStack): Promise<string> {
  if (config.EVENTSTORE_URL !== undefined) return config.EVENTSTORE_URL
  const running = await findRunningServer(config.dataDirectory)
  if (running !== undefined) return running.eventStoreUrl
  const embedded = await startEmbeddedEventStore({ dataDirectory: eventStoreDirectory(config.dataDirectory), logger })
  reached.defer(() => embedded.stop())
  return embedded.connectionString
}
