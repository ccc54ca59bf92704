import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  type ComparedEvent,
  type ComparisonSchedule,
  createComparisonSchedule,
  type LastComparison,
} from '../../src/projections/comparison-schedule.ts'
import type { Database } from '../../src/projections/database.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { conversation } from './support/conversations.ts'
import { handleBatches } from './support/projection.ts'
import { codec, TestRecord } from './support/record.ts'
import { startTestPostgres, type TestPostgres } from './support/test-postgres.ts'
import { eventually } from './support/waiting.ts'

let postgres: TestPostgres
const stopping: AbortController[] = []
const running: Promise<void>[] = []
beforeAll(async () => {
  postgres = await startTestPostgres()
})
afterEach(async () => {
  for (const each of stopping.splice(0)) each.abort()
  await Promise.all(running.splice(0))
  await postgres.closeDatabases()
})
afterAll(() => postgres.stop())

const DAY_MS = 86_400_000

/** What several processes share: the record of results, and the time. */
class SharedResults {
  readonly results: LastComparison[] = []
  nowMs = Date.parse('2026-11-23T19:00:00.000Z')
  readonly readLast = async () => this.results.at(-1)
  readonly record = async ({ data }: ComparedEvent) => void this.results.push({ at: new Date(this.nowMs), data })
  readonly clock = () => new Date(this.nowMs)
}

async function process(database: Database, record: TestRecord, shared: SharedResults, everyMs = DAY_MS) {
  const pool = database.comparison
  if (pool === undefined) throw new Error('no connection for comparisons')
  const { readLast, record: put, clock } = shared
  const schedule = createComparisonSchedule({
    ...{ pool, database, reader: record, codec, logger: silentLogger, everyMs, clock, readLast },
    record: put,
  })
  const ending = new AbortController()
  stopping.push(ending)
  running.push(schedule.run(ending.signal))
  return schedule
}

async function projected(): Promise<{ database: Database; record: TestRecord }> {
  const record = new TestRecord()
  const { events, stream } = conversation('ada', 'a', 6)
  record.append(events, stream)
  const database = await postgres.open({ isComparing: true, connectionsMax: 6 })
  await handleBatches(database, [record.events])
  return { database, record }
}

async function secondTo(database: Database): Promise<Database> {
  const [found] = await database.queries.query<{ name: string }>('select current_database() as name')
  const url = new URL(postgres.server.connectionString)
  url.pathname = `/${found?.name}`
  return postgres.open({ isComparing: true, connectionsMax: 6, connectionString: url.href })
}

const hasSeen = (schedule: ComparisonSchedule) => schedule.status().last !== undefined

describe('comparing by schedule', () => {
  test('is done once by several processes, and each of them knows the result', async () => {
    const { database, record } = await projected()
    const other = await secondTo(database)
    const shared = new SharedResults()
    const schedules = await Promise.all([process(database, record, shared), process(other, record, shared)])
    await eventually('one has compared', () => schedules.some(hasSeen))
    stopping.forEach((each) => void each.abort())
    await Promise.all(running)
    expect(shared.results).toMatchObject([
      { data: { changed: 0, missing: 0, extra: 0, differing: [], parkedStreams: 0 } },
    ])
    const later = await process(other, record, shared)
    await eventually('the other knows', () => hasSeen(later))
    expect(shared.results).toHaveLength(1)
  })

  test('is due again after the interval, and counts the rows that are not what the record gives', async () => {
    const { database, record } = await projected()
    await database.queries.query(`update chat_g1.message set text = 'tampered' where message_id = 'm1'`)
    const shared = new SharedResults()
    // Looked at a tenth of the interval: the shared clock says when it is due, not the time that passes here.
    const schedule = await process(database, record, shared, 200)
    await eventually('compared', () => hasSeen(schedule))
    expect(schedule.status().last?.data).toMatchObject({ changed: 1, differing: ['message'] })
    expect(shared.results).toHaveLength(1)
    shared.nowMs += 200
    await eventually('compared again', () => shared.results.length === 2)
  })

  test('says what kept it from finding out, and finds out when that is over', async () => {
    const { database, record } = await projected()
    await database.queries.query('update emberlog.generation set projectors_version = projectors_version - 1')
    const shared = new SharedResults()
    const schedule = await process(database, record, shared, 100)
    await eventually('failed', () => schedule.status().failure !== undefined)
    expect(schedule.status().failure).toContain('generation-foreign')
    await database.queries.query('update emberlog.generation set projectors_version = projectors_version + 1')
    await eventually('compared', () => hasSeen(schedule))
    expect(schedule.status().failure).toBeUndefined()
  })

  test('keeps its connection out of everybody else’s, and is refused where there are too few', async () => {
    const { database } = await projected()
    expect(database.metrics().map(({ name }) => name)).toContain('comparison')
    expect(database.metrics().reduce((sum, { connectionsMax }) => sum + connectionsMax, 0)).toBe(6)
    await expect(postgres.open({ isComparing: true, connectionsMax: 5 })).rejects.toThrow('connection-budget-too-small')
  })
})
