import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { strFromU8, unzipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { signIn } from '../support/chat-client.ts'
import { emberlog, makeDataDirectory, type Program, startProgram } from '../support/program.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 })

let program: Program
let directory: string
let remove: () => Promise<void>
beforeAll(async () => {
  const data = await makeDataDirectory()
  directory = data.directory
  remove = data.remove
  program = await startProgram(directory, { LLM_DELTA_DELAY_MS: '0' })
})
afterAll(async () => {
  await program.stop()
  await remove()
})

async function talk(user: string, text: string) {
  const person = await signIn(program.url, user)
  const socket = await person.open('diary')
  const { position } = await socket.ending((await socket.say(text)).turnId)
  return { person, socket, position }
}

const run = (...args: string[]) => emberlog(['privacy', ...args], directory)

async function unzipped(bytes: Uint8Array): Promise<Record<string, string>> {
  return Object.fromEntries(Object.entries(unzipSync(bytes)).map(([name, content]) => [name, strFromU8(content)]))
}

describe('a person', () => {
  it('takes everything along as one archive, pages and JSON, in which no message is more than text', async () => {
    const { person } = await talk('ada', 'What is RAG in AI? <script>alert(1)</script>')
    const login = await fetch(`${program.url}/api/v1/auth/dev-login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ userId: person.userId }),
    })
    const { accessToken } = (await login.json()) as { accessToken: string }
    const authorization = `Bearer ${accessToken}`
    const answer = await fetch(`${program.url}/api/v1/me/export`, { headers: { authorization } })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/zip'])
    const files = await unzipped(new Uint8Array(await answer.arrayBuffer()))
    expect(Object.keys(files).sort()).toEqual([
      'conversations.json',
      'conversations/00001.html',
      'conversations/00001.json',
      'index.html',
      'my-record.json',
      'who-looked.json',
    ])
    expect(files['conversations/00001.html']).toContain('What is RAG in AI? &lt;script&gt;')
    const types = JSON.parse(files['conversations/00001.json'] ?? '').map(({ type }: { type: string }) => type)
    expect(types).toEqual(['ConversationStarted', 'MessageSent', 'IntentRouted', 'ResponseCompleted'])
    expect(JSON.parse(files['conversations.json'] ?? '')).toMatchObject({
      person: 'ada',
      conversations: [{ messages: 2, file: 'conversations/00001.html' }],
    })
  })

  it('has everything erased: sockets and sessions end, the text is gone, the receipt stays to be read', async () => {
    const { person, socket } = await talk('bea', 'My secret is Zq4lantern')
    expect((await run('export', 'bea', '--json')).exitCode).toBe(0)
    expect(await readdir(path.join(directory, 'exports'))).toHaveLength(1)
    const erased = await person.send('DELETE', '/api/v1/me')
    expect(erased.status).toBe(202)
    expect((await socket.closed).code).toBe(4401)
    const { receiptId } = erased.body
    const read = async () =>
      (await (await fetch(`${program.url}/api/v1/erasure-receipts/${receiptId}`)).json()) as never
    await expect.poll(read, { timeout: 60_000 }).toMatchObject({
      isDone: true,
      receipt: { subjectId: 'bea', algorithm: 'Ed25519', cleared: { conversations: 1, exports: 1 } },
    })
    expect((await person.get('/api/v1/me/conversations')).status).toBe(401)
    expect(await readdir(path.join(directory, 'exports'))).toEqual([])

    const back = await signIn(program.url, 'bea')
    const messages = await back.get('/api/v1/me/conversations/diary/messages')
    expect(messages.body.results.map(({ text, isErased }: never) => [text, isErased])).toEqual([
      ['', true],
      ['', true],
    ])
    expect((await back.get('/api/v1/me/conversations')).body.results).toMatchObject([
      { title: 'Erased', preview: '', messageCount: 2 },
    ])
    expect((await back.get('/api/v1/me/search?q=lantern')).body.results).toEqual([])
    const replay = await emberlog(['audit', 'replay', 'diary', '--owner', 'bea', '--json'], directory)
    expect(replay.output).toContain('MessageSent')
    expect(replay.output).not.toContain('lantern')
  })

  it('is answered 409 while their record is held, and erased when the hold is lifted', async () => {
    const { person } = await talk('cleo', 'Something for the court')
    const placed = await run('hold', 'place', 'cleo', '--reason', 'case 7', '--by', 'counsel', '--json')
    const { holdId } = JSON.parse(placed.output)
    expect((await run('hold', 'list')).output).toMatch(/cleo {2}everything {2}by counsel: case 7/)
    expect(await person.send('DELETE', '/api/v1/me')).toMatchObject({ status: 409, body: { code: 'legal-hold' } })
    const refused = await run('erase', 'cleo', '--reason', 'asked for', '--yes')
    expect([refused.exitCode, refused.output]).toEqual([1, expect.stringContaining('legal-hold')])
    expect((await run('hold', 'lift', holdId, '--reason', 'case closed')).exitCode).toBe(0)
    const unsure = await run('erase', 'cleo', '--reason', 'asked for')
    expect([unsure.exitCode, unsure.complaints]).toEqual([3, expect.stringContaining('--yes')])
    const done = await run('erase', 'cleo', '--reason', 'asked for', '--yes', '--json')
    expect([done.exitCode, JSON.parse(done.output)]).toMatchObject([0, { subjectId: 'cleo', reason: 'asked for' }])
  })
})

describe('the master key', () => {
  it('is rotated without touching an event, and the old one is then refused', async () => {
    const { position } = await talk('dora', 'Still readable afterwards')
    const file = path.join(directory, 'master-key')
    const old = await readFile(file, 'utf8')
    const rotated = await run('rotate-master-key', '--json')
    expect([rotated.exitCode, JSON.parse(rotated.output)]).toMatchObject([0, { event: 'rotated' }])
    expect(JSON.parse(rotated.output).rewrapped).toBeGreaterThan(1)
    expect(await readFile(file, 'utf8')).not.toBe(old)
    await program.stop()
    const wrong = await emberlog(['serve'], directory, { EMBERLOG_MASTER_KEY: old })
    expect([wrong.exitCode, wrong.complaints]).toEqual([3, expect.stringMatching(/another master key/)])
    program = await startProgram(directory, { LLM_DELTA_DELAY_MS: '0' })
    const dora = await signIn(program.url, 'dora')
    const messages = await dora.get('/api/v1/me/conversations/diary/messages', { 'x-min-position': String(position) })
    expect(messages.body.results[0].text).toBe('Still readable afterwards')
    const replay = await emberlog(['audit', 'replay', 'diary', '--owner', 'dora'], directory)
    expect(replay.output).toContain('Still readable afterwards')
  })
})

describe('production', () => {
  it('does not start without a master key, and says how to make one', async () => {
    const data = await mkdtemp(path.join(tmpdir(), 'emberlog-production-'))
    await writeFile(path.join(data, 'unused'), '')
    const oidc = { AUTH_MODE: 'oidc', OIDC_ISSUER: 'https://id.example.org', OIDC_AUDIENCE: 'emberlog' }
    const finished = await emberlog(['serve'], data, { ...oidc, AUTH_JWT_SECRET: 'x'.repeat(40) })
    await rm(data, { recursive: true })
    expect([finished.exitCode, finished.complaints]).toEqual([2, expect.stringMatching(/EMBERLOG_MASTER_KEY.*openssl/)])
  })
})
