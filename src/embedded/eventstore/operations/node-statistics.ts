/** What the node can say about itself in figures: the process, the machine, and the log. */
import { cpus, freemem, loadavg, totalmem } from 'node:os'
import type { EventLog } from '../storage/event-log.ts'

/** Figures by group; names follow EventStoreDB's where it has the same figure. */
export interface NodeStatistics {
  readonly proc: Readonly<Record<string, number | string>>
  readonly sys: Readonly<Record<string, number | string>>
  readonly es: Readonly<Record<string, number | string>>
}

export function nodeStatistics(log: EventLog, version: string): NodeStatistics {
  const { user, system } = process.cpuUsage()
  const [load1m = 0, load5m = 0, load15m = 0] = loadavg()
  const { records, streams, bytes, segments, commits } = log.stats()
  return {
    proc: {
      id: process.pid,
      startTime: new Date(Date.now() - process.uptime() * 1_000).toISOString(),
      mem: process.memoryUsage.rss(),
      cpuSeconds: (user + system) / 1_000_000,
    },
    sys: { cpus: cpus().length, freeMem: freemem(), totalMem: totalmem(), load1m, load5m, load15m },
    es: {
      version,
      records,
      streams,
      bytes,
      segments,
      commits,
      nextPosition: log.nextPosition,
      pendingBytes: log.pendingBytes,
    },
  }
}

/** `group-name` and the figure as text: the form of the monitoring call. */
export function flatStatistics(statistics: NodeStatistics): [name: string, figure: string][] {
  return Object.entries(statistics).flatMap(([group, figures]) =>
    Object.entries(figures).map(([name, figure]): [string, string] => [`${group}-${name}`, String(figure)]),
  )
}
