import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ConversationEvent } from '../../src/events/conversation-events.ts'
import { conversationIdOf, conversationStream } from '../../src/events/stream-names.ts'
import type { Database } from '../../src/projections/database.ts'
import {
  AGAIN_TURN_ID,
  answerOf,
  archived,
  completed,
  conversationId,
  corrected,
  deleted,
  failed,
  ownerId,
  rated,
  renamed,
  requested,
  restored,
  routed,
  sent,
  started,
  stopped,
  stream,
  turnOf,
  unarchived,
} from '../support/examples.ts'
import { emptyReadModels, handleBatches, rowsOf } from './support/projection.ts'
import { positionOf, TestRecord } from './support/record.ts'
import { startTestPostgres, type TestPostgres } from './support/test-postgres.ts'

let postgres: TestPostgres
let database: Database

beforeAll(async () => {
  postgres = await startTestPostgres()
  database = await postgres.open()
})
afterAll(() => postgres.stop())
beforeEach(() => emptyReadModels(database))

/** Given these events, the rows of a read model contain exactly these, in the order of their key. */
function scenario(title: string) {
  return {
    given: (...events: ConversationEvent[]) => ({
      thenRows: (model: string, expected: Record<string, unknown>[]) =>
        test(title, async () => {
          const record = new TestRecord()
          record.append(events)
          await handleBatches(database, [record.events])
          expect(await rowsOf(database, model)).toMatchObject(expected)
        }),
    }),
  }
}

const second = (index: number) => new Date(Date.parse('2026-11-23T19:00:00.000Z') + index * 1_000)

describe('the read model of conversations', () => {
  scenario('shows a conversation from its start, named after its kind')
    .given(started())
    .thenRows('conversation', [
      {
        conversation_id: conversationId,
        client_conversation_id: 'ember-chat-ada',
        owner_id: ownerId,
        kind: 'ember_chat',
        title: 'New conversation',
        title_source: 'kind',
        is_archived: false,
        message_count: 0,
        preview: '',
        created_at: second(0),
        updated_at: second(0),
        deleted_at: null,
        last_revision: 0n,
        last_position: positionOf(0),
      },
    ])

  scenario('takes its title from the first message, and only from that')
    .given(started(), sent('m1', { text: '\n  What is\tRAG?  \nTell me all.' }), sent('m2', { text: 'And HNSW?' }))
    .thenRows('conversation', [{ title: 'What is RAG?', title_source: 'first message' }])

  scenario('cuts a long title between characters')
    .given(started(), sent('m1', { text: '🦊'.repeat(100) }))
    .thenRows('conversation', [{ title: `${'🦊'.repeat(79)}…` }])

  scenario('prefers the title that the person gave')
    .given(started({ title: 'Mine' }), sent())
    .thenRows('conversation', [{ title: 'Mine', title_source: 'person' }])

  scenario('shows a new name, and does not call that news')
    .given(started(), sent(), renamed('Retrieval'))
    .thenRows('conversation', [{ title: 'Retrieval', updated_at: second(1), last_revision: 2n }])

  scenario('counts the messages of both, and shows the beginning of the latest')
    .given(started(), sent(), routed(), completed('m1', { text: 'Retrieval\nand more' }))
    .thenRows('conversation', [{ message_count: 2, preview: 'Retrieval', updated_at: second(3) }])

  scenario('counts an answer without words, and keeps the preview')
    .given(started(), sent('m1', { text: 'Hello' }), failed('m1', { partialText: '' }))
    .thenRows('conversation', [{ message_count: 2, preview: 'Hello', updated_at: second(2) }])

  scenario('knows what is archived')
    .given(started(), archived())
    .thenRows('conversation', [{ is_archived: true }])
  scenario('knows what is archived no more')
    .given(started(), archived(), unarchived())
    .thenRows('conversation', [{ is_archived: false }])
  scenario('keeps the row of a deleted conversation')
    .given(started(), sent(), deleted())
    .thenRows('conversation', [{ deleted_at: second(2), message_count: 1 }])
  scenario('restores a deleted conversation')
    .given(started(), deleted(), restored())
    .thenRows('conversation', [{ deleted_at: null }])

  for (const model of ['conversation', 'message', 'turn', 'routing_decision']) {
    scenario(`has no row of a transient conversation in ${model}`)
      .given(started({ retention: 'transient' }), sent(), routed(), completed(), rated(), renamed())
      .thenRows(model, [])
    scenario(`has no row of a conversation whose beginning has aged out in ${model}`)
      .given(sent(), routed(), completed())
      .thenRows(model, [])
  }
})

describe('the read model of messages', () => {
  scenario('keeps what a person says exactly')
    .given(started(), sent('m1', { text: ' “日本語” — مرحبا 🧑‍🚀\r\n\t<script>alert(1)</script> \\N {"a",} \u202e' }))
    .thenRows('message', [
      {
        conversation_id: conversationId,
        message_id: 'm1',
        turn_id: turnOf('m1'),
        owner_id: ownerId,
        parent_message_id: null,
        role: 'user',
        text: ' “日本語” — مرحبا 🧑‍🚀\r\n\t<script>alert(1)</script> \\N {"a",} \u202e',
        status: 'sent',
        rating: null,
        created_at: second(1),
        position: positionOf(1),
      },
    ])

  scenario('keeps the answer, named after its turn, below the question')
    .given(started(), sent(), routed(), completed('m1', { text: 'An answer.' }))
    .thenRows('message', [
      {
        message_id: answerOf('m1'),
        role: 'assistant',
        status: 'completed',
        text: 'An answer.',
        parent_message_id: 'm1',
        turn_id: turnOf('m1'),
        position: positionOf(3),
      },
      { message_id: 'm1' },
    ])

  scenario('keeps the partial text of a failed answer')
    .given(started(), sent(), failed('m1', { partialText: 'Half' }))
    .thenRows('message', [
      { role: 'assistant', status: 'failed', text: 'Half', parent_message_id: 'm1' },
      { message_id: 'm1' },
    ])

  scenario('keeps the partial text of a stopped answer')
    .given(started(), sent(), stopped('m1', { partialText: 'Half' }))
    .thenRows('message', [
      { role: 'assistant', status: 'stopped', text: 'Half', parent_message_id: 'm1' },
      { message_id: 'm1' },
    ])

  scenario('keeps which message a message follows')
    .given(started(), sent(), sent('m2', { parentMessageId: answerOf('m1') }))
    .thenRows('message', [
      { message_id: 'm1', parent_message_id: null },
      { message_id: 'm2', parent_message_id: answerOf('m1') },
    ])

  scenario('shows the last rating')
    .given(started(), sent(), completed(), rated(), rated(answerOf('m1'), 'down'))
    .thenRows('message', [{ rating: 'down' }, { rating: null }])
  scenario('takes a rating back')
    .given(started(), sent(), completed(), rated(), rated(answerOf('m1'), 'none'))
    .thenRows('message', [{ rating: null }, { rating: null }])
})

describe('the read model of turns', () => {
  scenario('opens a turn with a message')
    .given(started(), sent('m2', { parentMessageId: 'm1', channel: 'rest' }))
    .thenRows('turn', [
      {
        conversation_id: conversationId,
        turn_id: turnOf('m2'),
        owner_id: ownerId,
        message_id: 'm2',
        parent_message_id: 'm1',
        response_message_id: answerOf('m2'),
        channel: 'rest',
        is_regeneration: false,
        status: 'open',
        intent: null,
        asked_at: second(1),
        asked_position: positionOf(1),
        ended_position: null,
      },
    ])

  scenario('knows how a turn was routed')
    .given(started(), sent(), routed())
    .thenRows('turn', [
      {
        intent: 'learning',
        method: 'model',
        confidence: 0.97,
        agent: 'learning',
        routed_at: second(2),
        status: 'open',
      },
    ])

  scenario('knows how a turn was answered')
    .given(
      started(),
      sent(),
      routed('m1', { agent: 'support' }),
      completed('m1', {
        toolCalls: [{ name: 'search', arguments: '{}', resultBytes: 3, tookMs: 1, outcome: 'ok' }],
        firstTokenMs: 2.5,
      }),
    )
    .thenRows('turn', [
      {
        status: 'completed',
        agent: 'learning',
        model_provider: 'offline',
        model_id: 'emberlog-knowledge-1',
        finish_reason: 'stop',
        first_token_ms: 2.5,
        total_ms: 40,
        input_tokens: 5,
        output_tokens: 18,
        tool_names: ['search'],
        ended_at: second(3),
        ended_position: positionOf(3),
        failure_code: null,
      },
    ])

  scenario('knows which models did not answer, and that tokens are an estimate')
    .given(
      started(),
      sent(),
      routed(),
      completed('m1', {
        insteadOf: [{ provider: 'openai', id: 'gpt', code: 'model-overloaded' }],
        usage: { inputTokens: 5, outputTokens: 18, isEstimated: true },
      }),
    )
    .thenRows('turn', [
      { instead_of: [{ provider: 'openai', id: 'gpt', code: 'model-overloaded' }], usage_is_estimated: true },
    ])

  scenario('knows what a failed turn had taken')
    .given(
      started(),
      sent(),
      routed(),
      failed('m1', {
        model: { provider: 'openai', id: 'gpt' },
        usage: { inputTokens: 7, outputTokens: 2 },
        toolCalls: [{ name: 'search', arguments: '{}', resultBytes: 3, tookMs: 1, outcome: 'interrupted' }],
      }),
    )
    .thenRows('turn', [
      {
        status: 'failed',
        model_provider: 'openai',
        model_id: 'gpt',
        input_tokens: 7,
        output_tokens: 2,
        usage_is_estimated: null,
        tool_names: ['search'],
      },
    ])

  scenario('knows why a turn failed')
    .given(started(), sent(), routed(), failed())
    .thenRows('turn', [
      {
        status: 'failed',
        failure_code: 'model-timeout',
        failure_is_retryable: true,
        agent: 'learning',
        model_id: null,
      },
    ])

  scenario('knows who stopped a turn')
    .given(started(), sent(), stopped())
    .thenRows('turn', [{ status: 'stopped', stopped_by: ownerId, ended_at: second(2) }])

  scenario('opens another turn for another answer to the same message')
    .given(started(), sent(), completed(), requested('m1'))
    .thenRows('turn', [
      { turn_id: AGAIN_TURN_ID, message_id: 'm1', is_regeneration: true, status: 'open', channel: null },
      { turn_id: turnOf('m1'), status: 'completed' },
    ])
})

describe('the read model of routing decisions', () => {
  scenario('keeps candidates and evidence')
    .given(started(), sent(), routed())
    .thenRows('routing_decision', [
      {
        conversation_id: conversationId,
        turn_id: turnOf('m1'),
        owner_id: ownerId,
        intent: 'learning',
        agent: 'learning',
        method: 'model',
        confidence: 0.97,
        candidates: [
          { intent: 'learning', probability: 0.97 },
          { intent: 'support', probability: 0.03 },
        ],
        evidence: [{ kind: 'feature', name: 'what is', weight: 1.5 }],
        guard: 'clear',
        router_version: '1+sha256:0123456789ab',
        took_ms: 0.4,
        routed_at: second(2),
        corrected_intent: null,
      },
    ])

  scenario('keeps the correction beside the decision')
    .given(started(), sent(), routed(), corrected())
    .thenRows('routing_decision', [{ intent: 'learning', corrected_intent: 'support', corrected_at: second(3) }])

  scenario('has nothing to correct where nothing was decided')
    .given(started(), sent(), corrected())
    .thenRows('routing_decision', [])
})

describe('conversations of two people who use the same id', () => {
  test('are two conversations', async () => {
    const record = new TestRecord()
    for (const owner of ['ada', 'bob']) {
      const id = conversationIdOf(owner, 'chat')
      const start = started({ conversationId: id, ownerId: owner, clientConversationId: 'chat' })
      record.append([start, sent('m1', { text: `I am ${owner}` })], conversationStream(id))
    }
    await handleBatches(database, [record.events])
    const rows = await rowsOf(database, 'conversation')
    expect(rows.map(({ owner_id, title }) => [owner_id, title]).sort()).toEqual([
      ['ada', 'I am ada'],
      ['bob', 'I am bob'],
    ])
  })
})

describe('the read model of feedback', () => {
  scenario('keeps the latest rating of an answer, with its note')
    .given(started(), sent(), completed(), rated(), {
      type: 'ResponseRated',
      data: { messageId: answerOf('m1'), rating: 'down', note: 'Wrong' },
    })
    .thenRows('feedback', [
      {
        conversation_id: conversationId,
        feedback_id: `rating ${answerOf('m1')}`,
        owner_id: ownerId,
        kind: 'rating',
        message_id: answerOf('m1'),
        turn_id: null,
        rating: 'down',
        note: 'Wrong',
        given_by: ownerId,
        given_at: second(4),
        position: positionOf(4),
      },
    ])

  scenario('keeps that a rating was taken back')
    .given(started(), sent(), completed(), rated(), rated(answerOf('m1'), 'none'))
    .thenRows('feedback', [{ kind: 'rating', rating: null }])

  scenario('keeps what a message was really about, routed or not')
    .given(started(), sent(), corrected())
    .thenRows('feedback', [{ kind: 'correction', turn_id: turnOf('m1'), intent: 'support', rating: null }])
})

describe('the read model of feedback as it was given', () => {
  scenario('keeps every change of mind, without notes')
    .given(
      started(),
      sent(),
      completed(),
      rated(),
      rated(answerOf('m1'), 'none'),
      corrected(),
      corrected('m1', 'image'),
    )
    .thenRows('feedback_event', [
      { position: positionOf(3), kind: 'rating', message_id: answerOf('m1'), rating: 'up', given_at: second(3) },
      { position: positionOf(4), kind: 'rating', message_id: answerOf('m1'), rating: null, given_at: second(4) },
      { position: positionOf(5), kind: 'correction', turn_id: turnOf('m1'), intent: 'support', owner_id: ownerId },
      { position: positionOf(6), kind: 'correction', turn_id: turnOf('m1'), intent: 'image', rating: null },
    ])
})

describe('the index of events', () => {
  scenario('says where each event stands, who caused it, and when')
    .given(started(), sent())
    .thenRows('event_index', [
      { stream_id: conversationId, position: positionOf(0), type: 'ConversationStarted', revision: 0n },
      {
        position: positionOf(1),
        stream,
        revision: 1n,
        type: 'MessageSent',
        actor_kind: 'user',
        actor_id: ownerId,
        correlation_id: turnOf('m1'),
        causation_id: 'message:m1',
        occurred_at: second(1),
      },
    ])

  scenario('has no row of a transient conversation')
    .given(started({ retention: 'transient' }), sent())
    .thenRows('event_index', [])
})
