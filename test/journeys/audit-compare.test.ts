import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { eventually } from '../projections/support/waiting.ts'
import { signIn } from '../support/chat-client.ts'
import {
  emberlog,
  type Finished,
  makeDataDirectory,
  type Program,
  runEmberlog,
  startProgram,
} from '../support/program.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 })

let data: Awaited<ReturnType<typeof makeDataDirectory>>
let program: Program
let postgres: Client
/** Of the live generation. */
let schema: string

beforeAll(async () => {
  data = await makeDataDirectory()
  program = await startProgram(data.directory, { LLM_DELTA_DELAY_MS: '0', EMBERLOG_COMPARE_EVERY: '1m' })
  const { databaseUrl } = JSON.parse(await readFile(path.join(data.directory, 'running.json'), 'utf8'))
  postgres = new Client({ connectionString: databaseUrl })
  await postgres.connect()
  const ada = await signIn(program.url, 'ada')
  for (const conversation of ['one', 'two']) {
    const socket = await ada.open(conversation)
    const ending = await socket.ending((await socket.say('What is RAG in AI?')).turnId)
    await ada.get('/api/v1/me/conversations', { 'x-min-position': String(ending['position']) })
    socket.close()
  }
  const { rows } = await postgres.query(`select schema_name from emberlog.generation where state = 'live'`)
  schema = rows[0].schema_name
})
afterAll(async () => {
  await postgres?.end()
  await program?.stop()
  await data?.remove()
})

const compare = (...args: string[]): Promise<Finished> =>
  emberlog(['audit', 'compare', '--purpose', 'a test', ...args], data.directory)
const parsed = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

/** Tables of connections that are still there. */
async function scratchTables(): Promise<number> {
  const { rows } = await postgres.query(`select count(*)::integer as count from pg_class where relpersistence = 't'`)
  return rows[0].count
}

describe('emberlog audit compare', () => {
  it('ends with 0 when every row is what the record gives, beside a running server', async () => {
    const text = await compare()
    expect([text.exitCode, text.complaints]).toEqual([0, ''])
    expect(text.output).toMatch(/^\d+ rows of generation 1 held against \d+ events, up to position \d+\nEvery row is/)
    const json = await compare('--json')
    expect(parsed(json.output)).toMatchObject([
      { event: 'compared', isEqual: true, changed: 0, missing: 0, extra: 0, parked: [] },
    ])
  })

  it('names what was changed by hand and ends with 1; words are shown only where they are asked for', async () => {
    await postgres.query(`update ${schema}.message set text = 'forged', status = 'failed' where role = 'assistant'`)
    await postgres.query(`delete from ${schema}.routing_decision`)
    const text = await compare()
    expect(text.exitCode).toBe(1)
    expect(text.output).toMatch(
      /CHANGED {2}message {2}conversation_id=\S+ message_id=\S+ {2}text \(withheld without --content\); status is "failed", not "completed"\n/,
    )
    expect(text.output).toContain('NOT what the record gives: 2 rows changed, 2 missing, 0 extra.')
    expect(text.output).not.toContain('forged')
    const json = await compare('--json', '--content')
    expect(json.exitCode).toBe(1)
    const lines = parsed(json.output)
    expect(lines.at(-1)).toMatchObject({
      event: 'compared',
      isEqual: false,
      differing: ['message', 'routing_decision'],
    })
    expect(lines[0]).toMatchObject({
      event: 'difference',
      columns: [
        { name: 'text', found: 'forged', expected: expect.stringMatching(/^Retrieval-augmented/) },
        { name: 'status', found: 'failed', expected: 'completed' },
      ],
    })
    const rebuilt = await emberlog(['projections', 'rebuild', '--force'], data.directory)
    expect(rebuilt.exitCode).toBe(0)
    expect((await compare()).exitCode).toBe(0)
  })

  it('is a look that is recorded, and wants to know what for', async () => {
    const asked = await emberlog(['audit', 'compare'], data.directory)
    expect([asked.exitCode, asked.complaints]).toEqual([2, expect.stringContaining('--purpose')])
    await compare('--by', 'alice', '--content')
    const month = new Date().toISOString().slice(0, 'yyyy-mm'.length)
    const { output } = await emberlog(
      ['audit', 'replay', `access-${month}`, '--type', 'RecordsAccessed', '--json'],
      data.directory,
    )
    const looks = parsed(output).map((event) => event['data'])
    expect(looks).toContainEqual({
      who: 'alice',
      role: 'auditor',
      what: {
        kind: 'content',
        by: 'emberlog audit compare',
        subjectId: null,
        conversationId: null,
        filters: { content: 'true' },
      },
      purpose: 'a test',
    })
  })

  it.each(['SIGKILL', 'SIGINT'] as const)('leaves nothing behind when %s comes in the middle', async (signal) => {
    const { rows } = await postgres.query(`select schema_name from emberlog.generation where state = 'live'`)
    // Held here, it cannot come to its end.
    await postgres.query(`begin; lock table ${rows[0].schema_name}.feedback in access exclusive mode`)
    const child = runEmberlog(['audit', 'compare', '--purpose', 'a test'], data.directory)
    const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
    await eventually('in the middle', async () => (await scratchTables()) > 0)
    child.kill(signal)
    expect(await ended).toBe(signal === 'SIGKILL' ? null : 3)
    await eventually('nothing left', async () => (await scratchTables()) === 0)
    await postgres.query('rollback')
    expect((await compare()).exitCode).toBe(0)
  })

  it('is done by schedule too: the result is in the record, in metrics and before operators', async () => {
    const stream = () => emberlog(['audit', 'replay', 'projection-comparisons', '--json'], data.directory)
    await eventually('compared', async () => (await stream()).exitCode === 0)
    expect(parsed((await stream()).output)[0]).toMatchObject({
      type: 'ReadModelsCompared',
      data: { generation: 1, changed: 0, missing: 0, extra: 0, differing: [], parkedStreams: 0 },
      metadata: { actor: { kind: 'system', id: 'comparer' } },
    })
    const olga = await signIn(program.url, 'olga', ['operator'])
    const { parts } = (await olga.get('/api/v1/operate/overview')).body
    expect(parts).toContainEqual({
      name: 'comparison',
      isReady: true,
      detail: expect.stringMatching(/^every row was what the record gives at position /),
    })
    const metrics = await (await fetch(`${program.url}/metrics`)).text()
    expect(metrics).toContain('emberlog_comparison_differing_rows 0')
    expect(metrics).toMatch(/emberlog_comparison_timestamp_seconds [1-9]/)
  })
})
