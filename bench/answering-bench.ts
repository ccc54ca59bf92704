/** Measures answering: the first words beside one append, 500 answers that stream at once, and turns a second with where the time goes. */
import { randomUUID } from 'node:crypto'
import { createCodec } from '../src/events/codec.ts'
import { draftStream } from '../src/events/stream-names.ts'
import { createDraftLog } from '../src/reactors/draft-log.ts'
import { systemClock } from '../src/shared/clock.ts'
import type { Uuid } from '../src/shared/ids.ts'
import { silentLogger } from '../src/shared/logger.ts'
import { openEventStoreDb } from '../src/store/eventstoredb-store.ts'
import { type ChatSocket, isEndingOf, type Person } from '../test/support/chat-client.ts'
import { type AnsweringProcesses, startProcesses } from './answering-processes.ts'
import { type Bench, type BenchResult, type Figure, figureOf, type Row, ratioTo } from './measurement.ts'

const QUESTION = 'What is retrieval-augmented generation?'
const FIRST_DELTA_TIMES_APPEND_MAX = 3
const SOCKETS = 500
const PEOPLE = 20
const CONVERSATIONS_AT_ONCE = 40

export const bench: Bench = {
  name: 'answering',
  async run({ isQuick }) {
    const first = await measureFirstDelta(0, isQuick ? 20 : 100)
    const far = await measureFirstDelta(1, isQuick ? 20 : 100)
    const streaming = await measureStreaming(isQuick ? 50 : SOCKETS)
    const one = await measureTurns(1, isQuick ? 4_000 : 15_000)
    const two = await measureTurns(2, isQuick ? 4_000 : 15_000)
    const result: BenchResult = {
      title: 'answering with the offline assistant',
      repetitions: 1,
      rows: [...first.rows, ...far.rows.slice(-1), ...streaming.rows, ...one.rows, ...two.rows],
      notes: [...first.notes, ...far.notes, ...streaming.notes, ...one.notes, ...two.notes],
    }
    return result
  },
}

interface Part {
  readonly rows: readonly Row[]
  readonly notes: readonly string[]
}

const quantile = (samples: readonly number[], share: number) =>
  samples.toSorted((a, b) => a - b)[Math.min(samples.length - 1, Math.floor(samples.length * share))] ?? 0
const only = (value: number): Figure => figureOf([value])

/** From a message on its way to the first words on the socket, beside one append to the same store, in turn. */
async function measureFirstDelta(responders: number, messages: number): Promise<Part> {
  const processes = await startProcesses(responders)
  const store = openEventStoreDb({ connectionString: processes.eventStoreUrl, logger: silentLogger })
  const drafts = createDraftLog({ store, codec: createCodec(), clock: systemClock })
  const person = await processes.signIn('ada')
  const appends: number[] = []
  const firsts: number[] = []
  const accepted: number[] = []
  try {
    for (let index = 0; index < messages + 5; index += 1) {
      const socket = await person.open(`first-${index}`)
      const messageId = randomUUID()
      const beganAt = performance.now()
      socket.write({ type: 'message.send', messageId, text: QUESTION })
      await socket.frame(({ type }) => type === 'message.accepted')
      const acceptedAt = performance.now()
      const { turnId } = await socket.frame(({ type }) => type === 'response.delta')
      const firstAt = performance.now()
      await socket.ending(String(turnId))
      socket.close()
      const appended = await timeOfAppend(drafts)
      if (index < 5) continue // The first ones find nothing warm.
      accepted.push(acceptedAt - beganAt)
      firsts.push(firstAt - beganAt)
      appends.push(appended)
    }
  } finally {
    await store.close()
    await processes.stop()
  }
  const ratio = quantile(firsts, 0.5) / quantile(appends, 0.5)
  return {
    rows: [
      { what: 'one append, p50 (range)', unit: 'ms', figure: figureOf(appends) },
      { what: 'message accepted, p50 (range)', unit: 'ms', figure: figureOf(accepted) },
      {
        what: responders === 0 ? 'first delta on the socket, p50 (range)' : 'the same, answered by another process',
        unit: 'ms',
        figure: figureOf(firsts),
        ...(responders === 0 && { ratio: ratioTo('one append', ratio, { atMost: FIRST_DELTA_TIMES_APPEND_MAX }) }),
      },
    ],
    notes: [`first delta: ${messages} messages, one after the other, ${responders} responder(s) of their own`],
  }
}

async function timeOfAppend(drafts: ReturnType<typeof createDraftLog>): Promise<number> {
  const turnId = randomUUID()
  const address = {
    turnId,
    conversationId: randomUUID() as Uuid,
    ownerId: 'ada',
    correlationId: turnId,
    causationId: turnId,
  }
  const batch = { firstDelta: 1, deltas: [QUESTION], writerId: draftStream(turnId) }
  // The second one: the first also gives the stream its age.
  const revision = await drafts.append(address, { ...batch, expected: 'no-stream' })
  const beganAt = performance.now()
  await drafts.append(address, { ...batch, firstDelta: 2, expected: revision ?? 'any' })
  return performance.now() - beganAt
}

/** So many answers at once, and what the connections to Postgres had to do with it. */
async function measureStreaming(sockets: number): Promise<Part> {
  const processes = await startProcesses(1)
  try {
    const open = await openSockets(processes, sockets)
    const before = await databaseFigures(processes)
    const beganAt = performance.now()
    const firsts: number[] = []
    const turns = await Promise.all(
      open.map(async (socket) => {
        const sentAt = performance.now()
        const { turnId } = await socket.say(QUESTION)
        await socket.frame((frame) => frame.type === 'response.delta' && frame['turnId'] === turnId)
        firsts.push(performance.now() - sentAt)
        const ending = await socket.ending(turnId)
        return { socket, turnId, ending }
      }),
    )
    const tookMs = performance.now() - beganAt
    const after = await databaseFigures(processes)
    const whole = turns.filter(({ socket, turnId, ending }) => {
      const deltas = socket.frames.filter((frame) => frame.type === 'response.delta' && frame['turnId'] === turnId)
      const isNumbered = deltas.every((frame, index) => frame['delta'] === index + 1)
      const text = deltas.map((frame) => frame['text']).join('')
      return isNumbered && text === ending['text'] && socket.frames.filter(isEndingOf(turnId)).length === 1
    })
    const frames = open.reduce((sum, socket) => sum + socket.frames.length, 0)
    for (const socket of open) socket.close()
    const queried = (after['acquired queries'] ?? 0) - (before['acquired queries'] ?? 0)
    const waited = (after['waits queries'] ?? 0) - (before['waits queries'] ?? 0)
    return {
      rows: [
        { what: `answers at once, whole and in order, of ${sockets}`, unit: '', figure: only(whole.length) },
        { what: 'first delta of them, p50 (range)', unit: 'ms', figure: figureOf(firsts) },
        { what: 'frames a second', unit: '/s', figure: only((frames / tookMs) * 1_000) },
        { what: 'connections taken to serve them while streaming', unit: '', figure: only(queried) },
        {
          what: 'waits for a connection above 1 ms caused by that',
          unit: '',
          figure: only(waited),
          ratio: ratioTo('none', waited, { atMost: 0 }),
        },
      ],
      notes: [
        `streaming: ${sockets} sockets of ${PEOPLE} people, DATABASE_CONNECTIONS_MAX=10, all took ${(tookMs / 1_000).toFixed(1)} s`,
      ],
    }
  } finally {
    await processes.stop()
  }
}

async function openSockets(processes: AnsweringProcesses, count: number): Promise<ChatSocket[]> {
  const people: Person[] = []
  for (let index = 0; index < PEOPLE; index += 1) people.push(await processes.signIn(`person-${index}`))
  const open: ChatSocket[] = []
  for (let index = 0; index < count; index += PEOPLE) {
    const some = people.slice(0, count - index)
    open.push(...(await Promise.all(some.map((person, at) => person.open(`chat-${index + at}`)))))
  }
  return open
}

/** Of the API's own share: the projector has another one, and works whether or not anybody streams. */
async function databaseFigures({ url }: AnsweringProcesses): Promise<Record<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const value = (pattern: RegExp) => Number(text.match(pattern)?.[1] ?? 0)
  const waits = value(/^emberlog_database_wait_seconds_count\{share="queries"\} (\S+)/m)
  const quick = value(/^emberlog_database_wait_seconds_bucket\{le="0.001",share="queries"\} (\S+)/m)
  return {
    'acquired queries': value(/^emberlog_database_acquired_total\{share="queries"\} (\S+)/m),
    'waits queries': waits - quick,
  }
}

/** Turns a second with so many responder processes, answers without pauses, and the processor time of each job. */
async function measureTurns(responders: number, forMs: number): Promise<Part> {
  const processes = await startProcesses(responders, { LLM_DELTA_DELAY_MS: '0' })
  try {
    const open = await openSockets(processes, CONVERSATIONS_AT_ONCE)
    for (const socket of open) await socket.ending((await socket.say(QUESTION)).turnId)
    const before = await processes.processorSeconds()
    const beganAt = performance.now()
    let turns = 0
    await Promise.all(
      open.map(async (socket) => {
        while (performance.now() - beganAt < forMs) {
          await socket.ending((await socket.say(QUESTION)).turnId)
          turns += 1
        }
      }),
    )
    const seconds = (performance.now() - beganAt) / 1_000
    const after = await processes.processorSeconds()
    for (const socket of open) socket.close()
    const spent = Object.entries(after).map(([job, value]) => [job, value - (before[job] ?? 0)] as const)
    const shares = spent.map(([job, value]) => `${job} ${((value / turns) * 1_000).toFixed(1)} ms`).join(', ')
    return {
      rows: [
        { what: `turns a second, ${responders} responder process(es)`, unit: '/s', figure: only(turns / seconds) },
      ],
      notes: [`${responders} responder(s), ${CONVERSATIONS_AT_ONCE} conversations: processor time a turn: ${shares}`],
    }
  } finally {
    await processes.stop()
  }
}
