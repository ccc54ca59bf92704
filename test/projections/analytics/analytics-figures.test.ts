import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { recordOf } from '../../../scripts/analytics/timed-record.ts'
import type { Database } from '../../../src/projections/database.ts'
import { rated } from '../../support/examples.ts'
import { handleBatches } from '../support/projection.ts'
import { startTestPostgres, type TestPostgres } from '../support/test-postgres.ts'
import { TimedConversation } from '../support/timed-conversation.ts'

let postgres: TestPostgres
let database: Database

const hosted = { provider: 'acme', id: 'large' }

/** Ada asks on two Mondays, Bob on the first one, Cleo on the second. 2026-11-02 is a Monday. */
function examples(): TimedConversation[] {
  const ada = new TimedConversation('ada', 'a', '2026-11-02T09:00:00.000Z')
    .asks('2026-11-02T09:00:01.000Z', 'm1')
    .routes('2026-11-02T09:00:02.000Z', 'm1', { confidence: 0.9 })
    .answers('2026-11-02T09:00:03.000Z', 'm1', { firstTokenMs: 10, totalMs: 100 })
  ada
    .add('2026-11-02T10:00:00.000Z', rated(ada.answerOf('m1'), 'down'))
    .add('2026-11-02T11:00:00.000Z', rated(ada.answerOf('m1'), 'up'))
    .add('2026-11-03T08:00:00.000Z', {
      type: 'IntentCorrected',
      data: { turnId: ada.turnOf('m1'), intent: 'image', by: 'ada' },
    })
    .add('2026-11-04T08:00:00.000Z', {
      type: 'IntentCorrected',
      data: { turnId: ada.turnOf('m1'), intent: 'support', by: 'ada' },
    })
    .asks('2026-11-09T09:00:00.000Z', 'm2')
    .routes('2026-11-09T09:00:01.000Z', 'm2', {
      intent: 'smalltalk',
      method: 'fallback',
      agent: 'smalltalk',
      confidence: 0.4,
    })
    .answers('2026-11-09T09:00:02.000Z', 'm2', {
      ...{ model: hosted, agent: 'smalltalk', firstTokenMs: 30, totalMs: 300 },
      usage: { inputTokens: 1_000_000, outputTokens: 500_000 },
    })
  const bob = new TimedConversation('bob', 'b', '2026-11-02T23:59:00.000Z')
    .asks('2026-11-02T23:59:59.999Z', 'm1')
    .routes('2026-11-03T00:00:00.000Z', 'm1', { confidence: 0.7 })
  bob.add('2026-11-03T00:00:05.000Z', {
    type: 'ResponseFailed',
    data: { turnId: bob.turnOf('m1'), code: 'model-timeout', partialText: '', retryable: true },
  })
  const cleo = new TimedConversation('cleo', 'c', '2026-11-09T12:00:00.000Z').asks('2026-11-09T12:00:00.000Z', 'm1')
  return [ada, bob, cleo]
}

beforeAll(async () => {
  postgres = await startTestPostgres()
  database = await postgres.open()
  await handleBatches(database, [recordOf(examples().flatMap(({ events }) => events))])
})
afterAll(() => postgres.stop())

const rowsOf = (sql: string, values: unknown[] = []) => database.queries.query<Record<string, unknown>>(sql, values)
/** Days as text: a driver would make them midnight somewhere. */
const daily = (view: string) => rowsOf(`select *, day::text as day from analytics.${view} order by 1, 2, 3, 4`)

describe('the figures of analysts', () => {
  test('count usage by the UTC day of the question', async () => {
    expect(await daily('daily_usage')).toMatchObject([
      { day: '2026-11-02', people: 2n, new_people: 2n, turns: 2n, completed: 1n, failed: 1n, unfinished: 0n },
      { day: '2026-11-09', people: 2n, new_people: 1n, turns: 2n, completed: 1n, failed: 0n, unfinished: 1n },
    ])
  })

  test('count intents, and which of them were corrected', async () => {
    expect(await daily('daily_intent')).toMatchObject([
      {
        day: '2026-11-02',
        intent: 'learning',
        turns: 2n,
        people: 2n,
        mean_confidence: 0.8,
        corrected: 1n,
        rated_up: 1n,
      },
      { day: '2026-11-09', intent: 'smalltalk', turns: 1n, corrected: 0n, rated_up: 0n },
      { day: '2026-11-09', intent: 'unrouted', turns: 1n, mean_confidence: null },
    ])
  })

  test('name what was mistaken for what, by the last correction', async () => {
    expect(await daily('daily_misroute')).toMatchObject([
      { day: '2026-11-02', intent: 'learning', corrected_intent: 'support', method: 'model', turns: 1n, people: 1n },
    ])
  })

  test('give the share of turns that fell back', async () => {
    expect(await daily('daily_routing')).toMatchObject([
      { day: '2026-11-02', routed: 2n, by_model: 2n, fallback_rate: 0, corrected: 1n, correction_rate: 0.5 },
      { day: '2026-11-09', routed: 1n, by_fallback: 1n, fallback_rate: 1, correction_rate: 0 },
    ])
  })

  test('give percentiles for all turns, for each agent and for each model', async () => {
    expect(await daily('daily_latency')).toMatchObject([
      { day: '2026-11-02', agent: 'all', model_id: 'all', turns: 1n, first_token_ms_p50: 10, total_ms_p99: 100 },
      { day: '2026-11-02', agent: 'all', model_id: 'emberlog-knowledge-1', total_ms_p50: 100 },
      { day: '2026-11-02', agent: 'learning', model_id: 'all', total_ms_p50: 100 },
      { day: '2026-11-09', agent: 'all', model_provider: 'acme', total_ms_p50: 300 },
      { day: '2026-11-09', agent: 'all', model_provider: 'all', total_ms_p50: 300 },
      { day: '2026-11-09', agent: 'smalltalk', model_provider: 'all', total_ms_p50: 300 },
    ])
  })

  test('count every time somebody said something', async () => {
    expect(await daily('daily_feedback')).toMatchObject([
      { day: '2026-11-02', rated_up: 1n, rated_down: 1n, corrections: 0n },
      { day: '2026-11-03', corrections: 1n },
      { day: '2026-11-04', corrections: 1n },
    ])
  })

  test('follow the people of each week', async () => {
    const weeks = await rowsOf(
      'select *, cohort_week::text as cohort_week from analytics.weekly_retention order by 1, 2',
    )
    expect(weeks).toMatchObject([
      { cohort_week: '2026-11-02', week_number: 0, cohort_people: 2n, people: 2n, retention: 1 },
      { cohort_week: '2026-11-02', week_number: 1, cohort_people: 2n, people: 1n, retention: 0.5 },
      { cohort_week: '2026-11-09', week_number: 0, cohort_people: 1n, people: 1n, retention: 1 },
    ])
  })
})

describe('the cost of tokens', () => {
  const costs = () =>
    rowsOf('select day::text, model_id, unpriced_turns, cost_usd::float from analytics.daily_model_usage order by 1, 2')

  test('is nothing offline, and not known without a price', async () => {
    expect(await costs()).toEqual([
      { day: '2026-11-02', model_id: 'emberlog-knowledge-1', unpriced_turns: 0n, cost_usd: 0 },
      { day: '2026-11-09', model_id: 'large', unpriced_turns: 1n, cost_usd: null },
    ])
    expect(await daily('daily_usage')).toMatchObject([{ cost_usd: '0' }, { unpriced_turns: 1n, cost_usd: null }])
  })

  test('is counted at the price that held when the turn was asked, the model’s own before its provider’s', async () => {
    await rowsOf(`insert into analytics.model_price values
      ('acme', '*', '-infinity', 100, 100),
      ('acme', 'large', '2026-01-01', 3, 10),
      ('acme', 'large', '2026-11-09T09:00:00Z', 2, 8),
      ('acme', 'large', '2026-11-09T09:00:01Z', 50, 50)`)
    expect((await costs())[1]).toEqual({ day: '2026-11-09', model_id: 'large', unpriced_turns: 0n, cost_usd: 6 })
    await rowsOf(`delete from analytics.model_price where provider = 'acme'`)
  })
})

describe('what was known at a time', () => {
  const stateAt = async (at: string) =>
    rowsOf(
      `select status, intent, agent, corrected_intent, rating
      from analytics.turns_as_of($1)
      order by asked_position`,
      [at],
    )

  test('is nothing before the first question', async () => {
    expect(await stateAt('2026-11-02T09:00:00.999Z')).toEqual([])
  })

  test('is a turn open and unrouted, then routed, then ended', async () => {
    const nothing = { intent: null, agent: null, corrected_intent: null, rating: null }
    expect(await stateAt('2026-11-02T09:00:01.000Z')).toEqual([{ ...nothing, status: 'open' }])
    const routed = { ...nothing, intent: 'learning', agent: 'learning' }
    expect(await stateAt('2026-11-02T09:00:02.500Z')).toEqual([{ ...routed, status: 'open' }])
    expect(await stateAt('2026-11-02T09:00:03.000Z')).toEqual([{ ...routed, status: 'completed' }])
  })

  test('is the rating and the correction of that time, not of now', async () => {
    expect(await stateAt('2026-11-02T10:30:00.000Z')).toMatchObject([{ rating: 'down', corrected_intent: null }])
    expect(await stateAt('2026-11-03T09:00:00.000Z')).toMatchObject([
      { rating: 'up', corrected_intent: 'image' },
      { status: 'failed', rating: null },
    ])
    expect((await stateAt('2026-11-05T00:00:00.000Z'))[0]).toMatchObject({ corrected_intent: 'support' })
  })

  test('may leave out what was asked before a time', async () => {
    const turns = await rowsOf(`select * from analytics.turns_as_of('2026-12-01', '2026-11-09')`)
    expect(turns).toHaveLength(2)
  })

  test('adds up to the usage of that time, and at last to the usage of now', async () => {
    const usage = (at: string) =>
      rowsOf('select day::text, turns, completed, failed, unfinished, people from analytics.usage_as_of($1)', [at])
    expect(await usage('2026-11-03T00:00:00.000Z')).toEqual([
      { day: '2026-11-02', turns: 2n, completed: 1n, failed: 0n, unfinished: 1n, people: 2n },
    ])
    const now = await rowsOf(
      'select day::text, turns, completed, failed, unfinished, people from analytics.daily_usage order by day',
    )
    expect(await usage('2027-01-01T00:00:00.000Z')).toEqual(now)
  })

  test('is the same however often it is asked, and whatever happens later', async () => {
    const at = '2026-11-03T00:00:01.000Z'
    const before = await rowsOf('select * from analytics.turns_as_of($1) order by asked_position', [at])
    const other = await postgres.open()
    const until = recordOf(examples().flatMap(({ events }) => events)).filter(({ created }) => created <= new Date(at))
    await handleBatches(other, [until])
    const keyless = ({
      turn_key: _turn,
      conversation_key: _conversation,
      person_key: _person,
      ...rest
    }: (typeof before)[0]) => rest
    const early = await other.queries.query<Record<string, unknown>>(
      'select * from analytics.turns_as_of($1) order by asked_position',
      [at],
    )
    expect(early.map(keyless)).toEqual(before.map(keyless))
    expect(before).toHaveLength(2)
  })
})
