import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CommandContext, createCommandHandler } from '../../src/commands/command-handler.ts'
import { conversationDecider, ownerOf } from '../../src/commands/conversation-decider.ts'
import { ageTransientStreams, createConversationGateway } from '../../src/commands/conversation-handler.ts'
import { createCodec, type RecordedEvent } from '../../src/events/codec.ts'
import { conversationIdOf, conversationStream, responseMessageIdOf, turnIdOf } from '../../src/events/stream-names.ts'
import { isRefusal } from '../../src/shared/failures.ts'
import type { EventStore } from '../../src/store/event-store.ts'
import * as the from '../support/examples.ts'
import { type RecordHarness, startRecord } from '../support/record-harness.ts'

let record: RecordHarness

beforeAll(async () => {
  record = await startRecord()
})
afterAll(() => record.stop())

const codec = createCodec()
const now = new Date('2026-11-23T19:00:00.000Z')

/** A handler with a memory of its own, as another process would have. */
function newHandler(store: Pick<EventStore, 'append' | 'readStream' | 'setStreamMaxAge'> = record.store) {
  const beforeFirstAppend = ageTransientStreams(store, 3_600)
  return createCommandHandler({
    store,
    codec,
    clock: () => now,
    decider: conversationDecider,
    personOf: ownerOf,
    beforeFirstAppend,
  })
}
const newGateway = (store?: EventStore) => createConversationGateway(newHandler(store))

const request = (ownerId: string, clientConversationId = 'ember-chat') => ({ ownerId, clientConversationId })
const message = (messageId: string, text = 'Hello') => ({ messageId, text, channel: 'rest' as const })
const newOwner = () => `owner-${randomUUID()}`

async function eventsOf(ownerId: string, clientConversationId = 'ember-chat'): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = []
  const stream = conversationStream(conversationIdOf(ownerId, clientConversationId))
  for await (const stored of record.store.readStream(stream)) events.push(await codec.decode(stored))
  return events
}

const typesOf = async (ownerId: string, clientConversationId?: string) =>
  (await eventsOf(ownerId, clientConversationId)).map(({ type }) => type)

describe('sending a message', () => {
  it('is recorded with who, when and why, before anything else happens to it', async () => {
    const owner = newOwner()
    const outcome = await newGateway().sendMessage(request(owner), message('m1', 'What is RAG in AI?'))
    const [started, sent] = await eventsOf(owner)
    const turnId = turnIdOf(conversationIdOf(owner, 'ember-chat'), 'm1')
    expect(started).toMatchObject({
      type: 'ConversationStarted',
      data: { ownerId: owner, kind: 'ember_chat', retention: 'kept' },
    })
    expect(sent).toMatchObject({ type: 'MessageSent', data: { text: 'What is RAG in AI?', turnId } })
    expect(sent?.envelope).toEqual({
      schemaVersion: 1,
      occurredAt: now.toISOString(),
      actor: { kind: 'user', id: owner },
      $correlationId: turnId,
      $causationId: 'message:m1',
      commandId: 'message:m1',
    })
    expect(outcome).toMatchObject({ kind: 'accepted', turnId, position: sent?.position, isRepeat: false })
  })

  it('many times at once, from two processes, is one turn with one answer', async () => {
    const owner = newOwner()
    const gateways = [newGateway(), newGateway(record.another())]
    const sends = Array.from({ length: 50 }, (_, index) =>
      (gateways[index % 2] ?? newGateway()).sendMessage(request(owner), message('m1')),
    )
    const outcomes = await Promise.all(sends)
    const answers = outcomes.map((outcome) =>
      isRefusal(outcome) ? outcome.code : `${outcome.turnId} ${outcome.position}`,
    )
    expect(new Set(answers).size).toBe(1)
    expect(await typesOf(owner)).toEqual(['ConversationStarted', 'MessageSent'])
  })

  it('from two processes at once keeps every message, in one order', async () => {
    const owner = newOwner()
    const gateways = [newGateway(), newGateway(record.another())]
    const ids = Array.from({ length: 10 }, (_, index) => `m${index}`)
    const outcomes = await Promise.all(
      ids.map((id, index) => (gateways[index % 2] ?? newGateway()).sendMessage(request(owner), message(id))),
    )
    expect(outcomes.filter(isRefusal)).toEqual([])
    const sent = (await eventsOf(owner)).filter(({ type }) => type === 'MessageSent')
    expect(sent.map(({ data }) => (data as { messageId: string }).messageId).sort()).toEqual(ids)
  })

  it('again after an answer was lost on the way gives the first answer', async () => {
    const owner = newOwner()
    // The append takes effect, but its answer does not come back.
    const losesAnswers: EventStore = {
      ...record.store,
      append: async (...args) => {
        await record.store.append(...args)
        throw new Error('connection lost')
      },
    }
    await expect(newGateway(losesAnswers).sendMessage(request(owner), message('m1'))).rejects.toThrow('connection lost')
    const outcome = await newGateway().sendMessage(request(owner), message('m1'))
    const sent = (await eventsOf(owner)).at(-1)
    expect(outcome).toMatchObject({ kind: 'accepted', position: sent?.position, isRepeat: true })
    expect(await typesOf(owner)).toEqual(['ConversationStarted', 'MessageSent'])
  })

  it('under the same id, by two people, is two conversations', async () => {
    const [ada, bob] = [newOwner(), newOwner()]
    const gateway = newGateway()
    const outcomes = await Promise.all([
      gateway.sendMessage(request(ada), message('m1', 'from Ada')),
      gateway.sendMessage(request(bob), message('m1', 'from Bob')),
    ])
    expect(outcomes.map((outcome) => (isRefusal(outcome) ? '' : outcome.conversationId))).toEqual([
      conversationIdOf(ada, 'ember-chat'),
      conversationIdOf(bob, 'ember-chat'),
    ])
    expect((await eventsOf(ada)).at(-1)?.data).toMatchObject({ text: 'from Ada' })
    expect((await eventsOf(bob)).at(-1)?.data).toMatchObject({ text: 'from Bob' })
  })

  it('keeps the text exactly', async () => {
    const owner = newOwner()
    const text = '  🔥👩‍👩‍👧 שלום 漢字 <script>alert(1)</script>\u0001\r\n\t'
    await newGateway().sendMessage(request(owner), message('m1', text))
    expect((await eventsOf(owner)).at(-1)?.data).toMatchObject({ text })
  })

  it.each([
    ['an empty text', 'c', 'm1', '', 'text-blank'],
    ['a blank text', 'c', 'm1', ' \u00a0\u200d\n', 'text-blank'],
    ['a text over its limit', 'c', 'm1', 'x'.repeat(20_001), 'text-too-long'],
    ['a NUL character', 'c', 'm1', 'a\0', 'text-not-storable'],
    ['half of a surrogate pair', 'c', 'm1', '\udc00', 'text-not-storable'],
    ['a message id with a space', 'c', 'm 1', 'Hello', 'message-id-invalid'],
    ['an endless message id', 'c', 'm'.repeat(129), 'Hello', 'message-id-invalid'],
    ['an empty conversation id', '', 'm1', 'Hello', 'conversation-id-invalid'],
    ['a conversation id with a slash', 'a/b', 'm1', 'Hello', 'conversation-id-invalid'],
  ])('with %s is refused and leaves nothing', async (_what, conversation, messageId, text, code) => {
    const owner = newOwner()
    const outcome = await newGateway().sendMessage(request(owner, conversation), message(messageId, text))
    expect(outcome).toMatchObject({ kind: 'refusal', code })
    expect(await typesOf(owner, conversation)).toEqual([])
  })
})

describe('a conversation of a kind that is not kept', () => {
  it('ages out of the record: its stream has a maximum age before it has an event', async () => {
    const owner = newOwner()
    const steps: string[] = []
    const watched: EventStore = {
      ...record.store,
      setStreamMaxAge: async (stream, maxAgeS) => {
        steps.push(`max age ${maxAgeS}`)
        await record.store.setStreamMaxAge(stream, maxAgeS)
      },
      append: async (...args) => {
        steps.push('append')
        return await record.store.append(...args)
      },
    }
    await newGateway(watched).sendMessage(request(owner, 'project-7'), message('m1'))
    expect(steps).toEqual(['max age 3600', 'append'])
    expect((await eventsOf(owner, 'project-7'))[0]?.data).toMatchObject({ kind: 'project', retention: 'transient' })
  })
})

describe('a conversation’s kind', () => {
  it.each([
    ['ember-chat-7', 'ember_chat', 'Ember Chat'],
    ['ava-chat-7', 'ember_chat', 'Ember Chat'],
    ['ember-learn-7', 'ember_learn', 'Ember Learn Chat'],
    ['ember-explore-7', 'ember_explore', 'Ember Explore Chat'],
    ['learn-prompting-7', 'learning_path', 'Learning Path Chat'],
    ['avatar-1735200000000', 'avatar', 'Avatar Generation'],
    ['1735200000000', 'image', 'Image Generation'],
    ['0b9f4f9e-8a39-4d7a-9f6e-1d8f6c1c2f60', 'ember_chat', undefined],
    ['ember-chatter', 'ember_chat', undefined],
  ])('of the id %s is %s', async (clientConversationId, kind, title) => {
    const owner = newOwner()
    const outcome = await newGateway().start(request(owner, clientConversationId), {})
    expect(outcome).toMatchObject({ kind: 'accepted', isNew: true })
    const data = (await eventsOf(owner, clientConversationId))[0]?.data as { kind: string; title?: string }
    expect(data).toMatchObject({ kind })
    expect(data.title).toBe(title)
  })

  it('is what its client says, when it says one', async () => {
    const owner = newOwner()
    await newGateway().start(request(owner, 'anything'), { kind: 'learning_path', title: 'Prompting' })
    expect((await eventsOf(owner, 'anything'))[0]?.data).toMatchObject({ kind: 'learning_path', title: 'Prompting' })
  })
})

describe('starting, renaming, deleting', () => {
  it('answers with a position each time, and with what had been when nothing is new', async () => {
    const owner = newOwner()
    const gateway = newGateway()
    const positions: bigint[] = []
    for (const wish of [
      () => gateway.start(request(owner), {}),
      () => gateway.start(request(owner), {}),
      () => gateway.rename(request(owner), { title: 'New name' }),
      () => gateway.archive(request(owner)),
      () => gateway.unarchive(request(owner)),
      () => gateway.delete(request(owner)),
      () => gateway.delete(request(owner)),
      () => gateway.restore(request(owner)),
    ]) {
      const outcome = await wish()
      if (!isRefusal(outcome)) positions.push(outcome.position)
    }
    expect(positions).toHaveLength(8)
    expect(positions.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(positions)
    expect(new Set(positions).size).toBe(6)
    expect(await typesOf(owner)).toEqual([
      'ConversationStarted',
      'ConversationRenamed',
      'ConversationArchived',
      'ConversationUnarchived',
      'ConversationDeleted',
      'ConversationRestored',
    ])
  })
})

describe('a turn', () => {
  it('is asked once more under an id of its own, once its answer stands', async () => {
    const owner = newOwner()
    const handler = newHandler()
    const gateway = createConversationGateway(handler)
    const first = await gateway.sendMessage(request(owner), message('m1'))
    if (isRefusal(first)) throw new Error(first.code)
    expect(await gateway.regenerate(request(owner), { turnId: first.turnId })).toMatchObject({
      code: 'turn-in-progress',
    })
    const { data } = the.completed() as Extract<ReturnType<typeof the.completed>, { type: 'ResponseCompleted' }>
    const context: CommandContext = {
      commandId: randomUUID(),
      actor: { kind: 'agent', id: 'responder' },
      correlationId: first.turnId,
      causationId: 'x',
    }
    const stream = conversationStream(first.conversationId)
    const answer = {
      ...data,
      turnId: first.turnId,
      messageId: responseMessageIdOf(first.turnId),
      parentMessageId: 'm1',
    }
    await handler.handle(stream, { type: 'CompleteResponse', data: answer }, context)
    const again = await gateway.regenerate(request(owner), { turnId: first.turnId })
    expect(again).toMatchObject({ kind: 'accepted' })
    expect((await eventsOf(owner)).at(-1)).toMatchObject({ type: 'ResponseRequested', data: { parentMessageId: 'm1' } })
  })

  it.each([
    ['stopped', (owner: string) => newGateway().stop(request(owner), { turnId: randomUUID() }), 'turn-unknown'],
    [
      'asked once more',
      (owner: string) => newGateway().regenerate(request(owner), { turnId: randomUUID() }),
      'turn-unknown',
    ],
    [
      'corrected',
      (owner: string) => newGateway().correctIntent(request(owner), { turnId: randomUUID(), intent: 'learning' }),
      'turn-unknown',
    ],
    [
      'corrected to nonsense',
      (owner: string) => newGateway().correctIntent(request(owner), { turnId: 'x', intent: 'juggling' }),
      'intent-unknown',
    ],
    [
      'rated',
      (owner: string) => newGateway().rate(request(owner), { messageId: 'x', rating: 'up' }),
      'message-unknown',
    ],
  ])('that is not there cannot be %s', async (_what, wish, code) => {
    expect(await wish(newOwner())).toMatchObject({ kind: 'refusal', code })
  })
})
