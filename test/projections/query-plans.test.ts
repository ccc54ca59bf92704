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
  readonly Plans?: readonly Plan[]
}

/** Every table that any of the statements reads from beginning to end. */
async function scannedTables(work: () => Promise<unknown>): Promise<string[]> {
  asked.length = 0
  await work()
  const scanned: string[] = []
  const walk = (plan: Plan) => {
    if (plan['Node Type'] === 'Seq Scan') scanned.push(plan['Relation Name'] ?? '?')
    for (const child of plan.Plans ?? []) walk(child)
  }
  const statements = asked.filter(({ text }) => !text.includes('chat.position'))
  expect(statements.length).toBeGreaterThan(0)
  for (const { text, values } of statements) {
    const [row] = await database.queries.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(
      `explain (format json) ${text}`,
      values,
    )
    for (const { Plan } of row?.['QUERY PLAN'] ?? []) walk(Plan)
  }
  return scanned
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
    ...Object.fromEntries(
      Object.entries({
        'events of one type': { type: 'MessageSent' },
        'events of a type that never was': { type: 'Nothing' },
        'events of an actor': { actor: 'user:owner-7' },
        'events of an actor, of one type, after a position': {
          actor: ownerId,
          type: 'MessageSent',
          after: toPosition(9),
        },
        'events of nobody': { actor: 'nobody' },
        'events of a correlation': { correlationId: '7' },
        'all events': {},
      }).map(([what, asked]) => [
        what,
        () => createEventQueries({ database: observed }).find({ ...asked, limit: 1_000 }),
      ]),
    ),
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
