/** Opens Postgres for this process: one budget of connections for everything, checked, divided and named. */
import { randomBytes } from 'node:crypto'
import { Fault } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import { type AnalystAccess, ensureAnalytics } from './analytics/analytics-upkeep.ts'
import type { ConnectionSettings } from './connection.ts'
import { checkBudget, connectionName, divideBudget } from './connection-budget.ts'
import { type ConnectionPool, createConnectionPool, type PoolMetrics } from './connection-pool.ts'
import { ensureLiveGeneration } from './generations.ts'
import { CONTROL_MIGRATIONS, type MigrationSet, migrate } from './migrations.ts'

export interface DatabaseOptions {
  /** `postgresql://…` */
  readonly connectionString: string
  /** All connections of this process together, at least 2. */
  readonly connectionsMax: number
  /** Shown by `pg_stat_activity`, followed by the share and the process. */
  readonly applicationName: string
  /** Into how many partitions of streams a generation that is made here is divided, 1 to 64; 1 when left out. */
  readonly partitions?: number
  /** A connection is kept for comparing the read models with the record. */
  readonly isComparing?: boolean
  readonly logger: Logger
  readonly limits?: Partial<DatabaseLimits>
}

export interface DatabaseLimits {
  readonly connectMsMax: number
  readonly acquireMsMax: number
  readonly waitersMax: number
  readonly queryMsMax: number
  readonly writeMsMax: number
  readonly lockMsMax: number
  readonly heldIdleMsMax: number
  readonly idleMsMax: number
}

export const databaseLimits: DatabaseLimits = {
  connectMsMax: 5_000,
  acquireMsMax: 2_000,
  waitersMax: 1_000,
  queryMsMax: 5_000,
  writeMsMax: 30_000,
  lockMsMax: 5_000,
  heldIdleMsMax: 1_000,
  idleMsMax: 30_000,
}

export interface Database {
  /** Owned by the projection writer and by rebuilds. */
  readonly writer: ConnectionPool
  /** For everything that reads. */
  readonly queries: ConnectionPool
  /** Undefined when the budget has no room for it. */
  readonly listener: ConnectionPool | undefined
  /** For the keys of people: whoever holds another connection may wait for one of these. */
  readonly vault: ConnectionPool
  /** For comparing the read models with the record; undefined unless that was wanted. */
  readonly comparison: ConnectionPool | undefined
  readonly metrics: () => readonly PoolMetrics[]
  /** Tells from now on how long each request waited for a connection of which share. */
  readonly onAcquired: (listener: (share: string, waitedMs: number) => void) => void
  /** Of generations that are made here. */
  readonly partitions: number
  /** The beginning of the names of all connections of this program, as `pg_stat_activity` shows them. */
  readonly applicationName: string
  /** What analysts find, as of the last time it was prepared. */
  readonly analystAccess: () => AnalystAccess
  /** Creates or repairs what the read side needs: control tables, and a generation to look at. */
  readonly prepare: () => Promise<void>
  /** Brings a schema of its own, that no rebuild touches, up to date. Throws `migration-changed` or `database-newer`. */
  readonly migrate: (set: MigrationSet) => Promise<void>
  /** Calls `stop` when the database closes, before its pools do. */
  readonly onClose: (stop: () => Promise<void>) => void
  readonly close: () => Promise<void>
}

/**
 * Connects, checks the budget and migrates. Throws `database-unavailable`, `connection-budget-too-large`,
 * `connection-budget-too-small`, `migration-changed` or `database-newer`.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { connectionString, connectionsMax, applicationName, logger } = options
  const limits = { ...databaseLimits, ...options.limits }
  const partitions = options.partitions ?? 1
  const shares = divideBudget(connectionsMax, partitions, options.isComparing)
  const identity = { applicationName, instance: randomBytes(3).toString('hex'), connectionsMax }

  const acquiredListeners: ((share: string, waitedMs: number) => void)[] = []

  const pool = (name: keyof typeof shares, statementMsMax: number, isOwned: boolean): ConnectionPool => {
    const connection: ConnectionSettings = {
      connectionString,
      applicationName: connectionName(identity, name),
      connectMsMax: limits.connectMsMax,
      statementMsMax,
      lockMsMax: limits.lockMsMax,
    }
    const { acquireMsMax, waitersMax, idleMsMax } = limits
    const heldIdleMsMax = isOwned ? 0 : limits.heldIdleMsMax
    // One connection stays open, so that other processes see this one's budget.
    const lending = { acquireMsMax, waitersMax, idleMsMax, heldIdleMsMax, idleMin: name === 'queries' ? 1 : 0 }
    const onAcquired = (waitedMs: number) => {
      for (const listener of acquiredListeners) listener(name, waitedMs)
    }
    return createConnectionPool({ name, connectionsMax: shares[name], connection, logger, onAcquired, ...lending })
  }
  const queries = pool('queries', limits.queryMsMax, false)
  const writer = pool('writer', limits.writeMsMax, true)
  const listener = shares.listener > 0 ? pool('listener', limits.queryMsMax, true) : undefined
  const ownVault = shares.vault > 0 ? pool('vault', limits.queryMsMax, false) : undefined
  const comparison = shares.comparison > 0 ? pool('comparison', limits.writeMsMax, true) : undefined
  const pools = [writer, queries, listener, ownVault, comparison].filter((each) => each !== undefined)
  const stops: (() => Promise<void>)[] = []
  let analystAccess: AnalystAccess = 'waiting'

  const database: Database = {
    writer,
    queries,
    listener,
    vault: ownVault ?? queries,
    comparison,
    partitions,
    metrics: () => pools.map((each) => each.metrics()),
    onAcquired: (listener) => {
      acquiredListeners.push(listener)
    },
    applicationName,
    analystAccess: () => analystAccess,
    prepare: () =>
      queries.withConnection(async (connection) => {
        await migrate(connection, logger, CONTROL_MIGRATIONS)
        await ensureLiveGeneration(connection, logger, partitions)
        analystAccess = await ensureAnalytics(connection, logger)
      }),
    migrate: (set) => queries.withConnection((connection) => migrate(connection, logger, set)),
    onClose: (stop) => {
      stops.push(stop)
    },
    async close() {
      await Promise.all(stops.map((stop) => stop()))
      await Promise.all(pools.map((each) => each.close()))
    },
  }
  try {
    await checkBudget(queries, identity)
    await database.prepare()
  } catch (error) {
    await database.close()
    throw error instanceof Fault ? error : new Fault('database-unavailable', { doing: 'opening' }, { cause: error })
  }
  logger.info({ connectionsMax, ...shares }, 'opened the database')
  return database
}
