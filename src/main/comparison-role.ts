/** Part of the role `projector`, where it is wanted: compares the read models with the record at intervals. */
import { Gauge, type Registry } from 'prom-client'
import type { ReadinessPart } from '../api/api-parts.ts'
import { comparisonsStream, createActRecorder } from '../commands/operator-acts-handler.ts'
import type { Codec } from '../events/codec.ts'
import {
  type ComparisonSchedule,
  createComparisonSchedule,
  type LastComparison,
} from '../projections/comparison-schedule.ts'
import type { Database } from '../projections/database.ts'
import { systemClock } from '../shared/clock.ts'
import { mintId } from '../shared/ids.ts'
import type { Logger } from '../shared/logger.ts'
import type { EventStore } from '../store/event-store.ts'

const byComparer = { kind: 'system', id: 'comparer' } as const

export interface ComparisonRoleParts {
  /** Opened with a connection for comparisons. */
  readonly database: Database
  readonly store: EventStore
  readonly codec: Codec
  readonly everyMs: number
  readonly metrics: Registry
  readonly logger: Logger
}

export function createComparisonRole(parts: ComparisonRoleParts): ComparisonSchedule | undefined {
  const { database, store, codec, metrics } = parts
  const pool = database.comparison
  if (pool === undefined) return undefined
  const recordAct = createActRecorder({ store, codec, clock: systemClock })
  const schedule = createComparisonSchedule({
    ...parts,
    pool,
    reader: store,
    clock: systemClock,
    readLast: () => readLast(store, codec),
    record: (event) => recordAct({ actId: mintId(), event, by: byComparer }),
  })
  addMetrics(metrics, schedule)
  return schedule
}

async function readLast(store: EventStore, codec: Codec): Promise<LastComparison | undefined> {
  const [stored] = await store.readStreamBackwards(comparisonsStream, 1)
  if (stored === undefined) return undefined
  const event = await codec.decode(stored)
  if (event.type !== 'ReadModelsCompared') return undefined
  return { at: new Date(event.envelope.occurredAt), data: event.data }
}

/** Rows that are not what they should be keep nobody from chatting: it shows here, in metrics, in the record and in the log. */
export function comparisonReadiness(schedule: ComparisonSchedule): ReadinessPart {
  const { last, failure } = schedule.status()
  const details = [last === undefined ? 'not done yet' : lastText(last), failure && `last try: ${failure}`]
  return { name: 'comparison', isReady: true, detail: details.filter(Boolean).join(', ') }
}

function lastText({ at, data: { changed, missing, extra, position } }: LastComparison): string {
  const found =
    changed + missing + extra === 0
      ? 'every row was what the record gives'
      : `NOT what the record gives: ${changed} rows changed, ${missing} missing, ${extra} extra`
  return `${found} at position ${position ?? 'none'}, ${at.toISOString()}`
}

function addMetrics(registry: Registry, schedule: ComparisonSchedule): void {
  const registers = [registry]
  const gauge = (name: string, help: string, read: (last: LastComparison | undefined) => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read(schedule.status().last))
      },
    })
  gauge(
    'emberlog_comparison_differing_rows',
    'Rows that were not what the record gives when they were last compared.',
    (last) => (last === undefined ? 0 : last.data.changed + last.data.missing + last.data.extra),
  )
  gauge('emberlog_comparison_timestamp_seconds', 'When that was; 0 before the first time.', (last) =>
    last === undefined ? 0 : last.at.getTime() / 1_000,
  )
  new Gauge({
    name: 'emberlog_comparison_failing',
    help: '1 while the last try could not find out.',
    registers,
    collect() {
      this.set(schedule.status().failure === undefined ? 0 : 1)
    },
  })
}
