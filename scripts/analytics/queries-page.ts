/** Makes the page of worked queries: asks each one of a real Postgres that holds the sample record, as an analyst. */

import { handleBatches } from '../../test/projections/support/projection.ts'
import { startTestPostgres } from '../../test/projections/support/test-postgres.ts'
import { sampleRecord } from './sample-record.ts'
import { workedQueries } from './worked-queries.ts'

const INTRODUCTION = `# Ten questions of analysts

Made by \`npm run docs:queries\`, which asks a real Postgres; do not edit. A test asks again and compares.

The answers are about a made-up month of a small service (\`scripts/analytics/sample-record.ts\`), the same in every run. Each query works as
it stands in \`psql\`, a notebook or a BI tool, for a login as described in [analytics.md](analytics.md), where every view and column
is explained.
`

/** Pseudonyms on a page that is compared must not change with the installation. */
const FIXED_KEY = `update emberlog.analyst_key
  set key = sha256('sample'), inner_pad = emberlog.padded(sha256('sample'), 54), outer_pad = emberlog.padded(sha256('sample'), 92)`
const PRICES = `insert into analytics.model_price values ('acme', 'large-2', '2026-11-01', 2.50, 10.00)`

export async function queriesPage(): Promise<string> {
  const postgres = await startTestPostgres()
  try {
    const connectionString = await postgres.createDatabase()
    const database = await postgres.open({ connectionString })
    await handleBatches(database, [sampleRecord()])
    await database.queries.query(FIXED_KEY)
    await database.queries.query(PRICES)
    const analyst = await postgres.connect(connectionString)
    await analyst.query('set role emberlog_analyst')
    await analyst.query(`set timezone to 'UTC'`)
    const sections: string[] = []
    for (const [index, { question, note, sql }] of workedQueries.entries()) {
      const { rows, fields } = await analyst.query<unknown[]>({ text: sql, rowMode: 'array', types: asText })
      const names = fields.map(({ name }) => name)
      sections.push(`## ${index + 1}. ${question}`, '', note, '', '```sql', sql, '```', '', ...tableOf(names, rows), '')
    }
    await analyst.end()
    return [INTRODUCTION, ...sections].join('\n')
  } finally {
    await postgres.stop()
  }
}

/** Values as Postgres writes them. */
const asText = { getTypeParser: () => (text: unknown) => String(text) }

function tableOf(names: readonly string[], rows: readonly (readonly unknown[])[]): string[] {
  const line = (cells: readonly unknown[]) => `| ${cells.map((cell) => cell ?? 'null').join(' | ')} |`
  return [line(names), line(names.map(() => '---')), ...rows.map(line)]
}
