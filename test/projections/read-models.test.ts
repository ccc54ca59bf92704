import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readModelsPage } from '../../scripts/read-models-page.ts'
import type { Database } from '../../src/projections/database.ts'
import { readModels } from '../../src/projections/projectors.ts'
import { shownColumns } from '../../src/projections/read-model.ts'
import { startTestPostgres, type TestPostgres } from './support/test-postgres.ts'

let postgres: TestPostgres
let database: Database
beforeAll(async () => {
  postgres = await startTestPostgres()
  database = await postgres.open()
})
afterAll(() => postgres.stop())

const SQL_FILES = [
  'control/0001-generations.sql',
  'control/0002-parked-events.sql',
  'control/0003-partitions-and-acts.sql',
  'control/0004-analytics.sql',
  'generation/0001-read-models.sql',
]
const POSTGRES_NAMES: Record<string, string> = { timestamptz: 'timestamp(3) with time zone' }

describe('the description of a read model', () => {
  for (const model of readModels) {
    const described = shownColumns(model).map(({ name, type, about }) => ({
      name,
      type: POSTGRES_NAMES[type] ?? type,
      about,
    }))
    for (const schema of ['chat', 'chat_g1']) {
      test(`is what Postgres has in ${schema}.${model.name}, word for word`, async () => {
        const columns = await database.queries.query(
          `select attname::text as name, format_type(atttypid, atttypmod) as type,
            col_description(attrelid, attnum) as about
          from pg_attribute
          where attrelid = $1::regclass
            and attnum > 0
          order by attnum`,
          [`${schema}.${model.name}`],
        )
        expect(columns).toEqual(described)
      })
    }
  }

  test('is what docs/read-models.md says', async () => {
    const page = await readFile(new URL('../../docs/read-models.md', import.meta.url), 'utf8')
    expect(page).toBe(readModelsPage())
  })
})

describe('the statements of migrations', () => {
  test('are in lower case', async () => {
    for (const name of SQL_FILES) {
      const text = await readFile(new URL(`../../src/projections/sql/${name}`, import.meta.url), 'utf8')
      const code = text.replaceAll(/--.*$/gm, '').replaceAll(/'[^']*'/g, '')
      expect(code).toBe(code.toLowerCase())
    }
  })
})
