import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { factViews } from '../../src/projections/analytics/fact-views.ts'
import { summaryViews } from '../../src/projections/analytics/summary-views.ts'
import { emberlog, makeDataDirectory, type Program, startProgram } from '../support/program.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 })

let data: Awaited<ReturnType<typeof makeDataDirectory>>
let program: Program
beforeAll(async () => {
  data = await makeDataDirectory()
  program = await startProgram(data.directory, { LLM_DELTA_DELAY_MS: '0' })
})
afterAll(async () => {
  await program?.stop()
  await data?.remove()
})

test('Every view of a running Emberlog is exported with one command, and nothing is replaced without --force', async () => {
  await emberlog(['chat', 'What is RAG in AI?', '--user', 'ada'], data.directory)
  const out = path.join(data.directory, 'out')
  const run = (...more: string[]) =>
    emberlog(['analytics', 'export', 'all', '--format', 'csv', '--out', out, ...more], data.directory)
  const { exitCode, output } = await run('--json')
  expect(exitCode).toBe(0)
  const said = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  const names = [...factViews, ...summaryViews].map(({ name }) => name)
  expect(said.filter(({ event }) => event === 'exported').map(({ view }) => view)).toEqual(names)
  expect(said.find(({ event, view }) => event === 'exported' && view === 'turn')).toMatchObject({ rows: 1 })
  expect((await readdir(out)).sort()).toEqual(names.map((name) => `${name}.csv`).sort())
  const again = await run()
  expect([again.exitCode, again.complaints]).toEqual([3, expect.stringContaining('export-exists')])
  expect((await run('--force')).exitCode).toBe(0)
})

test.each([
  ['an unknown view', ['nothing', '--format', 'csv', '--out', 'x']],
  ['an unknown form', ['turn', '--format', 'xlsx', '--out', 'x']],
  ['no place to write to', ['turn', '--format', 'csv']],
  ['a day that is none', ['turn', '--format', 'csv', '--out', 'x', '--from', '2026-02-30']],
  [
    'a range that ends before it begins',
    ['turn', '--format', 'csv', '--out', 'x', '--from', '2026-02-02', '--to', '2026-02-01'],
  ],
])('An export with %s is a bad argument, and makes nothing', async (_what, args) => {
  expect((await emberlog(['analytics', 'export', ...args], data.directory)).exitCode).toBe(2)
  expect(await readdir(data.directory)).not.toContain('x')
})
