import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { signIn } from '../support/chat-client.ts'
import { emberlog, makeDataDirectory, type Program, runEmberlog, startProgram } from '../support/program.ts'

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

const lines = (text: string) => text.trim().split('\n')
const parsed = (text: string) => lines(text).map((line) => JSON.parse(line) as Record<string, unknown>)

describe('emberlog chat', () => {
  it('sends a message to the running server, streams the answer, and lists the events it left', async () => {
    const { exitCode, output } = await emberlog(
      ['chat', 'What is RAG in AI?', '--user', 'ada', '--conversation', 'cli'],
      data.directory,
    )
    expect(exitCode).toBe(0)
    expect(output).toMatch(/^\[learning · learning · model \d+ %\]\nRetrieval-augmented generation/)
    const listed = lines(output.slice(output.indexOf('The events of this turn')))
    expect(listed.slice(1).map((line) => line.trim().split(/\s+/)[2])).toEqual([
      'ConversationStarted',
      'MessageSent',
      'IntentRouted',
      'ResponseCompleted',
    ])
  })

  it('prints every frame and event as a line of JSON when asked to', async () => {
    const { exitCode, output } = await emberlog(['chat', 'Hello!', '--user', 'bob', '--json'], data.directory)
    expect(exitCode).toBe(0)
    const types = parsed(output).map(({ type }) => type)
    expect(types.slice(0, 3)).toEqual(['connected', 'message.accepted', 'intent.routed'])
    expect(types.slice(-2)).toEqual(['IntentRouted', 'ResponseCompleted'])
  })

  it('says why a message is refused, and ends with 1', async () => {
    const { exitCode, complaints } = await emberlog(['chat', '   ', '--user', 'ada'], data.directory)
    expect([exitCode, complaints]).toEqual([1, expect.stringContaining('text-blank')])
  })

  it('starts a server for one message when none runs, and leaves nothing behind', async () => {
    const alone = await makeDataDirectory()
    const { exitCode, output } = await emberlog(['chat', 'What is an embedding?'], alone.directory, {
      LLM_DELTA_DELAY_MS: '0',
    })
    expect(exitCode).toBe(0)
    expect(output).toContain('ResponseCompleted')
    const replay = await emberlog(
      ['audit', 'replay', output.match(/conversation-[0-9a-f-]+/)?.[0] ?? ''],
      alone.directory,
    )
    expect(replay.exitCode).toBe(0)
    expect(lines(replay.output)).toHaveLength(4)
    await alone.remove()
  })
})

describe('emberlog audit replay', () => {
  it('shows every event of a stream whole, in order', async () => {
    const ada = await signIn(program.url, 'auditee')
    const socket = await ada.open('replayed')
    const { turnId } = await socket.say('What is a token?')
    const ending = await socket.ending(turnId)
    socket.close()
    const { exitCode, output } = await emberlog(
      ['audit', 'replay', 'replayed', '--owner', 'auditee', '--json'],
      data.directory,
    )
    expect(exitCode).toBe(0)
    const events = parsed(output)
    expect(events.map(({ revision }) => revision)).toEqual(['0', '1', '2', '3'])
    expect(events.at(-1)).toMatchObject({
      type: 'ResponseCompleted',
      position: ending['position'],
      data: { text: ending['text'], turnId },
      metadata: { $correlationId: turnId, actor: { kind: 'agent' } },
    })
  })

  it('gives the same bytes twice', async () => {
    const replay = () => emberlog(['audit', 'replay', 'cli', '--owner', 'ada', '--json'], data.directory)
    expect((await replay()).output).toBe((await replay()).output)
  })

  it('ends with 1 for a stream that holds nothing', async () => {
    const { exitCode, complaints } = await emberlog(['audit', 'replay', 'conversation-nowhere'], data.directory)
    expect([exitCode, complaints]).toEqual([1, expect.stringContaining('no events')])
  })

  it('does not let the text of a message move the cursor of the auditor’s terminal', async () => {
    const eve = await signIn(program.url, 'eve')
    const sent = await eve.send('POST', '/api/v1/me/conversations/tricks/messages', {
      messageId: 'm1',
      text: 'a\u001b[2Jb\u202ec',
    })
    expect(sent.status).toBe(202)
    const { output } = await emberlog(['audit', 'replay', 'tricks', '--owner', 'eve'], data.directory)
    expect(output).not.toContain('\u001b')
    expect(output).not.toContain('\u202e')
  })
})

describe('emberlog projections rebuild', () => {
  it('builds the same rows beside the live ones while people go on chatting, and takes them into use', async () => {
    const ada = await signIn(program.url, 'rebuilder')
    const socket = await ada.open('before')
    const first = await socket.ending((await socket.say('What is fine-tuning?')).turnId)
    const before = await ada.get('/api/v1/me/conversations/before/messages', {
      'x-min-position': String(first['position']),
    })
    const rebuilding = emberlog(['projections', 'rebuild', '--json'], data.directory)
    const during = await socket.ending((await socket.say('And LoRA?')).turnId)
    const { exitCode, output } = await rebuilding
    expect(exitCode).toBe(0)
    expect(parsed(output).at(-1)).toMatchObject({ event: 'rebuilt', differing: [] })
    const after = await ada.get('/api/v1/me/conversations/before/messages', {
      'x-min-position': String(during['position']),
    })
    expect(after.body.results.slice(0, 2)).toEqual(before.body.results)
    expect(after.body.results).toHaveLength(4)
    socket.close()
  })
})

describe('emberlog projections', () => {
  it('lists the generations, of which one is live, and goes back to an earlier one', async () => {
    const { exitCode, output } = await emberlog(['projections', 'list', '--json'], data.directory)
    expect(exitCode).toBe(0)
    const live = parsed(output).filter(({ state }) => state === 'live')
    expect(live).toHaveLength(1)
    expect((await emberlog(['projections', 'drop', String(live[0]?.['number'])], data.directory)).complaints).toContain(
      'live one',
    )
    expect((await emberlog(['projections', 'drop', 'abc'], data.directory)).exitCode).toBe(2)
    const unknown = await emberlog(['projections', 'roll-back', '999'], data.directory)
    expect([unknown.exitCode, unknown.complaints]).toEqual([3, expect.stringContaining('no generation')])
  })

  it('says that nothing is parked, and discards nothing that is not confirmed', async () => {
    const list = await emberlog(['projections', 'parked', 'list'], data.directory)
    expect([list.exitCode, list.output]).toEqual([0, 'nothing is parked\n'])
    const discard = await emberlog(['projections', 'parked', 'discard', 'conversation-x', '5'], data.directory)
    expect([discard.exitCode, discard.complaints]).toEqual([3, expect.stringContaining('--yes')])
    const retry = await emberlog(['projections', 'parked', 'retry', 'conversation-x'], data.directory)
    expect([retry.exitCode, retry.complaints]).toEqual([3, expect.stringContaining('Nothing of this stream is parked')])
  })
})

describe('emberlog routing', () => {
  it('evaluates the router on labelled utterances of its own and of others', async () => {
    const { exitCode, output } = await emberlog(['routing', 'evaluate', '--no-engine', '--json'], data.directory)
    expect(exitCode).toBe(0)
    const [figures] = parsed(output)
    expect(figures).toMatchObject({ count: expect.any(Number), engine: { skipped: expect.any(String) } })
    expect(figures?.['accuracy']).toBeGreaterThan(0.9)
    const rows = path.join(data.directory, 'rows.jsonl')
    await writeFile(
      rows,
      '{"text":"hello!","intent":"smalltalk"}\n{"text":"a sunset","intent":"image","context":"asked"}\n',
    )
    const ofOthers = await emberlog(['routing', 'evaluate', '--data', rows, '--no-engine'], data.directory)
    expect(ofOthers.output).toContain('on 1 utterances, 1 left out')
    const tooLow = ['routing', 'evaluate', '--data', rows, '--no-engine', '--accuracy-min', '1.1']
    expect((await emberlog(tooLow, data.directory)).exitCode).toBe(2)
  })

  it('tells what another router would do with recorded turns, and exports corrections', async () => {
    const weights = path.resolve('src/routing/router-weights.json')
    const whatIf = await emberlog(['routing', 'what-if', '--router', weights, '--json'], data.directory)
    expect(whatIf.exitCode).toBe(0)
    expect(parsed(whatIf.output).at(-1)).toMatchObject({ event: 'totals', elsewhere: 0, erased: 0, unreadable: 0 })
    const corrections = await emberlog(['routing', 'corrections', '--since', '2026-01-01'], data.directory)
    expect([corrections.exitCode, corrections.complaints]).toEqual([0, expect.stringContaining('0 corrections')])
    const unknown = await emberlog(['routing', 'what-if', '--router', 'nowhere.json'], data.directory)
    expect([unknown.exitCode, unknown.complaints]).toEqual([2, expect.stringContaining('nowhere.json')])
    const never = await emberlog(['routing', 'corrections', '--since', 'yesterday'], data.directory)
    expect(never.exitCode).toBe(2)
  })
})

describe('emberlog routing explain', () => {
  it('says where a message would go and why, without a server', async () => {
    const { exitCode, output } = await emberlog(['routing', 'explain', 'What is RAG in AI?', '--json'], data.directory)
    expect(exitCode).toBe(0)
    expect(JSON.parse(output)).toMatchObject({ intent: 'learning', agent: 'learning' })
    const shown = await emberlog(['routing', 'explain', 'What is RAG in AI?'], data.directory)
    expect(shown.output).toContain('learning')
  })
})

describe('every command', () => {
  const commands = [
    '',
    'serve',
    'chat',
    'audit',
    'audit replay',
    'projections',
    'projections rebuild',
    'projections list',
    'projections roll-back',
    'projections drop',
    'projections parked',
    'projections parked list',
    'projections parked retry',
    'projections parked discard',
    'routing explain',
    'routing evaluate',
    'routing what-if',
    'routing corrections',
    'eventstore',
  ]
  it.each(commands)('explains itself: emberlog %s', async (command) => {
    const words = command.split(' ').filter((word) => word !== '')
    const { exitCode, output } = await emberlog([...words, '--help'], data.directory)
    expect([exitCode, output]).toEqual([0, expect.stringContaining('Usage: emberlog')])
    const isGroup = output.includes('Commands:')
    expect(isGroup || output.includes('--json')).toBe(true)
  })

  it('is quiet when nobody reads any more', async () => {
    const quiet = await signIn(program.url, 'quiet')
    await quiet.send('POST', '/api/v1/me/conversations', { conversationId: 'unread' })
    const child = runEmberlog(['audit', 'replay', 'unread', '--owner', 'quiet', '--json'], data.directory)
    let complaints = ''
    child.stderr?.on('data', (chunk) => {
      complaints += String(chunk)
    })
    child.stdout?.destroy()
    const [exitCode] = await once(child, 'exit')
    expect([exitCode, complaints]).toEqual([0, ''])
  })

  it('runs as `npx emberlog` runs it, with whatever Node is first on the path', async () => {
    const child = spawn('npx', ['--no-install', 'emberlog', '--help'], { stdio: ['ignore', 'pipe', 'ignore'] })
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += String(chunk)
    })
    const [exitCode] = await once(child, 'close')
    expect([exitCode, output]).toEqual([0, expect.stringContaining('Usage: emberlog')])
  })
})
