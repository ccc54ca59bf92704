import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { DataOf } from '../../src/events/conversation-events.ts'
import { conversationIdOf, conversationStream, responseMessageIdOf, turnIdOf } from '../../src/events/stream-names.ts'
import { createConversationQueries } from '../../src/projections/conversation-queries.ts'
import type { Database } from '../../src/projections/database.ts'
import type { ConversationQueries } from '../../src/projections/query-types.ts'
import { isFault } from '../../src/shared/failures.ts'
import { toPosition } from '../../src/shared/ids.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import {
  AGAIN_TURN_ID,
  answerOf,
  archived,
  completed,
  conversationId,
  deleted,
  failed,
  ownerId,
  renamed,
  requested,
  restored,
  routed,
  sent,
  started,
  stream,
  turnOf,
} from '../support/examples.ts'
import { conversation } from './support/conversations.ts'
import { emptyReadModels, handleBatches } from './support/projection.ts'
import { positionOf, TestRecord } from './support/record.ts'
import { startTestPostgres, type TestPostgres } from './support/test-postgres.ts'

let postgres: TestPostgres
let database: Database
let queries: ConversationQueries

beforeAll(async () => {
  postgres = await startTestPostgres()
  database = await postgres.open()
  queries = createConversationQueries({ database, logger: silentLogger })
})
afterAll(() => postgres.stop())
beforeEach(() => emptyReadModels(database))

/** For what depends on positions, which the emptied read models take back. */
async function openAnew(): Promise<void> {
  database = await postgres.open()
  queries = createConversationQueries({ database, logger: silentLogger })
}

async function given(...streams: readonly (readonly [Parameters<TestRecord['append']>[0], string?])[]) {
  const record = new TestRecord()
  for (const [events, name] of streams) record.append(events, name)
  await handleBatches(database, [record.events])
  return record
}

const isCursorInvalid = (error: unknown) => isFault(error, 'cursor-invalid')

describe('the list of conversations', () => {
  test('shows those of one person, newest first, without deleted ones', async () => {
    const [a, b, c, foreign] = ['a', 'b', 'c', 'd'].map((name) => conversation(name === 'd' ? 'bob' : ownerId, name, 1))
    await given(
      [a!.events, a!.stream],
      [b!.events, b!.stream],
      [c!.events, c!.stream],
      [foreign!.events, foreign!.stream],
      [[deleted()], b!.stream],
      [[sent('m9', { turnId: turnIdOf(a!.id, 'm9') })], a!.stream],
    )
    const page = await queries.list({ ownerId, limit: 10 })
    expect(page.results.map((row) => row.clientConversationId)).toEqual(['a', 'c'])
    expect(page).toMatchObject({ count: 2, next: null })
    expect(page.results[0]).toMatchObject({ title: 'What is RAG? (1)', messageCount: 3, isArchived: false })
  })

  test('comes in pages without duplicates or gaps while new conversations arrive', async () => {
    const all = Array.from({ length: 7 }, (_, index) => conversation(ownerId, `c${index}`, 1))
    const record = await given(...all.map(({ events, stream: name }) => [events, name] as const))
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await queries.list({ ownerId, limit: 2, ...(cursor !== undefined && { cursor }) })
      seen.push(...page.results.map((row) => row.clientConversationId))
      cursor = page.next ?? undefined
      const fresh = conversation(ownerId, `new${seen.length}`, 1)
      const before = record.events.length
      record.append(fresh.events, fresh.stream)
      await handleBatches(database, [record.events.slice(before)])
    } while (cursor !== undefined)
    expect(seen).toEqual(['c6', 'c5', 'c4', 'c3', 'c2', 'c1', 'c0'])
  })

  test('tells conversations of the same moment apart', async () => {
    const record = new TestRecord()
    const names = ['a', 'b', 'c', 'd', 'e']
    for (const name of names) {
      const { events, stream: streamName } = conversation(ownerId, name, 0)
      record.append(events, streamName)
    }
    const same = record.events.map((event) => ({
      ...event,
      metadata: { ...(event.metadata as object), occurredAt: '2026-11-23T19:00:00.000Z' },
    }))
    await handleBatches(database, [same])
    const first = await queries.list({ ownerId, limit: 3 })
    const second = await queries.list({ ownerId, limit: 3, cursor: first.next as string })
    const seen = [...first.results, ...second.results].map((row) => row.clientConversationId)
    expect(seen.sort()).toEqual(names)
    expect(second.next).toBeNull()
  })

  test('can be narrowed to a kind and to what is archived', async () => {
    const learn = started({
      kind: 'ember_learn',
      conversationId: conversationIdOf(ownerId, 'l'),
      clientConversationId: 'l',
    })
    const put = conversation(ownerId, 'put-away', 1)
    await given(
      [[started()]],
      [[learn], conversationStream(conversationIdOf(ownerId, 'l'))],
      [[...put.events, archived()], put.stream],
    )
    const ids = async (options: object) =>
      (await queries.list({ ownerId, limit: 9, ...options })).results.map((row) => row.clientConversationId)
    expect(await ids({ kind: 'ember_learn' })).toEqual(['l'])
    expect(await ids({ isArchived: true })).toEqual(['put-away'])
    expect(await ids({ isArchived: false })).toEqual(['l', 'ember-chat-ada'])
    expect(await ids({})).toHaveLength(3)
  })

  test('finds words in titles and messages, taken literally', async () => {
    const other = conversation(ownerId, 'other', 1, '100% _sure_')
    await given([[started(), sent(), renamed('Über Vektoren')]], [other.events, other.stream])
    const found = async (q: string) =>
      (await queries.list({ ownerId, limit: 9, q })).results.map((row) => row.clientConversationId)
    expect(await found('vektoren RAG')).toEqual(['ember-chat-ada'])
    expect(await found('100%')).toEqual(['other'])
    expect(await found('vekt')).toEqual(['ember-chat-ada'])
    expect(await found('%_%')).toHaveLength(2)
    expect(await found('nothing \\')).toEqual([])
    expect(await found("'; drop table chat; \0 --")).toEqual([])
  })

  test('refuses a cursor that it did not make', async () => {
    for (const cursor of [
      '',
      'x',
      'bnVsbA',
      Buffer.from('{"at":"now","id":"1"}').toString('base64url'),
      'a'.repeat(9_999),
    ]) {
      await expect(queries.list({ ownerId, limit: 5, cursor })).rejects.toSatisfy(isCursorInvalid)
      await expect(queries.messages({ conversationId, limit: 5, cursor })).rejects.toSatisfy(isCursorInvalid)
    }
  })
})

describe('one conversation', () => {
  test('is found, and not when it is deleted', async () => {
    await given([[started(), sent()]])
    expect(await queries.get(conversationId)).toMatchObject({ clientConversationId: 'ember-chat-ada', messageCount: 1 })
    await emptyReadModels(database)
    await given([[started(), deleted()]])
    expect(await queries.get(conversationId)).toBeUndefined()
    expect(await queries.get(conversationId, { includeDeleted: true })).toMatchObject({ isArchived: false })
    await emptyReadModels(database)
    await given([[started(), deleted(), restored()]])
    expect(await queries.get(conversationId)).toBeDefined()
  })
})

describe('the messages of a conversation', () => {
  test('come in the order of the record, page by page', async () => {
    const many = conversation(ownerId, 'many', 7)
    await given([many.events, many.stream])
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await queries.messages({ conversationId: many.id, limit: 4, ...(cursor && { cursor }) })
      seen.push(
        ...page.results.map((row) => (row.role === 'user' ? row.messageId : `answer to ${row.parentMessageId}`)),
      )
      cursor = page.next ?? undefined
    } while (cursor !== undefined)
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7].flatMap((index) => [`m${index}`, `answer to m${index}`]))
  })

  test('carry agent, intent and model of the answer, and neither of the question', async () => {
    await given([[started(), sent(), routed(), completed(), sent('m2'), routed('m2'), failed('m2')]])
    const { results } = await queries.messages({ conversationId, limit: 9 })
    expect(results).toMatchObject([
      { messageId: 'm1', role: 'user', agent: null, intent: null, model: null, status: 'sent' },
      {
        messageId: answerOf('m1'),
        agent: 'learning',
        intent: 'learning',
        model: { provider: 'offline', id: 'emberlog-knowledge-1' },
        status: 'completed',
      },
      { messageId: 'm2' },
      { messageId: answerOf('m2'), agent: 'learning', model: null, status: 'failed', text: 'Retrieval-' },
    ])
    expect(results[0]).not.toHaveProperty('position')
  })

  test('can be narrowed to a branch, over an answer that is still being written', async () => {
    await given([
      [
        started(),
        sent('m1'),
        completed('m1'),
        sent('m2', { parentMessageId: answerOf('m1') }),
        sent('other', { parentMessageId: answerOf('m1') }),
        sent('m3', { parentMessageId: answerOf('m2') }),
      ],
    ])
    const branch = async (messageId: string) =>
      (await queries.messages({ conversationId, limit: 9, branch: messageId })).results.map((row) => row.messageId)
    expect(await branch('m3')).toEqual(['m1', answerOf('m1'), 'm2', 'm3'])
    expect(await branch('other')).toEqual(['m1', answerOf('m1'), 'other'])
    expect(await branch(answerOf('m2'))).toEqual(['m1', answerOf('m1'), 'm2'])
    expect(await branch('nobody')).toEqual([])
    expect(await branch('\0')).toEqual([])
  })
})

describe('one turn', () => {
  test('is open until it has ended', async () => {
    await given([[started(), sent(), routed(), completed(), requested()]])
    expect(await queries.turn(conversationId, turnOf('m1'))).toEqual({
      turnId: turnOf('m1'),
      messageId: 'm1',
      status: 'completed',
      responseMessageId: answerOf('m1'),
      text: 'Retrieval-augmented generation lets a model look things up before it answers.',
      agent: 'learning',
      model: { provider: 'offline', id: 'emberlog-knowledge-1' },
      insteadOf: null,
      finishReason: 'stop',
      failureCode: null,
      usage: { inputTokens: 5, outputTokens: 18 },
      endedPosition: positionOf(3),
    })
    expect(await queries.turn(conversationId, AGAIN_TURN_ID)).toMatchObject({
      status: 'open',
      text: '',
      messageId: 'm1',
      responseMessageId: responseMessageIdOf(AGAIN_TURN_ID),
      endedPosition: null,
      usage: null,
    })
    expect(await queries.turn(conversationId, conversationId)).toBeUndefined()
    expect(await queries.turn(conversationId, 'no uuid')).toBeUndefined()
  })

  test('has a routing decision when it was routed', async () => {
    await given([[started(), sent(), routed(), sent('m2')]])
    const { rules: _rules, context: _context, ...shown } = routed().data as DataOf<'IntentRouted'>
    expect(await queries.routing(conversationId, turnOf('m1'))).toEqual(shown)
    expect(await queries.routing(conversationId, turnOf('m2'))).toBeUndefined()
    expect(await queries.routing(conversationId, 'no uuid')).toBeUndefined()
  })

  test('and its messages lead to their conversation, for the owner only', async () => {
    await given([[started(), sent(), completed()], stream])
    const address = { conversationId, clientConversationId: 'ember-chat-ada' }
    expect(await queries.conversationOfTurn(ownerId, turnOf('m1'))).toEqual(address)
    expect(await queries.conversationOfTurn('bob', turnOf('m1'))).toBeUndefined()
    expect(await queries.conversationOfTurn(ownerId, 'no uuid')).toBeUndefined()
    expect(await queries.conversationOfMessage(ownerId, answerOf('m1'))).toEqual(address)
    expect(await queries.conversationOfMessage('bob', answerOf('m1'))).toBeUndefined()
    expect(await queries.conversationOfMessage(ownerId, '\0')).toBeUndefined()
  })
})

describe('a query that carries a position', () => {
  beforeEach(openAnew)

  test('waits until it is visible, and holds no connection meanwhile', async () => {
    const record = await given([[started(), sent()]])
    const wanted = positionOf(2)
    const waiting = Array.from({ length: 30 }, () => queries.waitFor({ position: wanted, waitMsMax: 20_000 }))
    expect(database.metrics().find(({ name }) => name === 'queries')?.connectionsMax).toBeLessThan(30)
    expect(await queries.get(conversationId)).toMatchObject({ messageCount: 1 })
    record.append([completed()])
    await handleBatches(database, [record.events.slice(2)])
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => ({ isReached: true, position: wanted })))
    expect(await queries.get(conversationId)).toMatchObject({ messageCount: 2 })
  })

  test('is answered with what there is when the wait was in vain', async () => {
    await given([[started(), sent()]])
    const late = await queries.waitFor({ position: toPosition(999n), waitMsMax: 20 })
    expect(late.isReached).toBe(false)
    expect(late.position).toBeLessThan(999n)
  })

  test('is answered at once when the position is visible', async () => {
    await given([[started(), sent()]])
    expect(await queries.waitFor({ position: positionOf(1), waitMsMax: 0 })).toMatchObject({ isReached: true })
  })

  test('hears of what another process has written, with or without a connection to listen on', async () => {
    const connectionString = await postgres.createDatabase()
    const writing = await postgres.open({ connectionString })
    const readers = [
      await postgres.open({ connectionString, connectionsMax: 2 }),
      await postgres.open({ connectionString }),
    ]
    expect(readers.map(({ listener }) => listener === undefined)).toEqual([true, false])
    const record = new TestRecord()
    const position = record.append([started(), sent()])
    const waiting = readers.map((reader) =>
      createConversationQueries({ database: reader, logger: silentLogger }).waitFor({ position, waitMsMax: 20_000 }),
    )
    await handleBatches(writing, [record.events])
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => ({ isReached: true, position })))
  })

  test('is answered although the connection that listens is killed', async () => {
    const killer = await postgres.connect(postgres.server.connectionString)
    const record = await given([[started()]])
    await queries.waitFor({ position: record.last, waitMsMax: 20_000 })
    await killer.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name like '%listener%'`,
    )
    const position = record.append([sent()])
    const waiting = queries.waitFor({ position, waitMsMax: 20_000 })
    await handleBatches(database, [record.events.slice(1)])
    expect(await waiting).toEqual({ isReached: true, position })
    await killer.end()
  })
})
