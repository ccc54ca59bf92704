import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { conversationIdOf, conversationStream, userStream } from '../../src/events/stream-names.ts'
import type { Position } from '../../src/shared/ids.ts'
import { openPeople, type People } from '../privacy/people-stage.ts'
import { signIn } from '../support/chat-client.ts'
import { emberlog, makeDataDirectory, type Program, startProgram } from '../support/program.ts'

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 })

/** Nobody answers what is said in the past; heads are signed soon. */
const roles = { EMBERLOG_ROLES: 'api,projector,ledger', EMBERLOG_LEDGER_INTERVAL_MS: '500' }
const SIGNED_MS_MAX = 30_000

let program: Program
let directory: string
let remove: () => Promise<void>
beforeAll(async () => {
  const data = await makeDataDirectory()
  directory = data.directory
  remove = data.remove
  program = await startProgram(directory, roles)
})
afterAll(async () => {
  await program.stop()
  await remove()
})

const run = (...args: string[]) => emberlog(['privacy', ...args], directory)
const lines = (output: string) =>
  output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

interface Running {
  readonly eventStoreUrl: string
  readonly databaseUrl: string
}

async function running(): Promise<Running> {
  return JSON.parse(await readFile(path.join(directory, 'running.json'), 'utf8')) as Running
}

/** What a process of the same installation would have done so many days ago. */
async function daysAgo(days: number, work: (people: People) => Promise<Position[]>): Promise<void> {
  const masterKey = Buffer.from(await readFile(path.join(directory, 'master-key'), 'utf8'), 'base64')
  const people = await openPeople({ ...(await running()), masterKey, directory, daysAgo: days })
  const position = (await work(people)).sort((a, b) => Number(b - a))[0] as Position
  await people.projected(position)
  await people.close()
}

async function query<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
  const client = new Client({ connectionString: (await running()).databaseUrl })
  client.on('error', () => {}) // The server may be killed under it.
  await client.connect()
  try {
    return (await client.query<Row>(text, values)).rows
  } finally {
    await client.end().catch(() => {})
  }
}

/** Kills everything as soon as a row says so, and starts again, with nobody's claim in the way. */
async function killWhen(condition: string, environment: Record<string, string> = {}): Promise<void> {
  const client = new Client({ connectionString: (await running()).databaseUrl })
  client.on('error', () => {})
  await client.connect()
  const until = performance.now() + 60_000
  while ((await client.query(condition)).rows.length === 0) {
    if (performance.now() > until) throw new Error(`never came: ${condition}`)
  }
  await program.killAll()
  await client.end().catch(() => {})
  program = await startProgram(directory, { ...roles, ...environment })
  // A process that died is taken for dead after a while: as if it had passed.
  await query('update vault.erasure set claimed_until = now()')
  await query('update vault.retention set claimed_until = now()')
}

async function eventsOf(stream: string): Promise<{ type: string; data: Record<string, unknown> }[]> {
  const replay = await emberlog(['audit', 'replay', stream, '--json'], directory)
  return replay.output === '' ? [] : lines(replay.output)
}

/** As soon as a head is signed at all. */
async function expectSound(): Promise<void> {
  const verify = async () => {
    const { exitCode, output } = await emberlog(['audit', 'verify', '--json'], directory)
    return [exitCode, JSON.parse(output)]
  }
  await expect
    .poll(verify, { timeout: SIGNED_MS_MAX, interval: 500 })
    .toMatchObject([0, { isSound: true, hasLedger: true }])
}

describe('an operator', () => {
  it('is told what cannot be done', async () => {
    expect(await run('retention')).toMatchObject({
      exitCode: 3,
      complaints: expect.stringMatching(/EMBERLOG_RETENTION/),
    })
    const wrong = await run('retention', '--rules', 'conversation=soon')
    expect(wrong).toMatchObject({
      exitCode: 2,
      complaints: expect.stringMatching(/conversation=soon: a rule is written/),
    })
    expect(await run('retention', '--rules', 'image=1d', '--apply')).toMatchObject({
      exitCode: 2,
      complaints: expect.stringMatching(/--reason/),
    })
    expect((await run('retention', '--rules', 'image=1d', '--apply', '--dry-run', '--reason', 'x')).exitCode).toBe(2)
    const refused = await emberlog(['serve'], directory, { EMBERLOG_RETENTION: 'conversation=0d,everything=1d' })
    expect(refused).toMatchObject({
      exitCode: 2,
      complaints: expect.stringMatching(/EMBERLOG_RETENTION: conversation=0d.*; everything: there are rules for/),
    })
  })

  it('looks first, applies with a reason, and nobody reads the text again, the held text excepted', async () => {
    await daysAgo(40, (people) =>
      Promise.all(
        ['ada', 'bob'].map((person) => people.talk(person, `Zq4lantern of ${person}`, { isFactNoted: false })),
      ),
    )
    const looked = await run('retention', '--rules', 'conversation=30d,attachment=7d')
    expect([looked.exitCode, looked.complaints]).toEqual([0, ''])
    expect(looked.output).toMatch(/^conversation=30d +\d{4}-\d\d-\d\d +2 +0 +0$/m)
    expect(looked.output).toContain('Nothing was changed')
    const held = await run('hold', 'place', 'bob', '--reason', 'case 7', '--json')
    const { holdId } = JSON.parse(held.output)
    const dry = await run('retention', '--rules', 'conversation=30d', '--dry-run', '--json')
    expect(lines(dry.output)).toMatchObject([{ event: 'retention-due', rule: 'conversation', count: 1, held: 1 }])

    const applied = await run('retention', '--rules', 'conversation=30d', '--apply', '--reason', 'policy 7', '--json')
    expect(applied.exitCode).toBe(0)
    expect(lines(applied.output)).toMatchObject([
      { event: 'retention-applied', rule: 'conversation', count: 1, held: 1 },
    ])
    const ada = await signIn(program.url, 'ada')
    const messages = await ada.get('/api/v1/me/conversations/chat-of-ada/messages')
    expect(messages.body.results.map(({ text, isErased }: never) => [text, isErased])).toEqual([
      ['', true],
      ['', true],
    ])
    expect((await ada.get('/api/v1/me/search?q=Zq4lantern')).body.results).toEqual([])
    expect((await ada.get('/api/v1/me/conversations')).body.results).toMatchObject([
      { title: 'Erased', messageCount: 2 },
    ])
    const events = await eventsOf(conversationStream(conversationIdOf('ada', 'chat-of-ada')))
    expect(JSON.stringify(events)).not.toContain('lantern')
    expect(events.at(-1)).toMatchObject({ type: 'ConversationExpired', data: { reason: 'policy 7' } })
    const bob = await signIn(program.url, 'bob')
    expect((await bob.get('/api/v1/me/search?q=Zq4lantern')).body.results).not.toEqual([])
    await expectSound()
    await run('hold', 'lift', holdId, '--reason', 'case closed')
  })
})

describe('a rule of the configuration', () => {
  it('is applied without anybody asking, and to the end when everything is killed in the middle', async () => {
    const people = Array.from({ length: 230 }, (_, index) => `person-${index}`)
    await daysAgo(40, async (seeding) => {
      const positions: Position[] = []
      for (let from = 0; from < people.length; from += 20) {
        const some = people.slice(from, from + 20)
        positions.push(
          ...(await Promise.all(some.map((each) => seeding.talk(each, `Kx7torch of ${each}`, { isFactNoted: false })))),
        )
      }
      return positions
    })
    await program.stop()
    const rules = { EMBERLOG_RETENTION: 'conversation=30d' }
    program = await startProgram(directory, { ...roles, ...rules })
    await killWhen(`select from vault.data_key where destroyed_at > now() - interval '1 minute' limit 1`, rules)
    const left = () =>
      query<{ left: number }>(`select count(*)::integer as left from chat.message where text like '%Kx7torch%'`)
    expect((await left())[0]?.left).toBeGreaterThan(0)
    await expect.poll(left, { timeout: 60_000, interval: 200 }).toEqual([{ left: 0 }])
    await expect.poll(() => query('select from vault.retention_batch'), { timeout: 30_000 }).toEqual([])
    const seen = await query<{ stream: string; count: number }>(
      `select stream, count(*)::integer as count from chat.event_index where type = 'ConversationExpired' group by stream`,
    )
    expect(seen.filter(({ count }) => count !== 1)).toEqual([])
    const month = await eventsOf(`retention-${new Date().toISOString().slice(0, 'yyyy-mm'.length)}`)
    const covered = month.flatMap(({ data }) => data['streams'] as string[])
    expect(covered.length).toBe(new Set(covered).size)
    for (const person of people) {
      expect(covered).toContain(conversationStream(conversationIdOf(person, `chat-of-${person}`)))
    }
    await expectSound()
  })
})

describe('an erasure', () => {
  it('whose process and servers are killed in the middle is finished by the next one, and recorded once', async () => {
    await daysAgo(1, async (people) => {
      const positions: Position[] = []
      for (let from = 0; from < 120; from += 20) {
        const some = Array.from({ length: 20 }, (_, index) => `chat-${from + index}`)
        positions.push(
          ...(await Promise.all(some.map((conversation) => people.talk('eve', 'Wv3candle', { conversation })))),
        )
      }
      return positions
    })
    const eve = await signIn(program.url, 'eve')
    const { receiptId } = (await eve.send('DELETE', '/api/v1/me')).body
    await killWhen(`select from vault.erasure where step <> 'requested' and finished_at is null`)
    const [cut] = await query<{ step: string }>('select step from vault.erasure where receipt_id = $1', [receiptId])
    expect(['keys destroyed', 'recorded', 'cleared']).toContain(cut?.step)
    const read = async () =>
      (await (await fetch(`${program.url}/api/v1/erasure-receipts/${receiptId}`)).json()) as never
    await expect
      .poll(read, { timeout: 60_000 })
      .toMatchObject({ isDone: true, receipt: { subjectId: 'eve', cleared: { conversations: 120 } } })
    expect(await query(`select from chat.message where text like '%Wv3candle%' limit 1`)).toEqual([])
    expect(await query(`select from chat.profile_fact where value like '%Wv3candle%' limit 1`)).toEqual([])
    const erasures = (await eventsOf(userStream('eve'))).filter(({ type }) => type === 'PersonErased')
    expect(erasures).toHaveLength(1)
    await expectSound()
  })
})
