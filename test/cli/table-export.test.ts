import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sampleRecord } from '../../scripts/analytics/sample-record.ts'
import { type ExportFormat, type ExportParts, exportView, prepareExport } from '../../src/cli/table-export.ts'
import { analyticsViews } from '../../src/projections/analytics/analytics-catalogue.ts'
import { factViews } from '../../src/projections/analytics/fact-views.ts'
import { summaryViews } from '../../src/projections/analytics/summary-views.ts'
import type { Database } from '../../src/projections/database.ts'
import { fillWithRows } from '../projections/support/many-rows.ts'
import { handleBatches, liveGeneration } from '../projections/support/projection.ts'
import { startTestPostgres, type TestPostgres } from '../projections/support/test-postgres.ts'

let postgres: TestPostgres
let database: Database
let directory: string
beforeAll(async () => {
  postgres = await startTestPostgres()
  database = await postgres.open()
  await handleBatches(database, [sampleRecord()])
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'emberlog-export-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const viewNamed = (name: string) => {
  const view = analyticsViews.find((each) => each.name === name)
  if (view === undefined) throw new Error(name)
  return view
}
const partsFor = (format: ExportFormat, changes: Partial<ExportParts> = {}): ExportParts => ({
  ...{ database, directory, format, isForced: false },
  ...{ signal: new AbortController().signal, onProgress: () => {} },
  ...changes,
})
const ask = (sql: string) => database.queries.query<Record<string, unknown>>(sql)

/** A reader of RFC 4180 of its own. */
function parseCsv(text: string): string[][] {
  const lines: string[][] = [['']]
  let isQuoted = false
  for (let at = 0; at < text.length; at += 1) {
    const line = lines.at(-1) as string[]
    const letter = text[at] as string
    if (isQuoted && letter === '"' && text[at + 1] === '"') {
      line[line.length - 1] += '"'
      at += 1
    } else if (letter === '"') isQuoted = !isQuoted
    else if (!isQuoted && letter === ',') line.push('')
    else if (!isQuoted && letter === '\r' && text[at + 1] === '\n') {
      lines.push([''])
      at += 1
    } else line[line.length - 1] += letter
  }
  return lines.slice(0, -1)
}

async function parquetRows(file: string) {
  const buffer = await asyncBufferFromFile(file)
  return { rows: await parquetReadObjects({ file: buffer }), metadata: await parquetMetadataAsync(buffer) }
}

describe('an export', () => {
  test('holds every row of a view as CSV, in the order of its key, times in UTC', async () => {
    const { file, rows, bytes } = await exportView(viewNamed('turn'), partsFor('csv'))
    const [names, ...lines] = parseCsv(await readFile(file, 'utf8'))
    const expected = await ask('select * from analytics.turn order by asked_at, asked_position')
    expect(names).toEqual(Object.keys(viewNamed('turn').columns))
    expect(lines).toHaveLength(expected.length)
    expect(rows).toBe(expected.length)
    expect((await readFile(file)).length).toBe(bytes)
    const cell = (value: unknown) => (value === null ? '' : value instanceof Date ? value.toISOString() : String(value))
    expect(lines).toEqual(expected.map((row) => (names ?? []).map((name) => cell(row[name]))))
  })

  test('holds the same rows as Parquet, with their types, for an independent reader', async () => {
    const { file } = await exportView(viewNamed('turn'), partsFor('parquet'))
    const { rows, metadata } = await parquetRows(file)
    const expected = await ask('select * from analytics.turn order by asked_at, asked_position')
    expect(rows).toEqual(
      expected.map((row) => ({ ...row, cost_usd: row['cost_usd'] === null ? null : Number(row['cost_usd']) })),
    )
    const types = Object.fromEntries(
      metadata.schema.map(({ name, type, converted_type }) => [name, converted_type ?? type]),
    )
    expect(types).toMatchObject({
      asked_at: 'TIMESTAMP_MILLIS',
      asked_position: 'INT64',
      total_ms: 'DOUBLE',
      intent: 'UTF8',
    })
  })

  test.each([...factViews, ...summaryViews].map(({ name }) => name))(
    'of %s says the same in both forms',
    async (name) => {
      const csv = await exportView(viewNamed(name), partsFor('csv'))
      const parquet = await exportView(viewNamed(name), partsFor('parquet'))
      expect(parquet.rows).toBe(csv.rows)
      expect(csv.rows).toBeGreaterThan(0)
      const [names = [], ...lines] = parseCsv(await readFile(csv.file, 'utf8'))
      const { rows } = await parquetRows(parquet.file)
      const asCell = (value: unknown, column: string): string => {
        if (value === null || value === undefined) return ''
        if (!(value instanceof Date)) return String(value)
        return viewNamed(name).columns[column]?.type === 'date' ? value.toISOString().slice(0, 10) : value.toISOString()
      }
      const plain = (text: string) => (/^-?\d+(\.\d+)?$/.test(text) ? String(Number(text)) : text)
      expect(rows.map((row) => names.map((column) => plain(asCell(row[column], column))))).toEqual(
        lines.map((line) => line.map(plain)),
      )
    },
  )

  test('is of a range of time alone, whose end is not included', async () => {
    const range = { from: new Date('2026-11-03T00:00:00Z'), to: new Date('2026-11-05T00:00:00Z') }
    const days = await exportView(viewNamed('daily_usage'), partsFor('csv', range))
    const lines = parseCsv(await readFile(days.file, 'utf8'))
    expect(lines.slice(1).map(([day]) => day)).toEqual(['2026-11-03', '2026-11-04'])
    const turns = await exportView(viewNamed('turn'), partsFor('csv', range))
    const [counted] = await ask(
      `select count(*) from analytics.turn where asked_at >= '2026-11-03T00:00:00Z' and asked_at < '2026-11-05T00:00:00Z'`,
    )
    expect(BigInt(turns.rows)).toBe(counted?.['count'])
  })

  test('of nothing is a file with names and no rows', async () => {
    const range = { from: new Date('2030-01-01T00:00:00Z') }
    const { file, rows } = await exportView(viewNamed('turn'), partsFor('csv', range))
    expect([rows, parseCsv(await readFile(file, 'utf8')).length]).toEqual([0, 1])
    const parquet = await exportView(viewNamed('daily_usage'), partsFor('parquet', range))
    const read = await parquetRows(parquet.file)
    expect(read.rows).toEqual([])
    expect(read.metadata.schema.map(({ name }) => name).slice(1)).toEqual(Object.keys(viewNamed('daily_usage').columns))
  })

  test('never takes the place of a file unless it is told to', async () => {
    const views = [viewNamed('daily_usage')]
    const file = path.join(directory, 'daily_usage.csv')
    await writeFile(file, 'mine')
    await expect(prepareExport(views, partsFor('csv'))).rejects.toMatchObject({
      code: 'export-exists',
      details: { file },
    })
    await expect(exportView(viewNamed('daily_usage'), partsFor('csv'))).rejects.toMatchObject({ code: 'export-exists' })
    expect(await readFile(file, 'utf8')).toBe('mine')
    await prepareExport(views, partsFor('csv', { isForced: true }))
    await exportView(viewNamed('daily_usage'), partsFor('csv', { isForced: true }))
    expect(await readFile(file, 'utf8')).toMatch(/^day,people,/)
  })

  test('that is stopped, or cannot be written, leaves no part of a file behind', async () => {
    const stopping = new AbortController()
    const onProgress = () => stopping.abort()
    const stopped = exportView(viewNamed('turn'), partsFor('csv', { signal: stopping.signal, onProgress }))
    await expect(stopped).rejects.toMatchObject({ code: 'export-stopped' })
    expect(await readdir(directory)).toEqual([])
    await writeFile(path.join(directory, 'no-directory'), '')
    const nowhere = partsFor('csv', { directory: path.join(directory, 'no-directory', 'in-here') })
    await expect(prepareExport([viewNamed('turn')], nowhere)).rejects.toMatchObject({ code: 'export-not-written' })
  })
})

describe('an export of many rows', () => {
  test('goes page by page, holds no connection between them, and shows how far it has come', async () => {
    const many = await postgres.open()
    await fillWithRows(many, (await liveGeneration(many)).schema, 2_500, 50)
    const seen: number[] = []
    const lent: number[] = []
    const onProgress = ({ rows, rowsTotal }: { rows: number; rowsTotal: number }) => {
      seen.push(rows / rowsTotal)
      lent.push(many.metrics().reduce((sum, { inUse }) => sum + inUse, 0))
    }
    const { file, rows } = await exportView(viewNamed('turn'), partsFor('parquet', { database: many, onProgress }))
    expect(rows).toBe(25_000)
    expect(seen).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1])
    expect(Math.max(...lent)).toBe(0)
    const { rows: read, metadata } = await parquetRows(file)
    expect(new Set(read.map((row) => row['turn_key'])).size).toBe(25_000)
    expect(metadata.row_groups.map(({ num_rows }) => num_rows)).toEqual([20_000n, 5_000n])
    const messages = await exportView(viewNamed('message'), partsFor('csv', { database: many }))
    expect(messages.rows).toBe(50_000)
    const conversations = await exportView(viewNamed('conversation'), partsFor('csv', { database: many }))
    expect(conversations.rows).toBe(2_500)
  })
})
