/** Measures answering: the first words beside one append, 500 answers that stream at once, and turns a second with where the time goes. */
import { randomUUID } from 'node:crypto'
import { createCodec } from '../src/events/codec.ts'
import { draftStream } from '../src/events/stream-names.ts'
import { createDraftLog } from '../src/reactors/draft-log.ts'
import { systemClock } from '../src/shared/clock.ts'
import type { Uuid } from '../src/shared/ids.ts'
import { silentLogger } from '../src/shared/logger.ts'
import { openEventStoreDb } from '../src/store/eventstoredb-store.ts'
import { type ChatSocket, type Frame, isWhole, type Person } from '../test/support/chat-client.ts'
import { lookAtConnections } from '../test/support/connection-figures.ts'
import { type AnsweringProcesses, type ProcessesPlan, startProcesses } from './answering-processes.ts'
import { type Bench, type BenchResult, type Figure, figureOf, type Row, ratioTo } from './measurement.ts'

const QUESTION = 'What is retrieval-augmented generation?'
const FIRST_DELTA_TIMES_APPEND_MAX = 3
const SOCKETS = 500
const PEOPLE = 20
const CONVERSATIONS_AT_ONCE = 40
/** Between the words of an answer: short where only its beginning is measured and its end is waited for. */
const PAUSE_FOR_FIRST = { LLM_DELTA_DELAY_MS: '1' }
const NO_PAUSE = { LLM_DELTA_DELAY_MS: '0' }

export const bench: Bench = {
  name: 'answering',
  async run({ isQuick }) {
    const messages = isQuick ? 20 : 100
    const forMs = isQuick ? 4_000 : 15_000
    const first = await measureWith({ environment: PAUSE_FOR_FIRST }, (processes) =>
      measureFirstDelta(processes, 0, messages),
    )
    const streaming = await measureWith({ isProjectorApart: true }, (processes) =>
      measureStreaming(processes, isQuick ? 100 : SOCKETS),
    )
    const [far, two, one] = await measureWith({ isResponderApart: true }, async (processes) => {
      const stopSlow = await processes.startResponder(PAUSE_FOR_FIRST)
      const beside = await measureFirstDelta(processes, 1, messages)
      await stopSlow()
      await processes.startResponder(NO_PAUSE)
      const stopSecond = await processes.startResponder(NO_PAUSE)
      const ofTwo = await measureTurns(processes, 2, forMs)
      await stopSecond()
      return [beside, ofTwo, await measureTurns(processes, 1, forMs)] as const
    })
    const result: BenchResult = {
      title: 'answering with the offline assistant',
      repetitions: 1,
      rows: [...first.rows, ...far.rows.slice(-1), ...streaming.rows, ...one.rows, ...two.rows],
      notes: [...first.notes, ...far.notes, ...streaming.notes, ...one.notes, ...two.notes],
    }
    return result
  },
}

async function measureWith<Value>(
  plan: ProcessesPlan,
  measure: (processes: AnsweringProcesses) => Promise<Value>,
): Promise<Value> {
  const processes = await startProcesses(plan)
  try {
    return await measure(processes)
  } finally {
    await processes.stop()
  }
}

interface Part {
  readonly rows: readonly Row[]
  readonly notes: readonly string[]
}

const quantile = (samples: readonly number[], share: number) =>
  samples.toSorted((a, b) => a - b)[Math.min(samples.length - 1, Math.floor(samples.length * share))] ?? 0
const only = (value: number): Figure => figureOf([value])

/** From a message on its way to the first words on the socket, beside one append to the same store, in turn. */
async function measureFirstDelta(processes: AnsweringProcesses, responders: number, messages: number): Promise<Part> {
  const store = openEventStoreDb({ connectionString: processes.eventStoreUrl, logger: silentLogger })
  const drafts = createDraftLog({ store, codec: createCodec(), clock: systemClock })
  const person = await processes.signIn('ada')
  const appends: number[] = []
  const firsts: number[] = []
  const accepted: number[] = []
  try {
    // Open before anybody writes, as they are for people.
    const sockets = await Promise.all(Array.from({ length: messages + 5 }, (_, index) => person.open(`first-${index}`)))
    await sockets[0]?.ending((await sockets[0].say(QUESTION)).turnId)
    for (const [index, socket] of sockets.entries()) {
      const messageId = randomUUID()
      const beganAt = performance.now()
      socket.write({ type: 'message.send', messageId, text: QUESTION })
      const isAccepted = (frame: Frame) => frame.type === 'message.accepted' && frame['messageId'] === messageId
      const turnId = String((await socket.frame(isAccepted))['turnId'])
      const acceptedAt = performance.now()
      await socket.frame((frame) => frame.type === 'response.delta' && frame['turnId'] === turnId)
      const firstAt = performance.now()
      await socket.ending(turnId)
      socket.close()
      const appended = await timeOfAppend(drafts)
      if (index < 5) continue // The first ones find nothing warm.
      accepted.push(acceptedAt - beganAt)
      firsts.push(firstAt - beganAt)
      appends.push(appended)
    }
  } finally {
    await store.close()
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
async function measureStreaming(processes: AnsweringProcesses, sockets: number): Promise<Part> {
  const open = await openSockets(processes, sockets)
  const warm = await (await processes.signIn('warm')).open('warm')
  await warm.ending((await warm.say(QUESTION)).turnId) // Each process has opened its connections.
  const look = await lookAtConnections([processes.url])
  const beganAt = performance.now()
  const firsts: number[] = []
  const turns = await Promise.all(
    open.map(async (socket) => {
      const sentAt = performance.now()
      const { turnId } = await socket.say(QUESTION)
      await socket.frame((frame) => frame.type === 'response.delta' && frame['turnId'] === turnId)
      firsts.push(performance.now() - sentAt)
      await socket.ending(turnId)
      return { socket, turnId }
    }),
  )
  const tookMs = performance.now() - beganAt
  const { queries, vault, waits, vaultWaits } = await look()
  const whole = turns.filter(({ socket, turnId }) => isWhole(socket, turnId))
  const frames = open.reduce((sum, socket) => sum + socket.frames.length, 0)
  for (const socket of open) socket.close()
  return {
    rows: [
      {
        what: `answers at once, whole and in order, of ${sockets}`,
        unit: '',
        figure: only(whole.length),
        ratio: ratioTo('all', whole.length / sockets, { atLeast: 1 }),
      },
      { what: 'first delta of them, p50 (range)', unit: 'ms', figure: figureOf(firsts) },
      { what: 'frames a second', unit: '/s', figure: only((frames / tookMs) * 1_000) },
      {
        what: 'connections taken to stream',
        unit: '',
        figure: only(queries),
        ratio: ratioTo('none', queries, { atMost: 0 }),
      },
      { what: 'connections taken of the share for keys', unit: '', figure: only(vault) },
      {
        what: 'waits for a connection above 1 ms',
        unit: '',
        figure: only(waits + vaultWaits),
        ratio: ratioTo('none', waits + vaultWaits, { atMost: 0 }),
      },
    ],
    notes: [
      `streaming: ${sockets} sockets of ${PEOPLE} people, DATABASE_CONNECTIONS_MAX=10, all took ${(tookMs / 1_000).toFixed(1)} s`,
    ],
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

/** Turns a second with so many responder processes, answers without pauses, and the processor time of each job. */
async function measureTurns(processes: AnsweringProcesses, responders: number, forMs: number): Promise<Part> {
  const open = await openSockets(processes, CONVERSATIONS_AT_ONCE)
  await Promise.all(open.map(async (socket) => socket.ending((await socket.say(QUESTION)).turnId)))
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
    rows: [{ what: `turns a second, ${responders} responder process(es)`, unit: '/s', figure: only(turns / seconds) }],
    notes: [`${responders} responder(s), ${CONVERSATIONS_AT_ONCE} conversations: processor time a turn: ${shares}`],
  }
}
