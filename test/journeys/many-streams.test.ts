/** Many answers stream at once over few connections to Postgres; `npm run bench -- answering` does it with 500. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ChatSocket, isWhole, type Person, signIn } from '../support/chat-client.ts'
import { lookAtConnections } from '../support/connection-figures.ts'
import { makeDataDirectory, type Program, startProgram } from '../support/program.ts'

const PEOPLE = 10
const SOCKETS_EACH = 10
const QUESTION = 'What is retrieval-augmented generation?'
const TEST_MS_MAX = 120_000

const shared = { EMBERLOG_MASTER_KEY: '11'.repeat(32), DATABASE_CONNECTIONS_MAX: '10', LLM_DELTA_DELAY_MS: '4' }

const started = new AsyncDisposableStack()
/** Serves people and answers them; the projector, which asks Postgres twice a second, is another process. */
let program: Program

beforeAll(async () => {
  const start = async (roles: string, settings: Record<string, string> = {}) => {
    const { directory, remove } = await makeDataDirectory()
    started.defer(remove)
    const running = await startProgram(directory, { ...shared, EMBERLOG_ROLES: roles, ...settings })
    started.defer(async () => void (await running.stop()))
    return running
  }
  const { directory } = await start('projector')
  const servers = JSON.parse(await readFile(path.join(directory, 'running.json'), 'utf8'))
  program = await start('api,responder', { EVENTSTORE_URL: servers.eventStoreUrl, DATABASE_URL: servers.databaseUrl })
}, TEST_MS_MAX)
afterAll(() => started.disposeAsync())

async function openAll(people: readonly Person[], prefix: string): Promise<ChatSocket[]> {
  const names = Array.from({ length: SOCKETS_EACH }, (_, index) => `${prefix}-${index}`)
  return (await Promise.all(people.map((person) => Promise.all(names.map((name) => person.open(name)))))).flat()
}

async function askAll(sockets: readonly ChatSocket[]) {
  return await Promise.all(
    sockets.map(async (socket) => {
      const { turnId } = await socket.say(QUESTION)
      await socket.ending(turnId)
      return { socket, turnId }
    }),
  )
}

describe('a hundred answers that stream at the same time', () => {
  it(
    'are each whole and in order, and take no connection to Postgres, let alone wait for one',
    async () => {
      const people = await Promise.all(
        Array.from({ length: PEOPLE }, (_, index) => signIn(program.url, `person-${index}`)),
      )
      const sockets = await openAll(people, 'chat')
      // The first words of each person, for whom there is no key yet.
      await askAll(sockets.filter((_, index) => index % SOCKETS_EACH === 0))
      const look = await lookAtConnections([program.url])
      const turns = await askAll(sockets)
      const figures = await look()
      expect(turns.filter(({ socket, turnId }) => isWhole(socket, turnId))).toHaveLength(PEOPLE * SOCKETS_EACH)
      // The vault is asked now and then whether somebody is to be erased, whoever streams.
      expect(figures).toMatchObject({ queries: 0, waits: 0, vaultWaits: 0 })
      for (const socket of sockets) socket.close()
    },
    TEST_MS_MAX,
  )
})
