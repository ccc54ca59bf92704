/** Two processes share the answering; the one that writes is killed. `KILL_ROUNDS=25` makes it a campaign: as many rounds of each kind. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ChatSocket, type Frame, isEndingOf, type Person, signIn, textOfDeltas } from '../support/chat-client.ts'
import { emberlog, makeDataDirectory, type Program, startProgram } from '../support/program.ts'

const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 2)
const QUESTION = 'What is retrieval-augmented generation?'
/** An answer to the question has more words than this. */
const DELTAS_BEFORE_DEATH_MAX = 40
/** From the death to the next sign of life: far below what a person takes for broken. */
const TAKE_OVER_MS_MAX = 5_000

const shared = {
  AUTH_JWT_SECRET: 'a secret that the nodes of this test have in common',
  EMBERLOG_MASTER_KEY: '11'.repeat(32),
  EMBERLOG_MESSAGES_PER_MINUTE_MAX: '100000',
  LLM_DELTA_DELAY_MS: '8',
  // Three processes and their successors share the one Postgres.
  DATABASE_CONNECTIONS_MAX: '5',
}

let base: Program
let servers: Record<string, string>
const directories: { directory: string; remove: () => Promise<void> }[] = []

async function directory(): Promise<string> {
  const made = await makeDataDirectory()
  directories.push(made)
  return made.directory
}

beforeAll(async () => {
  base = await startProgram(await directory(), { ...shared, EMBERLOG_ROLES: 'api,projector' })
  const running = JSON.parse(await readFile(path.join(base.directory, 'running.json'), 'utf8'))
  servers = { EVENTSTORE_URL: running.eventStoreUrl, DATABASE_URL: running.databaseUrl }
}, 120_000)
afterAll(async () => {
  await base.stop()
  for (const { remove } of directories) await remove()
})

interface Node {
  program: Program
  person: Person
}

async function startNode(into: string, settings: Record<string, string>): Promise<Node> {
  const program = await startProgram(into, {
    ...{ ...shared, ...servers, ...settings, EMBERLOG_ROLES: 'api,responder', LOG_LEVEL: 'debug' },
  })
  return { program, person: await signIn(program.url, 'ada') }
}

const isWriting = ({ program }: Node, turnId: string) =>
  program
    .complaints()
    .split('\n')
    .some((line) => line.includes(turnId) && line.includes('"answering a turn"'))

const deltasOf = (frames: readonly Frame[], turnId: string) =>
  frames.filter((frame) => frame.type === 'response.delta' && frame['turnId'] === turnId)
const textOf = (ending: Frame) => String(ending.type === 'response.completed' ? ending['text'] : ending['partialText'])

/** Counts on from what was there before, without a gap and without a repetition. */
function expectNumbered(frames: readonly Frame[], turnId: string, from: number): void {
  const numbers = deltasOf(frames, turnId).map((frame) => frame['delta'])
  expect(numbers).toEqual(numbers.map((_number, index) => from + index))
}

/** Exactly one end, and every word before it. */
function expectWhole(socket: ChatSocket, turnId: string): void {
  const ends = socket.frames.filter(isEndingOf(turnId))
  expect(ends).toHaveLength(1)
  expectNumbered(socket.frames, turnId, 1)
  expect(textOfDeltas(socket.frames, turnId)).toBe(textOf(ends[0] as Frame))
}

interface Round {
  readonly turnId: string
  readonly ending: string
  readonly seenDeltas: number
  readonly takenOverMs: number
}

/** Sends, kills who answers at a random delta, comes back to the other one, and sees the answer to its end. */
async function killWhoAnswers(nodes: [Node, Node], conversation: string): Promise<{ round: Round; dead: Node }> {
  const sockets = await Promise.all(nodes.map(({ person }) => person.open(conversation)))
  const [first, second] = sockets as [ChatSocket, ChatSocket]
  const { turnId } = await first.say(QUESTION)
  await expect.poll(() => nodes.some((node) => isWriting(node, turnId)), { timeout: 20_000, interval: 5 }).toBe(true)
  const isFirst = isWriting(nodes[0], turnId)
  const [dead, alive] = isFirst ? nodes : [nodes[1], nodes[0]]
  const [lost, left] = isFirst ? [first, second] : [second, first]

  const deltas = 1 + Math.floor(Math.random() * DELTAS_BEFORE_DEATH_MAX)
  await lost.frame(
    (frame) => frame.type === 'response.delta' && frame['turnId'] === turnId && frame['delta'] === deltas,
  )
  process.kill(dead.program.pid, 'SIGKILL')
  const killedAtMs = performance.now()
  await lost.closed
  const seen = deltasOf(lost.frames, turnId)
  const seenText = textOfDeltas(lost.frames, turnId)
  expectNumbered(lost.frames, turnId, 1)

  const back = await alive.person.open(conversation)
  back.write({ type: 'resume', turnId, lastDelta: seen.length })
  const sign = back.frame((frame) => frame['turnId'] === turnId && /^response\./.test(frame.type))
  const takenOverMs = (await sign.then(() => performance.now())) - killedAtMs
  const ending = await back.ending(turnId)
  await left.ending(turnId)
  expectWhole(left, turnId)
  expectNumbered(back.frames, turnId, seen.length + 1)
  // What a person has read is never taken back, and what comes next follows on it.
  expect(textOf(ending)).toBe(seenText + textOfDeltas(back.frames, turnId))
  expect(back.frames.filter(isEndingOf(turnId))).toHaveLength(1)
  back.close()
  left.close()
  return { round: { turnId, ending: ending.type, seenDeltas: seen.length, takenOverMs }, dead }
}

async function expectOneEndingEach(conversations: readonly string[], rounds: readonly Round[]): Promise<void> {
  for (const [index, conversation] of conversations.entries()) {
    const { output, complaints } = await emberlog(
      ['audit', 'replay', conversation, '--owner', 'ada', '--json'],
      base.directory,
      { ...shared, ...servers },
    )
    expect(complaints).toBe('')
    const events = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; data: { turnId?: string } })
    const endings = events.filter(({ type }) => /^Response(Completed|Failed|Stopped)$/.test(type))
    expect(endings.map(({ data }) => data.turnId)).toEqual([rounds[index]?.turnId])
  }
}

describe('kill -9 of the node that answers, at a random word', () => {
  it.each([
    ['goes on word for word', 'answer-again', 'response.completed'],
    ['ends with every word that was seen', 'end-as-failed', 'response.failed'],
  ])(
    `the answer %s (%s), ${ROUNDS} times over`,
    async (_what, policy, ending) => {
      const settings = { EMBERLOG_INTERRUPTED_TURNS: policy }
      const nodes: [Node, Node] = [
        await startNode(await directory(), settings),
        await startNode(await directory(), settings),
      ]
      const rounds: Round[] = []
      const conversations: string[] = []
      try {
        for (let number = 0; number < ROUNDS; number += 1) {
          const conversation = `${policy}-${number}`
          conversations.push(conversation)
          const { round, dead } = await killWhoAnswers(nodes, conversation)
          rounds.push(round)
          await dead.program.exited
          nodes[nodes.indexOf(dead)] = await startNode(dead.program.directory, settings)
        }
      } finally {
        await Promise.all(nodes.map(({ program }) => program.stop()))
      }
      expect(rounds.map((round) => round.ending)).toEqual(rounds.map(() => ending))
      const waits = rounds.map(({ takenOverMs }) => takenOverMs).toSorted((a, b) => a - b)
      expect(waits.at(-1)).toBeLessThan(TAKE_OVER_MS_MAX)
      if (ROUNDS > 10) console.log(`${policy}: taken over after`, waits.map(Math.round).join(' '), 'ms')
      await expectOneEndingEach(conversations, rounds)
    },
    (ROUNDS + 4) * 60_000,
  )
})
