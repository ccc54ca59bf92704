import { once } from 'node:events'
import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { eventually } from '../projections/support/waiting.ts'
import { signIn } from '../support/chat-client.ts'
import { emberlog, makeDataDirectory, type Program, runEmberlog, startProgram } from '../support/program.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 })

let data: Awaited<ReturnType<typeof makeDataDirectory>>
let program: Program
/** Ends of the two turns of conversation `talk`. */
const endings: { turnId: string; position: string }[] = []
let startedAt: string

beforeAll(async () => {
  startedAt = new Date(Date.now() - 1_000).toISOString()
  data = await makeDataDirectory()
  program = await startProgram(data.directory, { LLM_DELTA_DELAY_MS: '0', EMBERLOG_LEDGER_INTERVAL_MS: '50' })
  const ada = await signIn(program.url, 'ada')
  const socket = await ada.open('talk')
  for (const text of ['What is RAG in AI?', 'And what is an embedding?']) {
    const { turnId } = await socket.say(text)
    endings.push({ turnId, position: String((await socket.ending(turnId))['position']) })
  }
  socket.close()
  await eventually('signed', async () => (await signedSize()) >= 8)
})
afterAll(async () => {
  await program?.stop()
  await data?.remove()
})

const run = (...args: string[]) => emberlog(args, data.directory)
const purpose = ['--purpose', 'a test']
const audit = (...args: string[]) => run('audit', ...args, ...purpose)
const lines = (text: string) => text.trim().split('\n')
const parsed = (text: string) => lines(text).map((line) => JSON.parse(line) as Record<string, unknown>)

async function signedSize(): Promise<number> {
  const { exitCode, output } = await run('ledger', 'checkpoint', '--json')
  return exitCode === 0 ? Number(parsed(output)[0]?.['size']) : 0
}

async function lastLook(): Promise<Record<string, unknown>> {
  const month = new Date().toISOString().slice(0, 'yyyy-mm'.length)
  const looks = parsed((await audit('replay', `access-${month}`, '--json')).output)
  return (looks.at(-2)?.['data'] ?? {}) as Record<string, unknown> // The last one is this look at the looks.
}

describe('emberlog audit replay', () => {
  it('replays the whole record in order, and picks by type, actor, correlation, time and position', async () => {
    const all = parsed((await audit('replay', '--all', '--json')).output)
    const positions = all.map(({ position }) => BigInt(String(position)))
    expect(positions).toEqual(positions.toSorted((one, other) => (one < other ? -1 : 1)))
    const typesOf = async (...args: string[]) =>
      parsed((await audit('replay', '--all', '--json', ...args)).output).map(({ type }) => type)
    expect(await typesOf('--type', 'MessageSent')).toEqual(['MessageSent', 'MessageSent'])
    expect(await typesOf('--actor', 'user:ada', '--correlation', endings[1]?.turnId ?? '')).toEqual(['MessageSent'])
    expect(await typesOf('--correlation', endings[1]?.turnId ?? '')).toEqual([
      'MessageSent',
      'IntentRouted',
      'ResponseCompleted',
    ])
    expect(
      await typesOf('--from', startedAt, '--after', endings[0]?.position ?? '', '--type', 'MessageSent'),
    ).toHaveLength(1)
    const none = await audit('replay', '--all', '--to', startedAt)
    expect([none.exitCode, none.output]).toEqual([1, ''])
  })

  it('finds by the index what the record has of kept conversations, at once, and says how far it goes', async () => {
    const correlation = ['--correlation', endings[1]?.turnId ?? '']
    const [found, all] = await Promise.all([
      audit('replay', '--all', '--json', '--indexed', ...correlation),
      audit('replay', '--all', '--json', ...correlation),
    ])
    expect(found.exitCode).toBe(0)
    expect(found.output).toBe(all.output)
    expect(found.complaints).toMatch(/found by the index: .* up to position \d+/)
    const none = await audit('replay', '--all', '--indexed', '--type', 'NothingEver')
    expect([none.exitCode, none.output]).toEqual([1, ''])
    for (const args of [
      ['--all', '--follow'],
      ['talk', '--owner', 'ada'],
    ]) {
      const refused = await audit('replay', ...args, '--indexed')
      expect([refused.exitCode, refused.output]).toEqual([2, ''])
      expect(refused.complaints).toContain('goes with --all, and not with --follow')
    }
  })

  it('prints one array of JSON, or a line for each event, the same bytes twice', async () => {
    const replay = (format: string) => audit('replay', 'talk', '--owner', 'ada', '--format', format)
    const [json, ndjson, text] = await Promise.all(['json', 'ndjson', 'text'].map(replay))
    expect(JSON.parse(json?.output ?? '')).toEqual(parsed(ndjson?.output ?? ''))
    expect(lines(text?.output ?? '')).toHaveLength(7)
    expect((await replay('ndjson')).output).toBe(ndjson?.output)
    expect((await replay('text')).output).toBe(text?.output)
  })

  it('follows what comes until it is stopped', async () => {
    const child = runEmberlog(
      ['audit', 'replay', 'later', '--owner', 'ada', '--follow', '--json', ...purpose],
      data.directory,
    )
    let output = ''
    child.stdout?.on('data', (chunk) => {
      output += String(chunk)
    })
    const ada = await signIn(program.url, 'ada')
    await ada.send('POST', '/api/v1/me/conversations', { conversationId: 'later' })
    await eventually('followed', () => output.includes('ConversationStarted'))
    child.kill('SIGINT')
    const [exitCode] = await once(child, 'exit')
    expect(exitCode).toBe(0)
  })

  it.each([
    [['replay']],
    [['replay', 'x', '--all']],
    [['replay', 'x', '--format', 'xml']],
    [['replay', 'x', '--from', 'yesterday']],
    [['replay', 'x', '--after', '-1']],
  ])('refuses %j', async (args) => {
    expect((await audit(...args)).exitCode).toBe(2)
  })

  it('is a look at the record of the person whose conversation it is, also when only the stream is named', async () => {
    const all = parsed((await audit('replay', 'talk', '--owner', 'ada', '--json')).output)
    await audit('replay', String(all[0]?.['stream']))
    expect(await lastLook()).toMatchObject({ what: { kind: 'content', subjectId: 'ada' }, purpose: 'a test' })
    const ada = await signIn(program.url, 'ada')
    const { results } = (await ada.get('/api/v1/me/access-log')).body
    expect(results.filter(({ isMine }: { isMine: boolean }) => isMine).length).toBeGreaterThanOrEqual(2)
  })
})

describe('emberlog audit trace', () => {
  it('shows an exchange as a tree with timings, by any of its ids', async () => {
    const { turnId } = endings[0] as { turnId: string }
    const { exitCode, output } = await audit('trace', turnId)
    expect(exitCode).toBe(0)
    for (const type of ['MessageSent', 'IntentRouted', 'ResponseCompleted']) expect(output).toContain(type)
    const tree = parsed((await audit('trace', turnId, '--json')).output)
    expect(tree).toHaveLength(1)
    const within = await audit('trace', turnId, '--owner', 'ada', '--conversation', 'talk')
    expect(within.output).toBe(output)
    expect(await lastLook()).toMatchObject({ what: { kind: 'metadata', subjectId: 'ada', by: 'emberlog audit trace' } })
  })

  it('ends with 1 when nothing has the id, and with 2 without a purpose or half a place', async () => {
    const unknown = await audit('trace', 'nothing')
    expect([unknown.exitCode, unknown.complaints]).toEqual([1, expect.stringContaining('nothing in the record')])
    expect((await run('audit', 'trace', 'nothing')).exitCode).toBe(2)
    expect((await audit('trace', 'nothing', '--owner', 'ada')).exitCode).toBe(2)
  })
})

describe('emberlog audit as-of', () => {
  it('shows a conversation as it stood at a position, at a time and now, the same bytes twice', async () => {
    const asOf = (...args: string[]) => audit('as-of', 'talk', '--owner', 'ada', ...args)
    const [first = { position: '' }] = endings
    const then = await asOf('--at', first.position, '--json')
    expect(JSON.parse(then.output)).toMatchObject({
      position: first.position,
      messages: [{ role: 'user' }, { role: 'assistant', status: 'completed' }],
    })
    expect((await asOf('--at', first.position, '--json')).output).toBe(then.output)
    const now = await asOf('--at', new Date().toISOString())
    expect(lines(now.output)).toHaveLength(5)
    expect((await asOf()).output).toBe(now.output)
    const before = await asOf('--at', startedAt)
    expect([before.exitCode, before.complaints]).toEqual([1, expect.stringContaining('no conversation talk then')])
    expect((await asOf('--at', 'soon')).exitCode).toBe(2)
    expect((await audit('as-of', 'talk')).exitCode).toBe(2)
  })
})

describe('emberlog audit verify', () => {
  it('finds everything as it was signed: from the start, since a position, and since a time', async () => {
    const whole = await run('audit', 'verify', '--json')
    expect(whole.exitCode).toBe(0)
    const { leaves } = parsed(whole.output)[0] as { leaves: number }
    expect(parsed(whole.output)[0]).toMatchObject({ isSound: true, hasLedger: true, areKeysGiven: false, findings: [] })
    const text = await run('audit', 'verify')
    expect(text.output).toContain('Everything is as it was signed.')
    for (const since of [endings[1]?.position ?? '', new Date().toISOString()]) {
      const partial = parsed((await run('audit', 'verify', '--since', since, '--json')).output)[0] as { leaves: number }
      expect(partial).toMatchObject({ isSound: true })
      expect(partial.leaves).toBeLessThan(leaves)
    }
    const early = parsed((await run('audit', 'verify', '--since', '2020-01-01', '--json')).output)[0] as {
      leaves: number
    }
    expect(early.leaves).toBeGreaterThanOrEqual(leaves)
    expect((await run('audit', 'verify', '--since', 'yesterday')).exitCode).toBe(2)
  })

  it('takes keys and checkpoints from outside, and ends with 1 when they are not of this log', async () => {
    const [key = ''] = lines((await run('ledger', 'keys')).output)
    const kept = path.join(data.directory, 'kept-checkpoint')
    await writeFile(kept, (await run('ledger', 'checkpoint')).output)
    const sound = await run('audit', 'verify', '--key', key, '--trusted-checkpoint', kept, '--json')
    expect([sound.exitCode, parsed(sound.output)[0]]).toMatchObject([0, { areKeysGiven: true, outsideCheckpoints: 1 }])
    const stranger = parsed((await run('ledger', 'keygen', '--json')).output)[0]?.['verifierKey']
    const unsigned = await run('audit', 'verify', '--key', String(stranger))
    expect([unsigned.exitCode, unsigned.output]).toEqual([1, expect.stringContaining('CHECKPOINT-UNUSABLE')])
    expect((await run('audit', 'verify', '--key', 'no-such-file')).exitCode).toBe(2)
    expect((await run('audit', 'verify', '--trusted-checkpoint', 'no-such-file')).exitCode).toBe(2)
  })
})

describe('emberlog audit export and verify-bundle', () => {
  it('writes a bundle that needs no key to read, and one that is sealed and says which', async () => {
    const [open, sealed] = ['open', 'sealed'].map((name) => path.join(data.directory, 'bundles', name)) as [
      string,
      string,
    ]
    const exported = await audit('export', open, '--stream', 'talk', '--owner', 'ada', '--json')
    expect(exported.exitCode).toBe(0)
    expect(parsed(exported.output)[0]).toMatchObject({
      isSealed: false,
      events: 7,
      keysNeeded: { toRead: [], toCheckOpened: [expect.any(String)], toVerify: [expect.stringContaining('+')] },
    })
    expect(await lastLook()).toMatchObject({ what: { kind: 'content', subjectId: 'ada', by: 'emberlog audit export' } })
    const text = await audit('export', sealed, '--stream', 'talk', '--owner', 'ada', '--sealed')
    expect(text.output).toMatch(/7 events with proofs .*\nkeys needed to read it: 1 data keys of the vault/)
    expect(await lastLook()).toMatchObject({ what: { kind: 'metadata', subjectId: 'ada' } })
    const manifest = JSON.parse(await readFile(path.join(sealed, 'manifest.json'), 'utf8'))
    expect(manifest.keysNeeded).toMatchObject({ toRead: [expect.any(String)], toCheckOpened: [], areAllNamed: true })
    expect(await readdir(sealed)).not.toContain('opened.ndjson')
    expect(await readFile(path.join(sealed, 'leaves.ndjson'), 'utf8')).not.toContain('What is RAG')

    const [key = ''] = lines((await run('ledger', 'keys')).output)
    const alone = await makeDataDirectory() // No server, no store, no database.
    const verified = await emberlog(['audit', 'verify-bundle', open, '--key', key, '--json'], alone.directory)
    expect([verified.exitCode, parsed(verified.output)[0]]).toMatchObject([
      0,
      { isSound: true, events: 7, areKeysGiven: true },
    ])
    expect(await readdir(alone.directory)).toEqual([])
    await appendFile(path.join(open, 'leaves.ndjson'), '{}\n')
    const changed = await emberlog(['audit', 'verify-bundle', open], alone.directory)
    expect([changed.exitCode, changed.output]).toEqual([1, expect.stringContaining('WRONG')])
    await alone.remove()
  })

  it('wants a purpose, and a directory that it can write', async () => {
    expect((await run('audit', 'export', 'somewhere')).exitCode).toBe(2)
    const file = path.join(data.directory, 'a-file')
    await writeFile(file, '')
    const refused = await audit('export', path.join(file, 'below'), '--stream', 'talk', '--owner', 'ada')
    expect([refused.exitCode, refused.complaints]).toEqual([3, expect.stringContaining('cannot be written')])
  })
})

describe('emberlog audit report', () => {
  it('puts a period on one page in each of its forms', async () => {
    const to = new Date().toISOString()
    const report = (...args: string[]) => audit('report', '--from', startedAt, '--to', to, ...args)
    const json = JSON.parse((await report('--json')).output)
    expect(json).toMatchObject({ conversationsStarted: 2, turns: { completed: 2, failed: 0 } })
    expect((await report()).output).toMatch(/^# /)
    const file = path.join(data.directory, 'report.html')
    expect((await report('--format', 'html', '--file', file)).output).toBe(`${file}\n`)
    expect(await readFile(file, 'utf8')).toMatch(/^<!doctype html>/i)
    expect((await report('--format', 'pdf')).exitCode).toBe(2)
    expect((await audit('report', '--from', to, '--to', startedAt)).exitCode).toBe(2)
  })
})

describe('emberlog ledger', () => {
  it('makes a key, rotates it in its file, and prints keys that verify', async () => {
    const file = path.join(data.directory, 'new-key')
    const made = await run('ledger', 'keygen', '--name', 'log.example.org/x', '--file', file)
    expect([made.exitCode, made.output]).toEqual([
      0,
      expect.stringMatching(/^log\.example\.org\/x\+[0-9a-f]{8}\+\S+\n$/),
    ])
    expect(await readFile(file, 'utf8')).toMatch(/^PRIVATE\+KEY\+log\.example\.org\/x\+/)
    const again = await run('ledger', 'keygen', '--file', file)
    expect([again.exitCode, again.complaints]).toEqual([2, expect.stringContaining('--rotate')])
    const rotated = await run('ledger', 'keygen', '--file', file, '--rotate', '--json')
    expect(parsed(rotated.output)[0]).toMatchObject({
      file,
      verifierKey: expect.stringMatching(/^log\.example\.org\/x\+/),
    })
    const keys = await emberlog(['ledger', 'keys'], data.directory, { EMBERLOG_LEDGER_KEY_FILE: file })
    expect(lines(keys.output)).toEqual([parsed(rotated.output)[0]?.['verifierKey'], made.output.trim()])
    expect((await run('ledger', 'keygen', '--name', 'no spaces')).exitCode).toBe(2)
    expect((await run('ledger', 'keygen', '--file', file, '--rotate', '--name', 'other')).exitCode).toBe(2)
  })

  it('shows the published checkpoint as the server serves it, and says when there is none', async () => {
    const { exitCode, output } = await run('ledger', 'checkpoint')
    expect([exitCode, output]).toEqual([
      0,
      expect.stringMatching(/^emberlog\.local\/[0-9a-f]{8}\n\d+\n\S{44}\n\n— emberlog/),
    ])
    const alone = await makeDataDirectory()
    for (const command of ['checkpoint', 'keys']) {
      expect((await emberlog(['ledger', command], alone.directory)).exitCode).toBe(1)
    }
    await alone.remove()
  })
})

describe('every audit and ledger command', () => {
  it.each([
    ...['replay', 'trace', 'as-of', 'verify', 'compare', 'export', 'verify-bundle', 'report'].map(
      (name) => `audit ${name}`,
    ),
    ...['keygen', 'keys', 'checkpoint'].map((name) => `ledger ${name}`),
  ])('explains itself and speaks JSON: emberlog %s', async (command) => {
    const { exitCode, output } = await run(...command.split(' '), '--help')
    expect([exitCode, output]).toEqual([0, expect.stringContaining('--json')])
  })
})
