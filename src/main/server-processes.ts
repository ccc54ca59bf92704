/** Starts the servers that the configuration does not name, beside the program, and keeps watch over them. */
import type { Config } from '../config.ts'
import { type EmbeddedEventStore, startEmbeddedEventStore } from '../embedded/eventstore/start-embedded.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../embedded/postgres/embedded-postgres.ts'
import { Fault } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import { eventStoreDirectory } from './data-directory.ts'

/** Postgres is started again after it died, unless it dies this often within the window. */
const RESTARTS_MAX = 5
const RESTART_WINDOW_MS = 60_000
/** Beyond this program's own: people with psql, and commands such as a rebuild beside it. */
const SPARE_CONNECTIONS = 20

export interface Servers {
  readonly eventStoreUrl: string
  readonly databaseUrl: string
  readonly readiness: () => { readonly name: string; readonly isReady: boolean; readonly detail: string }[]
  /** Resolves when an embedded server cannot be kept running. */
  readonly failed: Promise<Fault>
  readonly stop: () => Promise<void>
}

/** Starts both at the same time; when one cannot start, the other is stopped again. */
export async function startServers(config: Config, logger: Logger): Promise<Servers> {
  const starts = await Promise.allSettled([startStore(config, logger), startPostgres(config, logger)])
  const [store, postgres] = starts.map((start) => (start.status === 'fulfilled' ? start.value : undefined)) as [
    EmbeddedEventStore | undefined,
    EmbeddedPostgres | undefined,
  ]
  const stop = async () => {
    await Promise.allSettled([store?.stop(), postgres?.stop()])
  }
  const refused = starts.find((start) => start.status === 'rejected')
  if (refused !== undefined) {
    await stop()
    throw refused.reason
  }
  const watch = createWatch()
  if (store !== undefined) watch.store(store)
  if (postgres !== undefined) watch.postgres(postgres, logger)
  return {
    eventStoreUrl: config.EVENTSTORE_URL ?? store?.connectionString ?? '',
    databaseUrl: config.DATABASE_URL ?? postgres?.connectionString ?? '',
    readiness: watch.readiness,
    failed: watch.failed,
    stop: async () => {
      watch.end()
      await stop()
    },
  }
}

async function startStore(config: Config, logger: Logger): Promise<EmbeddedEventStore | undefined> {
  if (config.EVENTSTORE_URL !== undefined) return undefined
  return await startEmbeddedEventStore({ dataDirectory: eventStoreDirectory(config.dataDirectory), logger })
}

async function startPostgres(config: Config, logger: Logger): Promise<EmbeddedPostgres | undefined> {
  if (config.DATABASE_URL !== undefined) return undefined
  const maxConnections = config.DATABASE_CONNECTIONS_MAX + SPARE_CONNECTIONS
  return await startEmbeddedPostgres({ dataDirectory: config.dataDirectory, maxConnections, logger })
}

// running ─► died ─► restarting ─► running        (Postgres: a bounded number of times)
//              └────► failed                      (the store: its promise of durability is broken)
function createWatch() {
  const { promise: failed, resolve: fail } = Promise.withResolvers<Fault>()
  const states = new Map<string, { isReady: boolean; detail: string }>()
  let isEnding = false

  return {
    failed,
    readiness: () => [...states].map(([name, state]) => ({ name, ...state })),
    end: () => {
      isEnding = true
    },

    store(store: EmbeddedEventStore): void {
      states.set('event store', { isReady: true, detail: 'embedded, running' })
      void store.failed.then((cause) => {
        if (isEnding) return
        states.set('event store', { isReady: false, detail: 'failed' })
        fail(new Fault('event-store-failed', {}, { cause }))
      })
    },

    postgres(postgres: EmbeddedPostgres, logger: Logger): void {
      states.set('postgres', { isReady: true, detail: 'embedded, running' })
      void superviseAgain(postgres, logger, [])
    },
  }

  async function superviseAgain(
    postgres: EmbeddedPostgres,
    logger: Logger,
    restartedAtMs: readonly number[],
  ): Promise<void> {
    const { reason } = await postgres.exited
    if (isEnding) return
    states.set('postgres', { isReady: false, detail: 'restarting' })
    const nowMs = performance.now()
    const recent = [...restartedAtMs, nowMs].filter((atMs) => nowMs - atMs < RESTART_WINDOW_MS)
    if (recent.length > RESTARTS_MAX) return fail(new Fault('postgres-failed', { reason, restarts: RESTARTS_MAX }))
    logger.warn({ reason }, 'embedded postgres died, starting it again')
    try {
      await postgres.restart()
    } catch (cause) {
      if (!isEnding) fail(new Fault('postgres-failed', { reason }, { cause }))
      return
    }
    logger.info({ port: postgres.port }, 'embedded postgres runs again')
    states.set('postgres', { isReady: true, detail: 'embedded, running' })
    return superviseAgain(postgres, logger, recent)
  }
}
