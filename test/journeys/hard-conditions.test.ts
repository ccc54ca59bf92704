import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { signIn } from '../support/chat-client.ts'
import { emberlog, type Finished, makeDataDirectory, type Program, startProgram } from '../support/program.ts'

/** Every test starts whole programs, some of them twice. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 })

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function dataDirectory(): Promise<string> {
  const data = await makeDataDirectory()
  cleanups.push(data.remove)
  return data.directory
}

async function start(directory: string, environment: Record<string, string> = {}): Promise<Program> {
  const program = await startProgram(directory, { LLM_DELTA_DELAY_MS: '0', ...environment })
  cleanups.push(program.stop)
  return program
}

/** Says what is wrong in plain words: one sentence for people, no stack trace, exit code 3 (could not run) or 2 (bad arguments). */
function expectPlainWords({ exitCode, complaints }: Finished, code: number, words: RegExp): void {
  expect(complaints).toMatch(words)
  expect(complaints).not.toMatch(/^\s+at .+:\d+:\d+/m)
  expect(exitCode).toBe(code)
}

describe('starting where it cannot start', () => {
  it('says so when the port is in use, and leaves nothing behind', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    cleanups.push(() => new Promise((resolve) => server.close(resolve)))
    const { port } = server.address() as { port: number }
    const directory = await dataDirectory()
    expectPlainWords(await emberlog(['serve'], directory, { PORT: String(port) }), 3, /port is in use/)
    const program = await start(directory)
    expect(program.url).not.toContain(`:${port}`)
  })

  it('says so when another Emberlog works on the same directory, and does not disturb it', async () => {
    const directory = await dataDirectory()
    const program = await start(directory)
    expectPlainWords(await emberlog(['serve'], directory), 3, /another/i)
    const ada = await signIn(program.url, 'ada')
    expect((await ada.send('POST', '/api/v1/me/conversations', { conversationId: 'still-here' })).status).toBe(201)
  })

  it('says so when the data directory is a file', async () => {
    const file = path.join(await dataDirectory(), 'not-a-directory')
    await writeFile(file, '')
    const finished = await emberlog(['serve'], path.dirname(file), { EMBERLOG_DATA_DIR: file })
    expectPlainWords(finished, 3, /data directory cannot be used/)
  })

  it('says so when the data directory may not be written to', async () => {
    const directory = path.join(await dataDirectory(), 'read-only')
    await mkdir(directory)
    await chmod(directory, 0o500)
    // Root may write anywhere, but not in the kernel's own file system.
    const unusable = process.getuid?.() === 0 ? '/proc/emberlog' : directory
    const finished = await emberlog(['serve'], path.dirname(directory), { EMBERLOG_DATA_DIR: unusable })
    expectPlainWords(finished, 3, /data directory cannot be used/)
  })

  it('says so when a variable has a value that cannot be used', async () => {
    expectPlainWords(await emberlog(['serve'], await dataDirectory(), { PORT: 'many' }), 2, /PORT/)
  })

  it('says so when the event store that is named does not answer', async () => {
    const finished = await emberlog(['audit', 'replay', 'conversation-x'], await dataDirectory(), {
      EVENTSTORE_URL: 'esdb://127.0.0.1:9?tls=false&maxDiscoverAttempts=1',
    })
    expectPlainWords(finished, 3, /event store does not answer/)
  })

  it('does not say that it listens when the event store that is named does not answer', async () => {
    const EVENTSTORE_URL = 'esdb://127.0.0.1:9?tls=false&maxDiscoverAttempts=1'
    const finished = await emberlog(['serve'], await dataDirectory(), { EVENTSTORE_URL })
    expectPlainWords(finished, 3, /event store does not answer/)
    expect(finished.output).toBe('')
  })

  it('says so when the Postgres that is named does not answer', async () => {
    const finished = await emberlog(['serve'], await dataDirectory(), {
      DATABASE_URL: 'postgresql://nobody@127.0.0.1:9/none',
    })
    expectPlainWords(finished, 3, /Postgres does not answer/)
  })

  it('names a command or option that it does not have', async () => {
    const directory = await dataDirectory()
    expectPlainWords(await emberlog(['juggle'], directory), 2, /unknown command/)
    expectPlainWords(await emberlog(['serve', '--juggle'], directory), 2, /unknown option/)
    expectPlainWords(await emberlog(['projections', 'drop'], directory), 2, /missing required argument/)
    expectPlainWords(await emberlog(['audit', 'replay'], directory), 2, /name one, or give --all/)
  })
})

describe('Postgres killed while the program runs', () => {
  it('comes back by itself; messages are taken meanwhile, and read afterwards', async () => {
    const program = await start(await dataDirectory())
    const ada = await signIn(program.url, 'ada')
    const socket = await ada.open('survivor')
    await socket.ending((await socket.say('What is RAG in AI?')).turnId)
    const ready = await ada.get('/api/v1/health/ready')
    expect(ready.status).toBe(200)

    await killPostgres(program)
    const { turnId } = await socket.say('Are you still there?')
    const { position } = await socket.ending(turnId)
    await expect
      .poll(
        async () => {
          const answer = await ada.get('/api/v1/me/conversations/survivor/messages', {
            'x-min-position': String(position),
          })
          return answer.status === 200 ? answer.body.results.length : answer.status
        },
        { timeout: 20_000, interval: 250 },
      )
      .toBe(4)
    socket.close()
  })

  it('is answered 503 with a time to come back, never 500, while it is away', async () => {
    const program = await start(await dataDirectory())
    const ada = await signIn(program.url, 'ada')
    await killPostgres(program)
    const statuses = new Set<number>()
    await expect
      .poll(
        async () => {
          const { status, headers, body } = await ada.get('/api/v1/me/conversations')
          statuses.add(status)
          if (status === 503)
            expect([headers.get('retry-after'), body.code]).toEqual([
              expect.stringMatching(/^\d+$/),
              expect.any(String),
            ])
          return status
        },
        { timeout: 20_000, interval: 20 },
      )
      .toBe(200)
    expect([...statuses].every((status) => status === 200 || status === 503)).toBe(true)
  })
})

/** Kills the server itself, as the operating system would when it needs memory. */
async function killPostgres(program: Program): Promise<void> {
  const [, postmaster] = await program.processes()
  process.kill(postmaster ?? 0, 'SIGKILL')
}

describe('stopping', () => {
  it('ends with exit code 0 and leaves no process behind', async () => {
    const program = await start(await dataDirectory())
    const processes = await program.processes()
    expect(processes.length).toBeGreaterThan(2)
    expect(await program.stop()).toBe(0)
    expect(processes.filter(isRunning)).toEqual([])
  })

  it('is over soon, though clients are connected and an answer is being written', async () => {
    const program = await start(await dataDirectory(), { LLM_DELTA_DELAY_MS: '200' })
    const ada = await signIn(program.url, 'ada')
    const socket = await ada.open('open')
    const { turnId } = await socket.say('What is RAG in AI?')
    await socket.frame((frame) => frame.type === 'response.delta')
    const began = performance.now()
    expect(await program.stop()).toBe(0)
    expect(performance.now() - began).toBeLessThan(10_000)
    expect((await socket.closed).code).toBe(1012)

    const again = await start(program.directory)
    const back = await (await signIn(again.url, 'ada')).open('open')
    const messages = await expectAnswered(again, turnId)
    expect(messages).toBe('completed')
    back.close()
  })
})

/** Waits until the read models show the end of a turn that was left open. */
async function expectAnswered(program: Program, turnId: string): Promise<string> {
  const ada = await signIn(program.url, 'ada')
  let status = ''
  await expect
    .poll(
      async () => {
        const { body } = await ada.get('/api/v1/me/conversations/open/messages')
        status = body.results?.find(
          (message: { turnId: string; role: string }) => message.turnId === turnId && message.role === 'assistant',
        )?.status
        return status
      },
      { timeout: 20_000, interval: 100 },
    )
    .toBeDefined()
  return status
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
