/** Shows operators how the read side is doing: connections of each share, the writer, and what is parked. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { PoolMetrics } from './connection-pool.ts'
import type { Database } from './database.ts'
import { parkedTotals } from './parked-events.ts'
import type { ProjectionWriter } from './projection-writer.ts'

/** Adds the metrics to a registry; they are measured when it is asked. Leave out the writer where none runs. */
export function addReadSideMetrics(parts: {
  readonly registry: Registry
  readonly database: Database
  readonly writer?: ProjectionWriter
}): void {
  addConnectionMetrics(parts.registry, parts.database)
  addServerMetrics(parts.registry, parts.database)
  if (parts.writer !== undefined) addWriterMetrics(parts.registry, parts.writer)
}

const WAIT_BUCKETS_S = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5]

function addConnectionMetrics(registry: Registry, database: Database): void {
  const registers = [registry]
  new Gauge({
    name: 'emberlog_database_connections',
    help: 'Connections of this process by share: the most there may be, in use, idle, and requests that wait for one.',
    labelNames: ['share', 'state'],
    registers,
    collect() {
      for (const { name, connectionsMax, inUse, idle, waiting } of database.metrics()) {
        const states = { max: connectionsMax, in_use: inUse, idle, waiting }
        for (const [state, count] of Object.entries(states)) this.set({ share: name, state }, count)
      }
    },
  })
  const counters: Record<string, { help: string; of: (metrics: PoolMetrics) => number }> = {
    acquired: { help: 'Requests that got a connection.', of: ({ acquiredTotal }) => acquiredTotal },
    busy: { help: 'Requests that were answered as busy.', of: ({ busyTotal }) => busyTotal },
    held_too_long: { help: 'Connections held without being used.', of: ({ heldTooLongTotal }) => heldTooLongTotal },
  }
  for (const [what, { help, of }] of Object.entries(counters)) {
    new Counter({
      name: `emberlog_database_${what}_total`,
      help,
      labelNames: ['share'],
      registers,
      collect() {
        this.reset()
        for (const metrics of database.metrics()) this.inc({ share: metrics.name }, of(metrics))
      },
    })
  }
  const waits = new Histogram({
    name: 'emberlog_database_wait_seconds',
    help: 'How long requests waited for a connection.',
    labelNames: ['share'],
    buckets: WAIT_BUCKETS_S,
    registers,
  })
  database.onAcquired((share, waitedMs) => waits.observe({ share }, waitedMs / 1_000))
}

function addServerMetrics(registry: Registry, database: Database): void {
  new Gauge({
    name: 'emberlog_database_server_connections',
    help: 'Connections at the server by program and share, of all processes together.',
    labelNames: ['application', 'state'],
    registers: [registry],
    async collect() {
      this.reset()
      const rows = await database.queries
        .query<{ application: string; state: string; count: number }>(
          `select case
              when application_name like $1 || ' %' then regexp_replace(application_name, ' [0-9a-f]+/[0-9]+$', '')
              else 'other'
            end as application,
            coalesce(state, 'unknown') as state,
            count(*)::integer as count
          from pg_stat_activity
          where datid is not null
          group by 1, 2`,
          [database.applicationName],
        )
        .catch(() => []) // Metrics must be readable above all when the database is not.
      for (const { application, state, count } of rows) this.set({ application, state }, count)
    },
  })
  new Gauge({
    name: 'emberlog_parked',
    help: 'Events of the live generation that could not be handled, and their streams.',
    labelNames: ['what'],
    registers: [registry],
    async collect() {
      this.reset()
      const totals = await parkedTotals(database).catch(() => undefined)
      if (totals === undefined) return
      this.set({ what: 'streams' }, totals.streams)
      this.set({ what: 'events' }, totals.events)
      const ageS = totals.oldestAt === null ? 0 : (Date.now() - totals.oldestAt.getTime()) / 1_000
      this.set({ what: 'oldest_seconds' }, ageS)
    },
  })
}

function addWriterMetrics(registry: Registry, writer: ProjectionWriter): void {
  const registers = [registry]
  const gauges: Record<string, { help: string; of: () => number }> = {
    live: { help: '1 when this process writes the read models and is up to date.', of: () => toFlag('live') },
    standby: { help: '1 when another process writes the read models.', of: () => toFlag('standby') },
    behind_seconds: { help: 'Age of the last handled event while behind.', of: () => writer.status().behindMs / 1_000 },
    generation: { help: 'The live generation.', of: () => writer.status().generation ?? 0 },
    position: { help: 'The last position handled here.', of: () => Number(writer.status().position ?? 0n) },
  }
  const toFlag = (state: string) => (writer.status().state === state ? 1 : 0)
  for (const [what, { help, of }] of Object.entries(gauges)) {
    new Gauge({
      name: `emberlog_projection_${what}`,
      help,
      registers,
      collect() {
        this.set(of())
      },
    })
  }
  new Counter({
    name: 'emberlog_projection_events_total',
    help: 'Events handled by this process.',
    registers,
    collect() {
      this.reset()
      this.inc(writer.status().handledTotal)
    },
  })
}
