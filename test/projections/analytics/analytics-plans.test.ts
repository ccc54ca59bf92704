import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { analyticsViews } from '../../../src/projections/analytics/analytics-catalogue.ts'
import { createAnalyticsQueries } from '../../../src/projections/analytics/analytics-queries.ts'
import { readViewPages } from '../../../src/projections/analytics/view-pages.ts'
import type { ConnectionPool } from '../../../src/projections/connection-pool.ts'
import type { Database } from '../../../src/projections/database.ts'
import { fillWithRows } from '../support/many-rows.ts'
import { liveGeneration } from '../support/projection.ts'
import { startTestPostgres, type TestPostgres } from '../support/test-postgres.ts'

interface Plan {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly Plans?: readonly Plan[]
}

let postgres: TestPostgres
let database: Database
const asked: { text: string; values: readonly unknown[] }[] = []
let observed: Database
beforeAll(async () => {
  postgres = await startTestPostgres()
  database = await postgres.open()
  await fillWithRows(database, (await liveGeneration(database)).schema, 2_000, 100)
  const query: ConnectionPool['query'] = (text, values = []) => {
    asked.push({ text, values })
    return database.queries.query(text, values)
  }
  const withConnection: ConnectionPool['withConnection'] = (work) =>
    database.queries.withConnection((connection) =>
      work({
        ...connection,
        query: (text, values = []) => {
          asked.push({ text, values })
          return connection.query(text, values)
        },
        transaction: (inside) => inside(),
      }),
    )
  observed = { ...database, queries: { ...database.queries, query, withConnection } }
})
afterAll(() => postgres.stop())

/** Prices and the key are small whatever happens; the conversations of this test fit on few pages. */
const SMALL = new Set(['model_price', 'analyst_key', 'conversation'])

async function scannedTables(work: () => Promise<unknown>): Promise<string[]> {
  asked.length = 0
  await work()
  expect(asked.length).toBeGreaterThan(0)
  const scanned: string[] = []
  const walk = (plan: Plan) => {
    const table = plan['Relation Name'] ?? '?'
    if (plan['Node Type'] === 'Seq Scan' && !SMALL.has(table)) scanned.push(table)
    for (const child of plan.Plans ?? []) walk(child)
  }
  for (const { text, values } of [...asked]) {
    const [row] = await database.queries.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(
      `explain (format json) ${text}`,
      values,
    )
    for (const { Plan } of row?.['QUERY PLAN'] ?? []) walk(Plan)
  }
  return scanned
}

/** A four-hundredth of what there is: with more of it, reading a small table whole can be cheaper. */
const from = new Date('2026-01-01T00:10:00.000Z')
const to = new Date('2026-01-01T00:10:05.000Z')
const range = { from, to, bucket: 'hour' } as const

describe('the figures of a short range read no whole table', () => {
  test.each(['overview', 'turns', 'routing', 'usage'] as const)('for %s', async (name) => {
    const queries = createAnalyticsQueries({ database: observed })
    expect(await scannedTables(() => queries[name](range))).toEqual([])
  })

  test.each(['turn', 'message', 'routing_decision'])('for a page of an export of %s', async (name) => {
    const view = analyticsViews.find((each) => each.name === name)
    if (view === undefined) throw new Error(name)
    const read = async () => {
      for await (const rows of readViewPages({ database: observed, view, from, to })) {
        expect(rows.length).toBeGreaterThan(0)
        return
      }
    }
    expect(await scannedTables(read)).toEqual([])
  })
})
