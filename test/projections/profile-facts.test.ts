import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { RecordedEvent } from '../../src/events/codec.ts'
import { foldBatch, rowsFor } from '../../src/projections/batch-fold.ts'
import type { Database } from '../../src/projections/database.ts'
import { createProfileQueries } from '../../src/projections/profile-queries.ts'
import {
  conversationId,
  deleted,
  noted,
  ownerId,
  personStream,
  removed,
  sent,
  started,
  turnOf,
} from '../support/examples.ts'
import { digest, emptyReadModels, handleBatches, rowsOf } from './support/projection.ts'
import { codec, positionOf, TestRecord } from './support/record.ts'
import { startTestPostgres, type TestPostgres } from './support/test-postgres.ts'

let postgres: TestPostgres
let database: Database
beforeAll(async () => {
  postgres = await startTestPostgres()
  database = await postgres.open()
})
afterAll(() => postgres.stop())
beforeEach(() => emptyReadModels(database))

const { factId } = noted().data
const second = (index: number) => new Date(Date.parse('2026-11-23T19:00:00.000Z') + index * 1_000)

describe('the read model of profile facts', () => {
  test('shows a noted fact, and where it was said', async () => {
    const record = new TestRecord()
    record.append([noted()], personStream)
    await handleBatches(database, [record.events])
    expect(await rowsOf(database, 'profile_fact')).toEqual([
      {
        person_id: personStream.slice('user-'.length),
        fact_id: factId,
        owner_id: ownerId,
        kind: 'interest',
        value: 'hiking',
        source_turn_id: turnOf('m1'),
        source_conversation_id: conversationId,
        span_from: 0,
        span_to: 13,
        noted_at: second(0),
        removed_at: null,
        last_position: positionOf(0),
      },
    ])
  })

  test('forgets what a removed fact said, and keeps that there was one', async () => {
    const record = new TestRecord()
    record.append([noted(), removed()], personStream)
    await handleBatches(database, [record.events])
    expect(await rowsOf(database, 'profile_fact')).toMatchObject([{ value: null, removed_at: second(1) }])
  })

  test('every event of a person is in the index of events, once, whether it makes a fact or not', async () => {
    const record = new TestRecord()
    record.append([noted(), removed(), removed()], personStream)
    record.append([started(), sent()])
    await handleBatches(database, [record.events.slice(0, 1), record.events, record.events.slice(1)])
    const entries = await database.queries.query('select * from chat.event_index order by position')
    expect(entries).toMatchObject([
      {
        stream_id: personStream.slice('user-'.length),
        position: positionOf(0),
        stream: personStream,
        revision: 0n,
        type: 'ProfileFactNoted',
        actor_id: ownerId,
        occurred_at: second(0),
      },
      { position: positionOf(1), type: 'ProfileFactRemoved', revision: 1n },
      { position: positionOf(2), type: 'ProfileFactRemoved', revision: 2n },
      { position: positionOf(3), stream_id: conversationId, type: 'ConversationStarted' },
      { position: positionOf(4), stream_id: conversationId, type: 'MessageSent' },
    ])
  })

  test('an event that comes twice has one entry in the index of events', async () => {
    const record = new TestRecord()
    record.append([noted(), removed()], personStream)
    const recorded = (await codec.decodeAll(record.events)) as RecordedEvent[]
    const rows = rowsFor(recorded)
    foldBatch([...recorded, ...recorded], rows)
    expect(rows.of('event_index').changed).toHaveLength(2)
  })

  test('is the same when each event comes alone, and when all come again', async () => {
    const record = new TestRecord()
    record.append([noted(), removed(), noted({ span: { from: 20, to: 30 }, value: 'chess' })], personStream)
    await handleBatches(database, [record.events])
    const together = await digest(database)
    await emptyReadModels(database)
    const alone = record.events.map((event) => [event])
    await handleBatches(database, [...alone, ...alone])
    expect((await digest(database))['profile_fact']).toEqual(together['profile_fact'])
  })

  test('has no row for a removal of what was never noted', async () => {
    const record = new TestRecord()
    record.append([removed()], personStream)
    await handleBatches(database, [record.events])
    expect(await rowsOf(database, 'profile_fact')).toEqual([])
  })
})

describe('the facts of a person', () => {
  const facts = () => createProfileQueries({ database }).facts(ownerId)

  test('come with their turn, message and conversation, the latest first', async () => {
    const record = new TestRecord()
    record.append([started(), sent('m1', { text: 'I like hiking and chess' })])
    record.append([noted(), noted({ span: { from: 14, to: 23 }, value: 'chess' })], personStream)
    await handleBatches(database, [record.events])
    expect(await facts()).toEqual([
      expect.objectContaining({ kind: 'interest', value: 'chess', notedAt: second(3) }),
      {
        factId,
        kind: 'interest',
        value: 'hiking',
        turnId: turnOf('m1'),
        messageId: 'm1',
        conversationId: 'ember-chat-ada',
        spanFrom: 0,
        spanTo: 13,
        notedAt: second(2),
      },
    ])
  })

  test('do not hold removed ones, nor those of anybody else, and do not lead into a deleted conversation', async () => {
    const record = new TestRecord()
    record.append([started(), sent(), deleted()])
    record.append([noted(), noted({ span: { from: 14, to: 23 } }), removed()], personStream)
    record.append([noted({ ownerId: 'bob' })], 'user-00000000-0000-5000-8000-000000000001')
    await handleBatches(database, [record.events])
    expect(await facts()).toMatchObject([{ spanFrom: 14, conversationId: null }])
  })
})
