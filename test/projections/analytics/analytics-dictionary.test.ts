import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { analyticsPage } from '../../../scripts/analytics-page.ts'
import {
  analyticsFunctions,
  analyticsViews,
  modelPriceTable,
} from '../../../src/projections/analytics/analytics-catalogue.ts'
import type { Database } from '../../../src/projections/database.ts'
import { startTestPostgres, type TestPostgres } from '../support/test-postgres.ts'

let postgres: TestPostgres
let database: Database
beforeAll(async () => {
  postgres = await startTestPostgres()
  database = await postgres.open()
})
afterAll(() => postgres.stop())

const described = [...analyticsViews, modelPriceTable]
/** Times and amounts are described without their precision. */
const plainType = (type: string) =>
  type.replace('timestamp(3) with time zone', 'timestamptz').replace(/^numeric\(.*\)$/, 'numeric')

describe('the dictionary of schema analytics', () => {
  test('names everything that is there, and nothing else', async () => {
    const objects = await database.queries.query<{ name: string }>(
      `select relname as name from pg_class where relnamespace = 'analytics'::regnamespace and relkind <> 'i'
      union all
      select proname from pg_proc where pronamespace = 'analytics'::regnamespace`,
    )
    const named = [...described, ...analyticsFunctions].map(({ name }) => name)
    expect(objects.map(({ name }) => name).sort()).toEqual(named.sort())
  })

  for (const { name, about, columns } of described) {
    test(`is what Postgres says of ${name}, word for word`, async () => {
      const place = `analytics.${name}`
      const shown = await database.queries.query<{ name: string; type: string; about: string }>(
        `select attname::text as name, format_type(atttypid, atttypmod) as type, col_description(attrelid, attnum) as about
        from pg_attribute
        where attrelid = $1::regclass
          and attnum > 0
        order by attnum`,
        [place],
      )
      expect(shown.map(({ type, ...rest }) => ({ ...rest, type: plainType(type) }))).toEqual(
        Object.entries(columns).map(([column, { type, about: says }]) => ({ name: column, type, about: says })),
      )
      expect(
        await database.queries.query(`select obj_description($1::regclass, 'pg_class') as about`, [place]),
      ).toEqual([{ about }])
    })
  }

  test('explains each function in Postgres, too', async () => {
    for (const { name, argumentTypes, about } of analyticsFunctions) {
      const place = `analytics.${name}(${argumentTypes})`
      const said = await database.queries.query(`select obj_description($1::regprocedure, 'pg_proc') as about`, [place])
      expect(said).toEqual([{ about }])
    }
  })

  test('names keys that tell rows apart', async () => {
    for (const { key, columns } of described) for (const column of key) expect(columns[column]).toBeDefined()
  })

  test('is what docs/analytics.md says', async () => {
    const page = await readFile(new URL('../../../docs/analytics.md', import.meta.url), 'utf8')
    expect(page).toBe(analyticsPage())
  })
})
