import { describe, expect, test } from 'vitest'
import type { ServerFrame } from '../../../src/api/contracts/socket-frames.ts'
import { createThread, type Thread } from '../../../src/api/pages/chat-thread.js'

const accepted = (messageId: string, turnId: string): ServerFrame => ({
  type: 'message.accepted',
  messageId,
  turnId,
  position: '1',
})
const routed = (turnId: string): ServerFrame => ({
  type: 'intent.routed',
  turnId,
  intent: 'learning',
  agent: 'learning',
  method: 'model',
  confidence: 1,
})
const delta = (turnId: string, count: number, text: string): ServerFrame => ({
  type: 'response.delta',
  turnId,
  delta: count,
  text,
})
const completed = (turnId: string, text: string): ServerFrame => ({
  ...{
    type: 'response.completed',
    turnId,
    messageId: `answer-${turnId}`,
    text,
    agent: 'learning',
    finishReason: 'stop',
    position: '9',
  },
  ...{ model: { provider: 'offline', id: '1' }, usage: { inputTokens: 1, outputTokens: 1 } },
})
const row = (
  role: 'user' | 'assistant',
  messageId: string,
  turnId: string,
  text: string,
  parentMessageId: string | null = null,
) => ({
  ...{
    role,
    messageId,
    turnId,
    text,
    parentMessageId,
    status: role === 'user' ? 'sent' : 'completed',
    agent: null,
    intent: null,
  },
  ...{ model: null, rating: null, createdAt: '2026-01-01T00:00:00.000Z' },
})

const shown = (thread: Thread) => thread.items().map(({ role, text, status }) => `${role} ${status}: ${text}`)

function apply(thread: Thread, ...frames: ServerFrame[]): void {
  for (const frame of frames) thread.apply(frame)
}

describe('an answer that another model wrote than was to', () => {
  test('says who did, as soon as it is complete', () => {
    const thread = createThread()
    const model = { provider: 'offline', id: 'emberlog-knowledge-1' }
    const insteadOf = [{ provider: 'openai', id: 'gpt', code: 'model-overloaded' }]
    apply(thread, {
      ...{ type: 'response.completed', turnId: 't1', messageId: 'r1', text: 'So.', agent: 'learning' },
      ...{ model, insteadOf, finishReason: 'stop', usage: { inputTokens: 1, outputTokens: 1 }, position: '7' },
    } as ServerFrame)
    expect(thread.items()).toMatchObject([{ model, insteadOf }])
  })
})

describe('a message the person writes', () => {
  test('is shown at once, and once, through echo, acceptance, a second tab’s news and history', () => {
    const thread = createThread()
    thread.write({ messageId: 'm1', text: 'hi' })
    expect(shown(thread)).toEqual(['user queued: hi'])
    thread.markSending('m1')
    expect(shown(thread)).toEqual(['user sending: hi'])
    apply(
      thread,
      accepted('m1', 't1'),
      { type: 'message.sent', messageId: 'm1', turnId: 't1', text: 'hi' },
      accepted('m1', 't1'),
    )
    thread.load([row('user', 'm1', 't1', 'hi')])
    expect(shown(thread)).toEqual(['user sent: hi', 'assistant waiting: '])
  })

  test('that was refused says why, and can be taken back to be written anew', () => {
    const thread = createThread()
    thread.write({ messageId: 'm1', text: 'x' })
    thread.refuse('m1', 'The message is too long.')
    expect(thread.items()).toMatchObject([{ status: 'refused', reason: 'The message is too long.' }])
    thread.withdraw('m1')
    expect(thread.items()).toEqual([])
  })

  test('that is not in the history yet stays, after what is', () => {
    const thread = createThread()
    thread.write({ messageId: 'm2', text: 'second' })
    thread.load([row('user', 'm1', 't1', 'first'), row('assistant', 'a1', 't1', 'answer', 'm1')])
    expect(shown(thread)).toEqual(['user sent: first', 'assistant completed: answer', 'user queued: second'])
  })
})

describe('an answer', () => {
  test('grows delta by delta, each once, and ends with its final text', () => {
    const thread = createThread()
    thread.write({ messageId: 'm1', text: 'hi' })
    apply(
      thread,
      accepted('m1', 't1'),
      routed('t1'),
      delta('t1', 1, 'a'),
      delta('t1', 2, 'b'),
      delta('t1', 2, 'b'),
      delta('t1', 1, 'a'),
    )
    expect(shown(thread)).toEqual(['user sent: hi', 'assistant writing: ab'])
    expect(thread.openTurns()).toEqual([{ turnId: 't1', lastDelta: 2 }])
    apply(thread, completed('t1', 'ab!'), completed('t1', 'late'), delta('t1', 3, 'late'))
    expect(thread.items()[1]).toMatchObject({
      status: 'completed',
      text: 'ab!',
      messageId: 'answer-t1',
      agent: 'learning',
    })
    expect(thread.openTurns()).toEqual([])
  })

  test('is not begun in the middle: a delta whose predecessor is missing waits for the replay', () => {
    const thread = createThread()
    thread.load([row('user', 'm1', 't1', 'hi')])
    apply(thread, delta('t1', 5, 'e'))
    expect(thread.openTurns()).toEqual([{ turnId: 't1', lastDelta: 0 }])
    apply(thread, delta('t1', 1, 'a'), delta('t1', 2, 'b'))
    expect(shown(thread)).toEqual(['user sent: hi', 'assistant writing: ab'])
  })

  test('stands below its own question, whatever order things come in', () => {
    const thread = createThread()
    for (const id of ['m1', 'm2']) thread.write({ messageId: id, text: id })
    apply(thread, accepted('m1', 't1'), accepted('m2', 't2'), completed('t2', 'two'), completed('t1', 'one'))
    expect(shown(thread)).toEqual([
      'user sent: m1',
      'assistant completed: one',
      'user sent: m2',
      'assistant completed: two',
    ])
  })

  test('that is asked for once more stands beside the first', () => {
    const thread = createThread()
    thread.load([
      row('user', 'm1', 't1', 'q'),
      row('assistant', 'a1', 't1', 'one', 'm1'),
      row('user', 'm2', 't2', 'next'),
    ])
    apply(
      thread,
      { type: 'response.accepted', turnId: 't3', previousTurnId: 't1', position: '4' },
      delta('t3', 1, 'other'),
    )
    expect(shown(thread)).toEqual([
      'user sent: q',
      'assistant completed: one',
      'assistant writing: other',
      'user sent: next',
      'assistant waiting: ',
    ])
  })

  test('to a question that is not here asks for the history, and finds its place then', () => {
    const thread = createThread()
    expect(thread.apply(delta('t1', 1, 'a'))).toBe(true)
    thread.load([row('user', 'm1', 't1', 'q')])
    expect(shown(thread)).toEqual(['user sent: q', 'assistant writing: a'])
    expect(thread.apply(delta('t1', 2, 'b'))).toBe(false)
  })

  test('that failed or was stopped keeps what was written of it', () => {
    const thread = createThread()
    thread.load([row('user', 'm1', 't1', 'q'), row('user', 'm2', 't2', 'q')])
    apply(thread, {
      type: 'response.failed',
      turnId: 't1',
      code: 'model-failed',
      message: 'The assistant did not answer.',
      partialText: 'half',
      position: '3',
    })
    apply(thread, { type: 'response.stopped', turnId: 't2', partialText: 'some', position: '4' })
    expect(thread.items()).toMatchObject([
      {},
      { status: 'failed', text: 'half', reason: 'The assistant did not answer.' },
      {},
      { status: 'stopped', text: 'some' },
    ])
  })

  test('of a turn that nobody knows is no longer waited for', () => {
    const thread = createThread()
    thread.load([row('user', 'm1', 't1', 'q')])
    thread.forget('t1')
    expect(shown(thread)).toEqual(['user sent: q'])
  })
})
