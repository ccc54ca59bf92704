/** Measures what PostgreSQL itself needs to start on a made database: the yardstick for everything that starts it. */
import { stat } from 'node:fs/promises'
import { prepareCluster } from './cluster-setup.ts'
import { lockDirectory } from './directory-lock.ts'
import { findFreePort } from './free-port.ts'
import { removeLeftovers } from './leftover-servers.ts'
import { findPostgresBinaries } from './postgres-binaries.ts'
import { openServerHome } from './server-home.ts'
import type { Logger } from './server-log.ts'
import { startServerProcess } from './server-process.ts'
import { chooseServerUser } from './server-user.ts'

export interface BareStartOptions {
  /** The database is made here first, when there is none. No server may run on it. */
  readonly dataDirectory: string
  readonly maxConnections: number
  readonly logger: Logger
}

export interface BareStart {
  /** Milliseconds to make the database, `initdb` above all; undefined when it was there. */
  readonly makeMs: number | undefined
  /** Milliseconds from spawning `postgres` to its accepting connections. */
  readonly startMs: number
}

/**
 * Starts the server once, measures, and stops it again.
 * Not measured: finding the programs and the user, locking, looking for leftovers, a free port.
 */
export async function measureBareStart(options: BareStartOptions): Promise<BareStart> {
  const { logger, maxConnections } = options
  const binaries = await findPostgresBinaries()
  const home = await openServerHome(options.dataDirectory)
  const lock = await lockDirectory(home)
  try {
    const user = await chooseServerUser(home, binaries)
    await removeLeftovers(home, logger)
    const isNew = (await stat(home.cluster).catch(() => undefined)) === undefined
    const began = performance.now()
    await prepareCluster({ home, binaries, user, logger })
    const makeMs = isNew ? performance.now() - began : undefined
    const settings = { port: await findFreePort(undefined), maxConnections, clusterName: home.clusterName }
    const spawned = performance.now()
    const server = await startServerProcess({ binaries, user, cluster: home.cluster, settings, logger })
    const startMs = performance.now() - spawned
    await server.stop()
    return { makeMs, startMs }
  } finally {
    await lock.release()
  }
}
