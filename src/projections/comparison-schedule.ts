/** Compares the read models with the record at intervals, in one process at a time, and puts the result where people see it. */
import type { OperatorEvent } from '../events/operator-events.ts'
import type { Clock } from '../shared/clock.ts'
import type { Logger } from '../shared/logger.ts'
import { pause } from '../shared/waiting.ts'
import { comparisonLock } from './advisory-locks.ts'
import { type Comparison, type ComparisonParts, compareReadModels } from './comparison.ts'
import type { Connection } from './connection.ts'
import type { ConnectionPool } from './connection-pool.ts'
import type { RowDifference } from './row-differences.ts'

export type ComparedEvent = Extract<OperatorEvent, { readonly type: 'ReadModelsCompared' }>

/** The last result in the record, whichever process found it. */
export interface LastComparison {
  readonly at: Date
  readonly data: ComparedEvent['data']
}

export interface ScheduleParts extends Pick<ComparisonParts, 'database' | 'reader' | 'codec' | 'limits'> {
  /** A connection of it is held for as long as a comparison takes. */
  readonly pool: Pick<ConnectionPool, 'withConnection'>
  readonly everyMs: number
  readonly readLast: () => Promise<LastComparison | undefined>
  readonly record: (event: ComparedEvent) => Promise<void>
  readonly clock: Clock
  readonly logger: Logger
}

export interface ComparisonSchedule {
  /** Until the signal aborts. Never throws: what fails is said, and tried again. */
  readonly run: (signal: AbortSignal) => Promise<void>
  readonly status: () => { readonly last: LastComparison | undefined; readonly failure: string | undefined }
}

/** How soon it is noticed that one is due, or that another process has done it. */
const LOOK_MS_MAX = 60_000
/** In an interval it is looked so often at least. */
const LOOKS_PER_INTERVAL = 10
/** A comparison that failed may have been long: it is not begun anew at once. */
const FAILED_RETRY_MS_MAX = 15 * 60_000
/** So many differing rows are named in the log; `emberlog audit compare` names all of them. */
const NAMED_ROWS_MAX = 20

export function createComparisonSchedule(parts: ScheduleParts): ComparisonSchedule {
  const { pool, everyMs, readLast, record, clock, logger } = parts
  let last: LastComparison | undefined
  let failure: string | undefined

  const isDue = async () => {
    last = await readLast()
    return last === undefined || clock().getTime() - last.at.getTime() >= everyMs
  }

  /** Of several processes one holds the lock; the others find the result in the record afterwards. */
  async function compareAlone(connection: Connection, signal: AbortSignal): Promise<void> {
    const [lock] = await connection.query<{ isOurs: boolean }>(
      'select pg_try_advisory_lock($1, $2) as "isOurs"',
      comparisonLock,
    )
    if (lock?.isOurs !== true) return
    try {
      if (!(await isDue())) return
      logger.info({ everyMs }, 'comparing the read models with the record')
      let named = 0
      const onDifference = ({ table, kind, key }: RowDifference) => {
        named += 1
        if (named <= NAMED_ROWS_MAX) logger.error({ table, kind, key }, 'a row is not what the record gives')
      }
      const comparison = await compareReadModels(connection, { ...parts, onDifference, signal })
      const data = resultOf(comparison)
      await record({ type: 'ReadModelsCompared', data })
      const isEqual = data.differing.length === 0
      logger[isEqual ? 'info' : 'error']({ ...data }, 'compared the read models with the record')
      last = await readLast()
      failure = undefined
    } finally {
      await connection.query('select pg_advisory_unlock($1, $2)', comparisonLock).catch(() => {})
    }
  }

  return {
    async run(signal) {
      const lookMs = Math.min(LOOK_MS_MAX, everyMs / LOOKS_PER_INTERVAL)
      while (!signal.aborted) {
        let waitMs = lookMs
        try {
          if (await isDue()) await pool.withConnection((connection) => compareAlone(connection, signal))
        } catch (error) {
          if (signal.aborted) return
          failure = error instanceof Error ? error.message : String(error)
          waitMs = Math.min(FAILED_RETRY_MS_MAX, everyMs)
          logger.warn({ reason: failure, waitMs }, 'could not compare the read models with the record')
        }
        await pause(waitMs, signal)
      }
    },
    status: () => ({ last, failure }),
  }
}

function resultOf({ parked, parkedAlike: _alike, events: _events, ...rest }: Comparison): ComparedEvent['data'] {
  return { ...rest, differing: [...rest.differing], parkedStreams: parked.length }
}
