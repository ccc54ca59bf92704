import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createCodec, type RecordedEvent } from '../../src/events/codec.ts'
import type { LiveFact } from '../../src/events/live-facts.ts'
import { conversationIdOf, conversationStream } from '../../src/events/stream-names.ts'
import { isRefusal } from '../../src/shared/failures.ts'
import { type RecordHarness, startRecord } from '../support/record-harness.ts'
import {
  type AnsweringNode,
  finish,
  type NodeOptions,
  type Script,
  startAnsweringNode,
  textOfDeltas,
} from './support/answering-node.ts'

let record: RecordHarness
const nodes: AnsweringNode[] = []
beforeAll(async () => {
  record = await startRecord()
})
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()))
})
afterAll(() => record.stop())

async function start(options: NodeOptions): Promise<AnsweringNode> {
  const node = await startAnsweringNode(record, options)
  nodes.push(node)
  return node
}

const viewer: NodeOptions = {
  isResponder: false,
  // biome-ignore lint/correctness/useYield: nobody asks it
  async *script() {
    throw new Error('a node that answers nothing was asked')
  },
}

/** A model that writes as far as it is told to, and notices when it is ended. */
function led(words: readonly string[], onAbort: () => void = () => {}) {
  const steps = words.map(() => Promise.withResolvers<void>())
  const script: Script = async function* (_request, signal) {
    for (const [index, word] of words.entries()) {
      await Promise.race([
        steps[index]?.promise,
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => {
            onAbort()
            reject(signal.reason)
          }),
        ),
      ])
      yield { type: 'text', text: word }
      // Words that come in one go would be one delta.
      await new Promise((resolve) => setImmediate(resolve))
    }
    yield finish
  }
  return {
    script,
    upTo(count: number) {
      for (const step of steps.slice(0, count)) step.resolve()
    },
  }
}

/** Writes the same words at once. */
function fluent(words: readonly string[]): Script {
  return async function* () {
    for (const text of words) yield { type: 'text', text }
    yield finish
  }
}

const newChat = () => {
  const request = { ownerId: `owner-${randomUUID()}`, clientConversationId: 'chat' }
  return { request, conversationId: conversationIdOf(request.ownerId, 'chat') }
}

type Chat = ReturnType<typeof newChat>

async function send(node: AnsweringNode, { request }: Chat, text = 'Tell me') {
  const outcome = await node.gateway.sendMessage(request, { messageId: randomUUID(), text, channel: 'rest' })
  if (isRefusal(outcome)) throw new Error(outcome.code)
  return outcome.turnId
}

async function eventsOf({ conversationId }: Chat): Promise<RecordedEvent[]> {
  const codec = createCodec()
  const events: RecordedEvent[] = []
  for await (const stored of record.store.readStream(conversationStream(conversationId)))
    events.push(await codec.decode(stored))
  return events
}

const endings = async (chat: Chat) =>
  (await eventsOf(chat)).filter(({ type }) => /^Response(Completed|Failed|Stopped)$/.test(type))
const deltas = (heard: readonly LiveFact[]) => heard.filter(({ type }) => type === 'response.delta')
const kinds = (heard: readonly LiveFact[]) => heard.map(({ type }) => type)

describe('an answer that another node writes', () => {
  it.each([true, false])('is seen with the same deltas and one end (reproducible: %s)', async (isReproducible) => {
    const model = led(['one ', 'two ', 'three ', 'four'])
    const a = await start({ script: model.script, isReproducible })
    const b = await start(viewer)
    const chat = newChat()
    const [here, there] = [await a.hear(chat.conversationId), await b.hear(chat.conversationId)]
    await send(a, chat)
    for (const count of [1, 2, 3, 4]) {
      model.upTo(count)
      await expect.poll(() => deltas(there.heard)).toHaveLength(Math.min(count, 3))
      if (count === 3) break
    }
    model.upTo(4)
    await expect.poll(() => there.heard.at(-1)?.type).toBe('response.completed')
    await expect.poll(() => here.heard.at(-1)?.type).toBe('response.completed')
    expect(there.heard).toEqual(here.heard)
    expect(kinds(there.heard)).toEqual([
      'message.sent',
      'intent.routed',
      ...Array.from({ length: 4 }, () => 'response.delta'),
      'response.completed',
    ])
  })

  it('is found under way, as far as it has come, by who comes later; nothing is missing and nothing comes twice', async () => {
    const model = led(['one ', 'two ', 'three ', 'four'])
    const a = await start({ script: model.script, isReproducible: true })
    const chat = newChat()
    const here = await a.hear(chat.conversationId)
    const turnId = await send(a, chat)
    model.upTo(2)
    await expect.poll(() => deltas(here.heard)).toHaveLength(2)
    await expect.poll(async () => (await a.drafts.read(chat.conversationId, turnId)).deltas.length).toBe(2)

    const b = await start(viewer)
    const there = await b.hear(chat.conversationId)
    expect(b.live.inFlight(chat.conversationId)).toEqual([{ turnId, lastDelta: 2 }])
    expect(b.live.replay(chat.conversationId, turnId, 1)).toEqual(deltas(here.heard).slice(1))
    model.upTo(4)
    await expect.poll(() => there.heard.at(-1)?.type).toBe('response.completed')
    expect(there.heard).toEqual(here.heard.slice(-3))
    expect(b.live.replay(chat.conversationId, turnId, 0)).toEqual(here.heard.slice(-5))
  })

  it('can be replayed after its end by a node that never heard of it', async () => {
    const model = led(['one ', 'two ', 'three'])
    const a = await start({ script: model.script, isReproducible: true })
    const chat = newChat()
    const here = await a.hear(chat.conversationId)
    const turnId = await send(a, chat)
    for (const count of [1, 2, 3]) {
      model.upTo(count)
      await expect.poll(() => deltas(here.heard)).toHaveLength(count)
    }
    await expect.poll(() => here.heard.at(-1)?.type).toBe('response.completed')

    const b = await start(viewer)
    expect(b.live.replay(chat.conversationId, turnId, 0)).toBeUndefined()
    await b.feed.recall(chat.conversationId, turnId)
    expect(b.live.replay(chat.conversationId, turnId, 1)).toEqual(here.heard.slice(-3))
    await b.feed.recall(chat.conversationId, randomUUID())
    await b.feed.recall(conversationIdOf('somebody-else', 'chat'), turnId)
    expect(b.live.replay(conversationIdOf('somebody-else', 'chat'), turnId, 0)).toBeUndefined()
  })

  it('is followed again by who left and came back', async () => {
    const model = led(['one ', 'two ', 'three'])
    const a = await start({ script: model.script })
    const b = await start(viewer)
    const chat = newChat()
    const first = await b.hear(chat.conversationId)
    const turnId = await send(a, chat)
    model.upTo(1)
    await expect.poll(() => deltas(first.heard)).toHaveLength(1)
    first.leave()
    model.upTo(2)
    await expect.poll(async () => (await a.drafts.read(chat.conversationId, turnId)).deltas.length).toBe(2)
    const second = await b.hear(chat.conversationId)
    expect(b.live.inFlight(chat.conversationId)).toEqual([{ turnId, lastDelta: 2 }])
    model.upTo(3)
    await expect.poll(() => second.heard.at(-1)?.type).toBe('response.completed')
    expect(kinds(second.heard)).toEqual(['response.delta', 'response.completed'])
  })
})

describe('an answer whose node is gone', () => {
  it('is written to its end where that gives the same words: an exact continuation', async () => {
    const words = ['one ', 'two ', 'three ', 'four']
    const model = led(words)
    const a = await start({ script: model.script, isReproducible: true })
    const b = await start(viewer)
    const chat = newChat()
    const there = await b.hear(chat.conversationId)
    await send(a, chat)
    model.upTo(2)
    await expect.poll(() => deltas(there.heard)).toHaveLength(2)
    await a.stop()
    nodes.splice(nodes.indexOf(a), 1)
    await start({ script: fluent(words), isReproducible: true })
    await expect.poll(() => there.heard.at(-1)?.type, { timeout: 10_000 }).toBe('response.completed')
    expect(deltas(there.heard)).toMatchObject([{ text: 'one ' }, { text: 'two ' }, { delta: 3, text: 'three four' }])
    expect(textOfDeltas(there.heard)).toBe('one two three four')
    expect(await endings(chat)).toMatchObject([{ type: 'ResponseCompleted', data: { text: 'one two three four' } }])
  })

  it.each<[string, Partial<NodeOptions>, string[]]>([
    ['another model would write it', {}, ['something ', 'else']],
    ['this version writes it differently', { isReproducible: true }, ['one ', 'or ', 'more']],
    ['this version writes less', { isReproducible: true }, ['one ']],
    [
      'the configuration says so',
      { isReproducible: true, settings: { interruptedTurns: 'end-as-failed' } },
      ['one ', 'two ', 'three'],
    ],
  ])('ends with what people have seen of it when %s', async (_why, options, words) => {
    const model = led(['one ', 'two ', 'three'])
    const a = await start({ script: model.script, ...options })
    const chat = newChat()
    const here = await a.hear(chat.conversationId)
    const turnId = await send(a, chat)
    model.upTo(2)
    await expect.poll(() => deltas(here.heard)).toHaveLength(2)
    await a.stop()
    nodes.splice(nodes.indexOf(a), 1)
    await start({ script: fluent(words), ...options })
    await expect
      .poll(() => endings(chat), { timeout: 10_000 })
      .toMatchObject([
        { type: 'ResponseFailed', data: { turnId, code: 'interrupted', partialText: 'one two ', retryable: true } },
      ])
  })

  it('is answered like any other when nobody has seen a word of it', async () => {
    const model = led(['one'])
    const a = await start({ script: model.script, settings: { interruptedTurns: 'end-as-failed' } })
    const chat = newChat()
    const here = await a.hear(chat.conversationId)
    await send(a, chat)
    await expect.poll(() => kinds(here.heard)).toContain('intent.routed')
    await a.stop()
    nodes.splice(nodes.indexOf(a), 1)
    await start({ script: fluent(['something else']), settings: { interruptedTurns: 'end-as-failed' } })
    await expect
      .poll(() => endings(chat))
      .toMatchObject([{ type: 'ResponseCompleted', data: { text: 'something else' } }])
  })
})

describe('a stop', () => {
  it('reaches the node that writes, ends the model there at once, and keeps every word that was seen', async () => {
    let abortedAtMs = 0
    const model = led(['one ', 'two ', 'three'], () => {
      abortedAtMs = performance.now()
    })
    const a = await start({ script: model.script, isReproducible: true, settings: { draftIntervalMs: 10_000 } })
    const b = await start(viewer)
    const chat = newChat()
    const [here, there] = [await a.hear(chat.conversationId), await b.hear(chat.conversationId)]
    const turnId = await send(a, chat)
    model.upTo(2)
    await expect.poll(() => textOfDeltas(here.heard)).toBe('one two ')
    const askedAtMs = performance.now()
    expect(await b.gateway.stop(chat.request, { turnId })).toMatchObject({ kind: 'accepted' })
    await expect.poll(() => there.heard.at(-1)?.type).toBe('response.stopped')
    await expect.poll(() => here.heard.at(-1)?.type).toBe('response.stopped')
    expect(abortedAtMs - askedAtMs).toBeLessThan(250)
    expect(await endings(chat)).toMatchObject([
      { type: 'ResponseStopped', data: { turnId, partialText: 'one two ', by: chat.request.ownerId } },
    ])
    expect(textOfDeltas(there.heard)).toBe('one two ')
  })

  it('ends an answer that nobody writes any more with its draft', async () => {
    const model = led(['one ', 'two ', 'three'])
    const a = await start({ script: model.script })
    const b = await start(viewer)
    const chat = newChat()
    const there = await b.hear(chat.conversationId)
    const turnId = await send(a, chat)
    model.upTo(2)
    await expect.poll(() => textOfDeltas(there.heard)).toBe('one two ')
    await a.stop()
    nodes.splice(nodes.indexOf(a), 1)
    await b.gateway.stop(chat.request, { turnId })
    expect(await endings(chat)).toMatchObject([{ type: 'ResponseStopped', data: { turnId, partialText: 'one two ' } }])
  })

  it('of a turn that waits for its answer ends it at once; of one that has ended it changes nothing', async () => {
    const model = led(['one ', 'two'])
    const a = await start({ script: model.script })
    const b = await start(viewer)
    const chat = newChat()
    const first = await send(a, chat)
    const second = await send(a, chat)
    await b.gateway.stop(chat.request, { turnId: second })
    model.upTo(2)
    await expect.poll(() => endings(chat)).toHaveLength(2)
    await b.gateway.stop(chat.request, { turnId: first })
    await b.gateway.stop(chat.request, { turnId: second })
    expect(await endings(chat)).toMatchObject([
      { type: 'ResponseStopped', data: { turnId: second, partialText: '' } },
      { type: 'ResponseCompleted', data: { turnId: first } },
    ])
  })

  it('of an older turn does not touch the one that is being written', async () => {
    const model = led(['one '])
    const a = await start({ script: fluent(['done']) })
    const chat = newChat()
    const old = await send(a, chat)
    await expect.poll(() => endings(chat)).toHaveLength(1)
    await a.stop()
    nodes.splice(nodes.indexOf(a), 1)
    const b = await start({ script: model.script })
    const turnId = await send(b, chat)
    const here = await b.hear(chat.conversationId)
    await expect.poll(() => b.responder.isWriting(turnId)).toBe(true)
    expect(await b.gateway.stop(chat.request, { turnId: old })).toMatchObject({ kind: 'accepted' })
    model.upTo(1)
    await expect.poll(() => here.heard.at(-1)?.type).toBe('response.completed')
    expect((await endings(chat)).map(({ type }) => type)).toEqual(['ResponseCompleted', 'ResponseCompleted'])
  })

  it('is not held up by a model that does not listen', async () => {
    const deaf: Script = async function* () {
      yield { type: 'text', text: 'Well ' }
      await new Promise(() => {})
    }
    const a = await start({ script: deaf })
    const chat = newChat()
    const here = await a.hear(chat.conversationId)
    const turnId = await send(a, chat)
    await expect.poll(() => textOfDeltas(here.heard)).toBe('Well ')
    const askedAtMs = performance.now()
    await a.gateway.stop(chat.request, { turnId })
    expect(performance.now() - askedAtMs).toBeLessThan(250)
    expect(await endings(chat)).toMatchObject([{ type: 'ResponseStopped', data: { partialText: 'Well ' } }])
  })
})

describe('a node that is to stop', () => {
  it('lets answers come to their end within its drain, and takes nothing new', async () => {
    const model = led(['one ', 'two'])
    const a = await start({ script: model.script, settings: { drainMs: 20_000 } })
    const [chat, later] = [newChat(), newChat()]
    const here = await a.hear(chat.conversationId)
    const first = await send(a, chat)
    await expect.poll(() => a.responder.isWriting(first)).toBe(true)
    model.upTo(1)
    await expect.poll(() => deltas(here.heard)).toHaveLength(1)
    const stopped = a.stop()
    nodes.splice(nodes.indexOf(a), 1)
    const second = await send(a, later)
    model.upTo(2)
    await stopped
    expect(await endings(chat)).toMatchObject([{ type: 'ResponseCompleted', data: { text: 'one two' } }])
    expect(await endings(later)).toEqual([])
    await start({ script: fluent(['hello']) })
    await expect.poll(() => endings(later)).toMatchObject([{ type: 'ResponseCompleted', data: { turnId: second } }])
  })
})
