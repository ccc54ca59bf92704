import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../../src/projections/database.ts'
import { dropGeneration, rollBackTo } from '../../../src/projections/generation-acts.ts'
import { createProjectionWriter, type ProjectionWriter } from '../../../src/projections/projection-writer.ts'
import { rebuildProjections } from '../../../src/projections/rebuild.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import { conversation } from '../support/conversations.ts'
import { handleBatches } from '../support/projection.ts'
import { codec, TestRecord } from '../support/record.ts'
import { startTestPostgres, type TestPostgres } from '../support/test-postgres.ts'
import { eventually } from '../support/waiting.ts'

const logger = silentLogger
const by = { kind: 'operator', id: 'olga' } as const
let postgres: TestPostgres
let writer: ProjectionWriter | undefined
beforeAll(async () => {
  postgres = await startTestPostgres()
})
afterEach(async () => {
  await writer?.stop()
  writer = undefined
  await postgres.closeDatabases()
})
afterAll(() => postgres.stop())

async function opened() {
  const database = await postgres.open()
  const record = new TestRecord()
  for (const { stream, events } of [conversation('ada', 'a', 5), conversation('bob', 'b', 2)]) {
    record.append(events, stream)
  }
  await handleBatches(database, [record.events])
  return { database, record }
}

const ask = (database: Database, sql: string) => database.queries.query<Record<string, unknown>>(sql)
const usage = (database: Database) => ask(database, 'select * from analytics.daily_usage')
const liveOf = (database: Database) => ask(database, 'select generation from analytics.position')
/** The objects themselves, by their identity: one made anew is another one. */
const viewIds = (database: Database) =>
  ask(database, `select oid, relname from pg_class where relnamespace = 'analytics'::regnamespace order by relname`)

describe('the views of analysts', () => {
  test('follow a rebuild and a roll-back, and stay the same objects', async () => {
    const { database, record } = await opened()
    const [before, ids] = [await usage(database), await viewIds(database)]
    await ask(database, 'create view public.mine as select person_key from analytics.turn')
    writer = createProjectionWriter({ database, reader: record, codec, logger })
    writer.start()
    await rebuildProjections({ database, reader: record, codec, logger })
    expect(await liveOf(database)).toEqual([{ generation: 2 }])
    expect(await usage(database)).toEqual(before)
    await rollBackTo({ database, reader: record, logger, by, generation: 1 })
    expect(await liveOf(database)).toEqual([{ generation: 1 }])
    expect(await usage(database)).toEqual(before)
    await rollBackTo({ database, reader: record, logger, by, generation: 2 })
    await dropGeneration({ database, logger, by, generation: 1 })
    expect(await usage(database)).toEqual(before)
    expect(await viewIds(database)).toEqual(ids)
    expect(await ask(database, 'select * from public.mine')).toHaveLength(7)
  })

  test('change hands together with those of the chat: no query sees two generations', async () => {
    const { database, record } = await opened()
    const torn: unknown[] = []
    let isDone = false
    const reader = async (from: string) => {
      while (!isDone) {
        const [seen] = await ask(
          database,
          `select (select generation from chat.position) as chat, (select generation from analytics.position) as analytics,
            (select count(*) from ${from}) as turns`,
        )
        if (seen?.['chat'] !== seen?.['analytics'] || seen?.['turns'] !== 7n) torn.push(seen)
      }
    }
    const joined = `(select distinct turn.turn_id
      from chat.feedback
        right join chat.message using (conversation_id)
        join chat.turn on turn.turn_id = message.turn_id) as joined`
    const readers = ['analytics.turn', 'analytics.turn', joined].map(reader)
    await Promise.all([
      ...readers,
      rebuildProjections({ database, reader: record, codec, logger }).finally(() => {
        isDone = true
      }),
    ])
    expect(torn).toEqual([])
    expect(await liveOf(database)).toEqual([{ generation: 2 }])
  })

  test('are made anew when a view below them takes another shape', async () => {
    const { database, record } = await opened()
    const before = await usage(database)
    // As an older program left it: another order of columns, which Postgres cannot replace in place.
    await database.queries.withConnection((connection) =>
      connection.script(`
        drop view chat.turn cascade;
        create view chat.turn as select status, turn_id, conversation_id from chat_g1.turn`),
    )
    await rebuildProjections({ database, reader: record, codec, logger })
    expect(await usage(database)).toEqual(before)
    expect(
      await ask(database, `select has_table_privilege('emberlog_analyst', 'analytics.turn', 'select') as may`),
    ).toEqual([{ may: true }])
  })

  test('come back at the next start when somebody dropped them, or their definition is another', async () => {
    const connectionString = await postgres.createDatabase()
    const first = await postgres.open({ connectionString })
    await ask(first, 'drop view analytics.turn cascade')
    await postgres.open({ connectionString })
    expect(await ask(first, 'select * from analytics.turn')).toEqual([])
    await ask(first, `update emberlog.shown_analytics set checksum = 'of another version'`)
    const ids = await viewIds(first)
    const second = await postgres.open({ connectionString })
    expect(await viewIds(first)).not.toEqual(ids)
    expect(second.analystAccess()).toBe('ready')
  })

  test('wait for the next generation while the live one is of other projectors', async () => {
    const connectionString = await postgres.createDatabase()
    const first = await postgres.open({ connectionString })
    await ask(first, 'update emberlog.generation set projectors_version = 1')
    await ask(first, `update emberlog.shown_analytics set checksum = 'of another version'`)
    const ids = await viewIds(first)
    const second = await postgres.open({ connectionString })
    expect(second.analystAccess()).toBe('waiting')
    expect(await viewIds(first)).toEqual(ids)
    writer = createProjectionWriter({ database: second, reader: new TestRecord(), codec, logger })
    writer.start()
    await eventually('the new generation is live', () => writer?.status().generation === 2)
    expect(await viewIds(first)).not.toEqual(ids)
    expect(await usage(first)).toEqual([])
  })
})
