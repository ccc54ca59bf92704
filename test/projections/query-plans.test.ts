import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ConnectionPool } from '../../src/projections/connection-pool.ts'
import { createConversationQueries } from '../../src/projections/conversation-queries.ts'
import type { Database } from '../../src/projections/database.ts'
import { createEventQueries } from '../../src/projections/event-queries.ts'
import { createMessageSearch } from '../../src/projections/message-search.ts'
import { writeCursor } from '../../src/projections/page-cursor.ts'
import { createProfileQueries } from '../../src/projections/profile-queries.ts'
import { createProjectQueries } from '../../src/projections/project-queries.ts'
import type { ConversationQueries } from '../../src/projections/query-types.ts'
import { parseUuid, toPosition, type Uuid } from '../../src/shared/ids.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { fillWithRows } from './support/many-rows.ts'
import { liveGeneration } from './support/projection.ts'
import { startTestPostgres, type TestPostgres } from './support/test-postgres.ts'

/**
 * With twenty messages each. So many are enough for the planner to mind; a million messages need two minutes more:
 * `EMBERLOG_PLAN_CONVERSATIONS=50000 npx vitest run test/projections/query-plans.test.ts`.
 */
const CONVERSATIONS = Number(process.env['EMBERLOG_PLAN_CONVERSATIONS'] ?? 2_000)
const FILLING_MS_MAX = 600_000
const OWNERS = 100

let postgres: TestPostgres
let database: Database
const asked: { text: string; values: readonly unknown[] }[] = []
let queries: ConversationQueries
let observed: Database

beforeAll(async () => {
  postgres = await startTestPostgres()
  database = await postgres.open()
  await fillWithRows(database, (await liveGeneration(database)).schema, CONVERSATIONS, OWNERS)
  const query: ConnectionPool['query'] = (text, values = []) => {
    asked.push({ text, values })
    return database.queries.query(text, values)
  }
  observed = { ...database, queries: { ...database.queries, query } }
  queries = createConversationQueries({ database: observed, logger: silentLogger })
}, FILLING_MS_MAX)
afterAll(() => postgres.stop())

interface Plan {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly Plans?: readonly Plan[]
}

/** They hold a few rows each; the planner reads them from beginning to end. */
const SMALL_TABLES = ['checkpoint', 'generation', 'parked_event', 'discarded_event']

/** Every step of the plans of all statements. */
async function stepsOf(work: () => Promise<unknown>): Promise<Plan[]> {
  asked.length = 0
  await work()
  const steps: Plan[] = []
  const walk = (plan: Plan) => {
    steps.push(plan)
    for (const child of plan.Plans ?? []) walk(child)
  }
  expect(asked.length).toBeGreaterThan(0)
  for (const { text, values } of asked) {
    const [row] = await database.queries.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(
      `explain (format json) ${text}`,
      values,
    )
    for (const { Plan } of row?.['QUERY PLAN'] ?? []) walk(Plan)
  }
  return steps
}

/** Every table that any of the statements reads from beginning to end. */
async function scannedTables(work: () => Promise<unknown>): Promise<string[]> {
  return (await stepsOf(work))
    .filter((step) => step['Node Type'] === 'Seq Scan')
    .map((step) => step['Relation Name'] ?? '?')
    .filter((table) => !SMALL_TABLES.includes(table))
}

const ownerId = 'owner-7'
const limit = 20

async function example() {
  const [row] = await database.queries.query<{ id: string; turn: string; message: string }>(
    `select conversation_id as id, turn_id as turn, message_id as message from chat.message where owner_id = $1 limit 1`,
    [ownerId],
  )
  return { id: parseUuid(row?.id ?? '') as Uuid, turn: row?.turn ?? '', message: row?.message ?? '' }
}

describe('no query reads a whole table', () => {
  const cases: Record<string, () => Promise<unknown>> = {
    'the list of conversations': () => queries.list({ ownerId, limit }),
    'a later page of the list': () =>
      queries.list({
        ownerId,
        limit,
        cursor: writeCursor({ at: '2026-01-01T00:10:00.000Z', id: 'ffffffff-ffff-4fff-bfff-ffffffffffff' }),
      }),
    'the list of one kind, archived': () => queries.list({ ownerId, limit, kind: 'ember_chat', isArchived: true }),
    'the list narrowed by words': () => queries.list({ ownerId, limit, q: 'vector index' }),
    'one conversation': async () => queries.get((await example()).id),
    'a page of messages': async () => queries.messages({ conversationId: (await example()).id, limit }),
    'a later page of messages': async () =>
      queries.messages({ conversationId: (await example()).id, limit, cursor: writeCursor({ after: '50' }) }),
    'a branch of messages': async () => {
      const { id, message } = await example()
      return queries.messages({ conversationId: id, limit, branch: message })
    },
    'one turn': async () => queries.turn((await example()).id, (await example()).turn),
    'one routing decision': async () => queries.routing((await example()).id, (await example()).turn),
    'the conversation of a turn': async () => queries.conversationOfTurn(ownerId, (await example()).turn),
    'the conversation of a message': async () => queries.conversationOfMessage(ownerId, (await example()).message),
    'the facts of a person': () => createProfileQueries({ database: observed }).facts(ownerId),
    'the projects of a person': () => createProjectQueries({ database: observed }).list(ownerId),
    'the latest shared projects': () => createProjectQueries({ database: observed }).searchShared([], limit),
    'shared projects with a word': () => createProjectQueries({ database: observed }).searchShared(['token'], limit),
    'all events': () => createEventQueries({ database: observed }).find({ limit }),
    'events of a frequent type': () => createEventQueries({ database: observed }).find({ type: 'MessageSent', limit }),
    'a search for a common word': () =>
      createMessageSearch({ database: observed }).search({ ownerId, q: 'vector', limit }),
    'a search for a phrase': () =>
      createMessageSearch({ database: observed }).search({ ownerId, q: '"about vector"', limit }),
  }
  for (const [what, work] of Object.entries(cases)) {
    test(`for ${what}`, async () => {
      expect(await scannedTables(work)).toEqual([])
    })
  }
})

describe('events that are few are found by the index of what they have', () => {
  test.each([
    [{ type: 'NothingEver' }, ['event_index_type']],
    [{ actor: 'nobody' }, ['event_index_actor']],
    [{ actor: 'user:nobody' }, ['event_index_actor', 'event_index_actor']],
    [{ actor: 'nobody', after: toPosition(9) }, ['event_index_actor']],
    [{ correlationId: 'none' }, ['event_index_correlation']],
    [{ correlationId: 'none', type: 'MessageSent' }, ['event_index_correlation']],
  ])('%o', async (fewest, indexes) => {
    const steps = await stepsOf(() => createEventQueries({ database: observed }).find({ ...fewest, limit: 1_000 }))
    expect(steps.flatMap((step) => step['Index Name'] ?? []).filter((name) => name.startsWith('event_index'))).toEqual(
      indexes,
    )
  })
})
