import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ServerFrame } from '../../src/api/contracts/socket-frames.ts'
import { createTurnRelay, type TurnRelay } from '../../src/api/turn-relay.ts'
import type { LiveFact } from '../../src/events/live-facts.ts'
import { createLiveAnswers } from '../../src/reactors/live-answers.ts'
import { publishText } from '../support/written-text.ts'

const CONVERSATION = 'c'
const TURN = 't1'
const accepted = { type: 'message.accepted', messageId: 'm1', turnId: TURN, position: '1' } as const
const sent: LiveFact = { type: 'message.sent', turnId: TURN, messageId: 'm1', text: 'hi' }
const routed: LiveFact = {
  type: 'intent.routed',
  turnId: TURN,
  intent: 'learning',
  agent: 'learning',
  method: 'model',
  confidence: 1,
}
const delta = (count: number): LiveFact => ({ type: 'response.delta', turnId: TURN, delta: count, text: `${count}` })
const stopped: LiveFact = { type: 'response.stopped', turnId: TURN, partialText: '12', position: '9' }

function relayWith({
  replay = () => undefined,
  turnsMax = 100,
  heldMax = 100,
}: {
  replay?: (turnId: string, lastDelta: number) => readonly LiveFact[] | undefined
  turnsMax?: number
  heldMax?: number
} = {}) {
  const frames: ServerFrame[] = []
  const told: string[] = []
  const relay = createTurnRelay({
    send: (frame) => frames.push(frame),
    replay,
    onEndedUnresumed: (turnId) => told.push(`ended ${turnId}`),
    onOverflow: () => told.push('overflow'),
    turnsMax,
    heldMax,
  })
  return {
    relay,
    told,
    types: () => frames.map((frame) => (frame.type === 'response.delta' ? `delta ${frame.delta}` : frame.type)),
  }
}

describe('a turn that a socket opens', () => {
  test('is held back until its message is accepted', () => {
    const { relay, types } = relayWith()
    relay.expect(TURN)
    for (const fact of [sent, routed, delta(1)]) relay.pass(fact)
    expect(types()).toEqual([])
    relay.accept(accepted, false)
    relay.pass(stopped)
    expect(types()).toEqual(['message.accepted', 'intent.routed', 'delta 1', 'response.stopped'])
  })

  test('and that is accepted several times goes on after the first', () => {
    const { relay, types } = relayWith()
    relay.expect(TURN)
    relay.expect(TURN)
    relay.pass(routed)
    relay.accept(accepted, false)
    relay.pass(delta(1))
    relay.accept(accepted, false)
    expect(types()).toEqual(['message.accepted', 'intent.routed', 'delta 1', 'message.accepted'])
  })

  test('and whose message is refused is shown as somebody else’s, if it exists at all', () => {
    const { relay, types } = relayWith()
    relay.expect(TURN)
    relay.pass(sent)
    relay.refuse(TURN)
    relay.pass(routed)
    expect(types()).toEqual(['message.sent', 'intent.routed'])
  })

  test('needs a replay only when it was opened earlier and nothing of it was seen here', () => {
    const needsReplay = (isRepeat: boolean, ...before: LiveFact[]) => {
      const { relay } = relayWith()
      relay.expect(TURN)
      for (const fact of before) relay.pass(fact)
      return relay.accept(accepted, isRepeat)
    }
    expect([needsReplay(false), needsReplay(true), needsReplay(true, sent), needsReplay(true, sent, stopped)]).toEqual([
      false,
      true,
      false,
      false,
    ])
  })

  test('holds back a bounded number of facts', () => {
    const { relay, told } = relayWith({ heldMax: 2 })
    relay.expect(TURN)
    for (const count of [1, 2, 3]) relay.pass(delta(count))
    expect(told).toEqual(['overflow'])
  })
})

describe('a turn that was under way when the socket opened', () => {
  test('is silent until it is resumed, then goes on without a gap', () => {
    const { relay, types } = relayWith({ replay: (_turn, last) => [delta(1), delta(2), delta(3)].slice(last) })
    relay.begin([{ turnId: TURN, lastDelta: 2 }])
    relay.pass(delta(3))
    relay.resume(TURN, 1)
    relay.pass(delta(4))
    expect(types()).toEqual(['delta 2', 'delta 3', 'delta 4'])
  })

  test('is not sent a second time what this socket was sent, nor what the client says it has', () => {
    const { relay, types } = relayWith({ replay: (_turn, last) => [delta(1), delta(2)].slice(last) })
    relay.begin([{ turnId: TURN, lastDelta: 2 }])
    relay.resume(TURN, 4)
    for (const count of [3, 4, 5]) relay.pass(delta(count))
    relay.resume(TURN, 4)
    expect(types()).toEqual(['delta 5'])
  })

  test('is followed at once when nothing of it was written yet', () => {
    const { relay, types } = relayWith()
    relay.begin([{ turnId: TURN, lastDelta: 0 }])
    relay.pass(delta(1))
    expect(types()).toEqual(['delta 1'])
  })

  test('ends once: by its resume, or without one when that does not come', () => {
    for (const how of ['resume', 'give up'] as const) {
      const { relay, types, told } = relayWith({ replay: () => [delta(2), stopped] })
      relay.begin([{ turnId: TURN, lastDelta: 1 }])
      relay.pass(stopped)
      expect([types(), told]).toEqual([[], [`ended ${TURN}`]])
      if (how === 'resume') relay.resume(TURN, 1)
      relay.giveUpWaiting(TURN)
      relay.resume(TURN, 0)
      relay.pass(stopped)
      expect(types()).toEqual(how === 'resume' ? ['delta 2', 'response.stopped'] : ['response.stopped'])
    }
  })
})

test('a failed turn is told in words for people', () => {
  const frames: ServerFrame[] = []
  const relay = createTurnRelay({
    send: (frame) => frames.push(frame),
    replay: () => undefined,
    onEndedUnresumed: () => {},
    onOverflow: () => {},
    turnsMax: 9,
    heldMax: 9,
  })
  relay.pass({ type: 'response.failed', turnId: TURN, code: 'a-code-of-some-model', partialText: '', position: '1' })
  expect(frames).toMatchObject([
    { type: 'response.failed', code: 'a-code-of-some-model', message: 'The assistant did not answer.' },
  ])
})

test('turns that a client invents are forgotten again', () => {
  const { relay, types } = relayWith({ turnsMax: 3 })
  for (let turn = 0; turn < 1_000; turn += 1) {
    relay.expect(`invented ${turn}`)
    relay.refuse(`invented ${turn}`)
    relay.resume(`unknown ${turn}`, 0)
  }
  relay.pass(routed)
  expect(types()).toEqual(['intent.routed'])
})

interface SimulatedSocket {
  readonly frames: ServerFrame[]
  readonly relay: TurnRelay
  isWaiting: boolean
}

/** Any number of sockets on one conversation with one turn, led through steps in any order. */
function simulate(steps: readonly string[]): SimulatedSocket[] {
  const live = createLiveAnswers()
  const sockets: SimulatedSocket[] = []
  let text = ''
  const open = () => {
    const frames: ServerFrame[] = []
    const relay = createTurnRelay({
      send: (frame) => frames.push(frame),
      replay: (turnId, lastDelta) => live.replay(CONVERSATION, turnId, lastDelta),
      onEndedUnresumed: () => {},
      onOverflow: () => {},
      turnsMax: 100,
      heldMax: 1_000,
    })
    relay.begin(live.inFlight(CONVERSATION))
    live.listen(CONVERSATION, relay.pass)
    sockets.push({ frames, relay, isWaiting: false })
  }
  const does: Record<string, (socket: SimulatedSocket) => void> = {
    open,
    write: () => {
      text += 'x'
      publishText(live, CONVERSATION, TURN, text)
    },
    expect: (socket) => {
      socket.relay.expect(TURN)
      socket.isWaiting = true
    },
    accept: (socket) => {
      if (socket.isWaiting && socket.relay.accept(accepted, live.replay(CONVERSATION, TURN, 0) !== undefined))
        socket.relay.resume(TURN, 0)
      socket.isWaiting = false
    },
    // A client may name an old count: what is on its way to it is not in its hands yet.
    resume: ({ relay, frames }) => relay.resume(TURN, Math.floor(deltasOf(frames).length / 2)),
    end: () => live.publish(CONVERSATION, { type: 'response.stopped', turnId: TURN, partialText: text, position: '9' }),
    'give up': ({ relay }) => relay.giveUpWaiting(TURN),
  }
  open()
  for (const [index, step] of steps.entries()) {
    const socket = sockets[index % sockets.length]
    if (socket !== undefined) does[step]?.(socket)
  }
  for (const { relay, isWaiting } of sockets) if (isWaiting) relay.accept(accepted, false)
  return sockets
}

const deltasOf = (frames: readonly ServerFrame[]) =>
  frames.filter((frame) => frame.type === 'response.delta').map((frame) => frame.delta)

test('whatever the order of sends, resumes and reconnections, each socket sees no gap and one end', () => {
  const step = fc.constantFrom('write', 'open', 'expect', 'accept', 'resume', 'end', 'give up')
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      for (const { frames } of simulate(steps)) {
        const deltas = deltasOf(frames)
        expect(deltas).toEqual(deltas.map((_, at) => at + 1))
        const end = frames.findIndex(({ type }) => type === 'response.stopped')
        const afterTheEnd = end === -1 ? [] : frames.slice(end + 1)
        expect(afterTheEnd.every(({ type }) => type === 'message.accepted')).toBe(true)
      }
    }),
    { numRuns: 500 },
  )
})
