import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { queriesPage } from '../../../scripts/analytics/queries-page.ts'
import { workedQueries } from '../../../scripts/analytics/worked-queries.ts'

test('Ten worked queries give the answers that docs/analytics-queries.md shows, asked as an analyst', async () => {
  const page = await queriesPage()
  expect(await readFile(new URL('../../../docs/analytics-queries.md', import.meta.url), 'utf8')).toBe(page)
  expect(workedQueries).toHaveLength(10)
  expect(page).not.toMatch(/person-\d|A question|An answer/)
})
