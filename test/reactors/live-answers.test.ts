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
const progress = (text: string) => ({ type: 'response.progress', turnId, text }) as const
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
    for (const fact of [sent, sent, routed, routed, progress('He'), progress('He'), progress('Hello')])
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

  it('number deltas without gaps, and they add up to the text', () => {
    const { live, heard } = listening()
    for (const text of ['Re', 'Retr', 'Retrieval']) live.publish('c1', progress(text))
    expect(heard).toEqual([
      { type: 'response.delta', turnId, delta: 1, text: 'Re' },
      { type: 'response.delta', turnId, delta: 2, text: 'tr' },
      { type: 'response.delta', turnId, delta: 3, text: 'ieval' },
    ])
  })

  it('pass on the whole answer of another process as a delta before its end', () => {
    const { live, heard } = listening()
    live.publish('c1', completed('Hello there'))
    expect(heard).toMatchObject([
      { type: 'response.delta', delta: 1, text: 'Hello there' },
      { type: 'response.completed' },
    ])
  })

  it('add nothing twice when an answer begins anew after a fault', () => {
    const { live, heard } = listening()
    for (const text of ['One ', 'One two ', 'One ', 'One two ', 'One two three']) live.publish('c1', progress(text))
    expect(heard.map((fact) => (fact.type === 'response.delta' ? fact.text : ''))).toEqual(['One ', 'two ', 'three'])
  })

  it('say nothing after the end', () => {
    const { live, heard } = listening()
    live.publish('c1', completed('Hello'))
    const before = heard.length
    live.publish('c1', progress('Hello and more'))
    live.publish('c1', routed)
    expect(heard).toHaveLength(before)
  })

  it('know which turns are under way, and how far', () => {
    const { live } = listening()
    live.publish('c1', progress('Hel'))
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
    for (const text of ['a', 'ab', 'abc']) live.publish('c1', progress(text))
    expect(live.replay('c1', turnId, 2)).toEqual([{ type: 'response.delta', turnId, delta: 3, text: 'c' }])
    live.publish('c1', completed('abc'))
    expect(live.replay('c1', turnId, 3)).toEqual([completed('abc')])
  })

  it('replay nothing of a turn they do not know, or of another conversation', () => {
    const { live } = listening()
    live.publish('c1', progress('a'))
    expect(live.replay('c1', 'unknown', 0)).toBeUndefined()
    expect(live.replay('c2', turnId, 0)).toBeUndefined()
  })

  it('tell a listener nothing once it has stopped, and nothing of other conversations', () => {
    const { live, heard, stop } = listening()
    live.publish('c2', { ...sent, turnId: 't2' })
    stop()
    live.publish('c1', sent)
    expect(heard).toEqual([])
  })
})
