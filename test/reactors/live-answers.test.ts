import { describe, expect, it } from 'vitest'
import type { LiveFact } from '../../src/events/live-facts.ts'
import { createLiveAnswers } from '../../src/reactors/live-answers.ts'

const turnId = 't1'
const sent = { type: 'message.sent', turnId, messageId: 'm1', text: 'Hello' } as const
const routed = {
  type: 'intent.routed',
  turnId,
  intent: 'learning',
  agent: 'learning',
  method: 'model',
  confidence: 0.9,
} as const
const delta = (number: number, text: string) => ({ type: 'response.delta', turnId, delta: number, text }) as const
const completed = (text: string) =>
  ({
    type: 'response.completed',
    turnId,
    messageId: 'a1',
    text,
    agent: 'learning',
    model: { provider: 'offline', id: 'x' },
    finishReason: 'stop',
    usage: { inputTokens: 1, outputTokens: 1 },
    position: '9',
  }) as const

function listening() {
  const live = createLiveAnswers()
  const heard: LiveFact[] = []
  const stop = live.listen('c1', (fact) => heard.push(fact))
  return { live, heard, stop }
}

describe('live answers', () => {
  it('pass every fact on once, whoever says it first', () => {
    const { live, heard } = listening()
    for (const fact of [sent, sent, routed, routed, delta(1, 'He'), delta(1, 'He'), delta(2, 'llo')])
      live.publish('c1', fact)
    live.publish('c1', completed('Hello'))
    live.publish('c1', completed('Hello'))
    expect(heard.map(({ type }) => type)).toEqual([
      'message.sent',
      'intent.routed',
      'response.delta',
      'response.delta',
      'response.completed',
    ])
  })

  it('take no delta out of its turn, so that there are no gaps', () => {
    const { live, heard } = listening()
    for (const fact of [delta(2, 'tr'), delta(1, 'Re'), delta(3, 'ieval'), delta(2, 'tr'), delta(3, 'ieval')])
      live.publish('c1', fact)
    expect(heard).toEqual([delta(1, 'Re'), delta(2, 'tr'), delta(3, 'ieval')])
  })

  it('pass on the whole answer of another process as a delta before its end', () => {
    const { live, heard } = listening()
    live.publish('c1', completed('Hello there'))
    expect(heard).toMatchObject([
      { type: 'response.delta', delta: 1, text: 'Hello there' },
      { type: 'response.completed' },
    ])
  })

  it('pass on what is missing of an answer as its last delta', () => {
    const { live, heard } = listening()
    live.publish('c1', delta(1, 'Hello '))
    live.publish('c1', completed('Hello there'))
    expect(heard).toMatchObject([delta(1, 'Hello '), delta(2, 'there'), { type: 'response.completed' }])
  })

  it('say nothing after the end', () => {
    const { live, heard } = listening()
    live.publish('c1', completed('Hello'))
    const before = heard.length
    live.publish('c1', delta(2, ' and more'))
    live.publish('c1', routed)
    expect(heard).toHaveLength(before)
  })

  it('know which turns are under way, and how far', () => {
    const { live } = listening()
    live.publish('c1', delta(1, 'Hel'))
    live.publish('c1', { ...sent, turnId: 't2' })
    expect(live.inFlight('c1')).toEqual([
      { turnId: 't1', lastDelta: 1 },
      { turnId: 't2', lastDelta: 0 },
    ])
    live.publish('c1', completed('Hello'))
    expect(live.inFlight('c1')).toEqual([{ turnId: 't2', lastDelta: 0 }])
    expect(live.inFlight('c2')).toEqual([])
  })

  it('replay what a client has missed, the end included', () => {
    const { live } = listening()
    for (const [index, text] of ['a', 'b', 'c'].entries()) live.publish('c1', delta(index + 1, text))
    expect(live.replay('c1', turnId, 2)).toEqual([{ type: 'response.delta', turnId, delta: 3, text: 'c' }])
    live.publish('c1', completed('abc'))
    expect(live.replay('c1', turnId, 3)).toEqual([completed('abc')])
  })

  it('replay nothing of a turn they do not know, or of another conversation', () => {
    const { live } = listening()
    live.publish('c1', delta(1, 'a'))
    expect(live.replay('c1', 'unknown', 0)).toBeUndefined()
    expect(live.replay('c2', turnId, 0)).toBeUndefined()
  })

  it('do not know the deltas of an answer that nobody here followed, until the record tells', () => {
    const live = createLiveAnswers()
    live.publish('c1', completed('Hello there'))
    expect(live.replay('c1', turnId, 0)).toBeUndefined()
    live.restore('c1', { turnId, deltas: ['Hello ', 'there'], terminal: completed('Hello there') })
    expect(live.replay('c1', turnId, 1)).toEqual([delta(2, 'there'), completed('Hello there')])
  })

  it('forget how far a turn was written that nobody follows any more', () => {
    const { live, heard } = listening()
    live.publish('c1', delta(1, 'Hello '))
    live.letGo(turnId)
    expect(live.replay('c1', turnId, 0)).toBeUndefined()
    live.restore('c1', { turnId, deltas: ['Hello ', 'there'] })
    expect(live.replay('c1', turnId, 1)).toEqual([delta(2, 'there')])
    expect(heard).toEqual([delta(1, 'Hello ')])
  })

  it('do not begin a turn again that has ended', () => {
    const { live } = listening()
    live.publish('c1', completed('Hello'))
    live.begin('c1', turnId)
    live.begin('c1', 't2')
    expect(live.inFlight('c1')).toEqual([{ turnId: 't2', lastDelta: 0 }])
  })

  it('tell a listener nothing once it has stopped, and nothing of other conversations', () => {
    const { live, heard, stop } = listening()
    live.publish('c2', { ...sent, turnId: 't2' })
    stop()
    live.publish('c1', sent)
    expect(heard).toEqual([])
  })
})
