/** Writes the page of worked queries. A test holds it against the same queries, asked again. */
import { writeFileSync } from 'node:fs'
import { queriesPage } from './analytics/queries-page.ts'

writeFileSync(new URL('../docs/analytics-queries.md', import.meta.url), await queriesPage())
