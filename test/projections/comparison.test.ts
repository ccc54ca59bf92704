import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { StoredEvent } from '../../src/events/codec.ts'
import { type Comparison, type ComparisonParts, compareReadModels } from '../../src/projections/comparison.ts'
import type { Database } from '../../src/projections/database.ts'
import { createProjectionWriter } from '../../src/projections/projection-writer.ts'
import { rebuildProjections } from '../../src/projections/rebuild.ts'
import type { RowDifference } from '../../src/projections/row-differences.ts'
import { isFault } from '../../src/shared/failures.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { renamed, sent, started } from '../support/examples.ts'
import { conversation } from './support/conversations.ts'
import { digest, handleBatches } from './support/projection.ts'
import { codec, TestRecord } from './support/record.ts'
import { startTestPostgres, type TestPostgres } from './support/test-postgres.ts'
import { eventually } from './support/waiting.ts'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await startTestPostgres()
})
afterAll(() => postgres.stop())
afterEach(() => postgres.closeDatabases())

function exampleRecord(): TestRecord {
  const record = new TestRecord()
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    const { events, stream } = conversation('ada', name, 6)
    record.append(events, stream)
  }
  return record
}

async function projected(record: TestRecord): Promise<Database> {
  const database = await postgres.open()
  await handleBatches(database, [record.events])
  return database
}

interface Compared extends Comparison {
  readonly differences: readonly RowDifference[]
}

async function compare(
  database: Database,
  record: TestRecord,
  options: Partial<ComparisonParts> = {},
): Promise<Compared> {
  const differences: RowDifference[] = []
  const onDifference = (difference: RowDifference) => void differences.push(difference)
  const comparison = await database.writer.withConnection((connection) =>
    compareReadModels(connection, { database, reader: record, codec, onDifference, ...options }),
  )
  return { ...comparison, differences }
}

/** Relations outside the schemas that are there anyway; what a comparison leaves behind would be among them. */
async function relations(database: Database): Promise<string[]> {
  const rows = await database.queries.query<{ name: string }>(
    `select nspname || '.' || relname as name
    from pg_class
      join pg_namespace on pg_namespace.oid = relnamespace
    where nspname !~ '^(pg_toast|pg_catalog|information_schema)'
    order by 1`,
  )
  return rows.map(({ name }) => name)
}

const equal = { changed: 0, missing: 0, extra: 0, differing: [], parked: [], parkedAlike: 0, differences: [] }

describe('a comparison of the live rows with the record', () => {
  test('finds nothing where nothing was changed, and leaves nothing behind', async () => {
    const record = exampleRecord()
    const database = await projected(record)
    const [before, rowsBefore] = [await relations(database), await digest(database)]
    const compared = await compare(database, record)
    expect(compared).toMatchObject({ ...equal, generation: 1, position: String(record.last) })
    expect(compared.events).toBe(record.events.length)
    expect(compared.rows).toBe(Object.values(rowsBefore).reduce((sum, { rows }) => sum + Number(rows), 0))
    expect(await relations(database)).toEqual(before)
    expect(await digest(database)).toEqual(rowsBefore)
    expect(await database.queries.query('select from emberlog.act')).toEqual([])
  })

  test('names every row that was changed, deleted or added by hand, in every table, and its columns', async () => {
    const record = exampleRecord()
    const database = await projected(record)
    const { id: conversationId } = conversation('ada', 'b', 6)
    const { id: other } = conversation('ada', 'c', 6)
    await database.queries.withConnection((connection) =>
      connection.script(`
        update chat_g1.message set text = 'tampered', rating = 'up' where conversation_id = '${conversationId}' and message_id = 'm2';
        update chat_g1.turn set status = 'completed', failure_code = null where conversation_id = '${other}' and message_id = 'm3';
        delete from chat_g1.routing_decision where conversation_id = '${conversationId}' and confidence is not null
          and turn_id = (select min(turn_id::text)::uuid from chat_g1.turn where conversation_id = '${conversationId}');
        update chat_g1.event_index set actor_id = 'mallory' where position = 110;
        delete from chat_g1.conversation where conversation_id = '${other}';
        insert into chat_g1.conversation select '11111111-1111-5111-8111-111111111111', 'x', owner_id, kind, title, title_source,
          is_archived, message_count, preview, created_at, updated_at, deleted_at, last_revision, last_position
          from chat_g1.conversation limit 1;
        insert into chat_g1.feedback_event select conversation_id, 7, owner_id, kind, message_id, turn_id, rating, intent, given_at
          from chat_g1.feedback_event where conversation_id = '${conversationId}' limit 1`),
    )
    const { differences, ...counts } = await compare(database, record)
    expect(counts).toMatchObject({ changed: 3, missing: 2, extra: 2, parked: [] })
    expect([...counts.differing].sort()).toEqual(
      ['conversation', 'event_index', 'feedback_event', 'message', 'routing_decision', 'turn'].sort(),
    )
    const inTable = (table: string) => differences.filter((difference) => difference.table === table)
    expect(inTable('message')).toEqual([
      {
        table: 'message',
        kind: 'changed',
        key: { conversation_id: conversationId, message_id: 'm2' },
        columns: [
          { name: 'text', isWithheld: true },
          { name: 'rating', found: 'up', expected: null },
        ],
      },
    ])
    expect(inTable('turn')).toMatchObject([
      {
        kind: 'changed',
        columns: [
          { name: 'status', found: 'completed', expected: 'failed' },
          { name: 'failure_code', found: null, expected: expect.any(String) },
        ],
      },
    ])
    expect(inTable('event_index')).toMatchObject([
      { key: { position: '110' }, columns: [{ name: 'actor_id', found: 'mallory' }] },
    ])
    expect(inTable('routing_decision')).toMatchObject([
      { kind: 'missing', key: { conversation_id: conversationId }, columns: [] },
    ])
    expect(inTable('feedback_event')).toMatchObject([{ kind: 'extra', key: { position: '7' } }])
    expect(inTable('conversation').map(({ kind, key }) => [kind, key['conversation_id']])).toEqual(
      [
        ['extra', '11111111-1111-5111-8111-111111111111'],
        ['missing', other],
      ].sort(([, one = ''], [, two = '']) => (one < two ? -1 : 1)),
    )
  })

  test.each(['conversation', 'message', 'turn', 'routing_decision', 'feedback', 'feedback_event', 'event_index'])(
    'names every row that is gone from %s, and nothing else',
    async (name) => {
      const record = exampleRecord()
      const database = await projected(record)
      const [deleted] = await database.queries.query<{ count: number }>(
        `with gone as (delete from chat_g1.${name} returning 1) select count(*)::integer as count from gone`,
      )
      expect(deleted?.count).toBeGreaterThan(0)
      const { missing, differing } = await compare(database, record)
      expect([missing, differing]).toEqual([deleted?.count, [name]])
    },
  )

  test('names rows of people that nothing in the record gives', async () => {
    const record = exampleRecord()
    const database = await projected(record)
    const [person, thing] = ['11111111-1111-5111-8111-111111111111', '22222222-2222-5222-8222-222222222222']
    await database.queries.withConnection((connection) =>
      connection.script(`
        insert into chat_g1.profile_fact values ('${person}', '${thing}', 'ada', 'name', 'Ada', '${thing}', '${thing}', 0, 3, now(), null, 1);
        insert into chat_g1.project (person_id, project_id, owner_id, title, ownership, notes, source_turn_id, source_conversation_id,
          drafted_at, updated_at, last_position)
        values ('${person}', '${thing}', 'ada', 'T', 'own', '[]', '${thing}', '${thing}', now(), now(), 1)`),
    )
    const { differences } = await compare(database, record)
    expect(differences).toEqual([
      { table: 'profile_fact', kind: 'extra', key: { person_id: person, fact_id: thing }, columns: [] },
      { table: 'project', kind: 'extra', key: { person_id: person, project_id: thing }, columns: [] },
    ])
  })

  test('shows what people wrote only where content is asked for', async () => {
    const record = exampleRecord()
    const database = await projected(record)
    await database.queries.query(`update chat_g1.message set text = 'tampered' where message_id = 'm2'`)
    const withheld = await compare(database, record)
    expect(JSON.stringify(withheld)).not.toMatch(/tampered|What is RAG/)
    const shown = await compare(database, record, { isContentShown: true })
    expect(shown.differences).toHaveLength(5)
    expect(shown.differences[0]?.columns).toEqual([{ name: 'text', found: 'tampered', expected: 'What is RAG? (2)' }])
  })

  test('streams more differing rows than it holds in memory, in the order of the key', async () => {
    const record = new TestRecord()
    for (let index = 0; index < 60; index += 1) {
      const { events, stream } = conversation('ada', `many-${index}`, 6)
      record.append(events, stream)
    }
    const database = await projected(record)
    await database.queries.query(`update chat_g1.message set language = 'klingon'`)
    const { differences, changed } = await compare(database, record)
    expect(changed).toBe(60 * 12)
    const keys = differences.map(({ key }) => key['conversation_id'] ?? '')
    expect(keys).toEqual(keys.toSorted())
    expect(new Set(differences.map(({ key }) => JSON.stringify(key))).size).toBe(60 * 12)
  })

  test('tells streams that wait on one side from differences, and compares those that wait on both', async () => {
    const record = exampleRecord()
    const [first, second] = [conversation('ada', 'a', 6), conversation('ada', 'b', 6)]
    const spoilt = record.events.findIndex(({ stream, type }) => stream === first.stream && type === 'IntentRouted')
    const right = record.events[spoilt] as StoredEvent
    record.events[spoilt] = { ...right, data: {} }
    record.append([sent('m9', { text: 'no \0 in Postgres' }), renamed('Follows')], second.stream)
    const database = await projected(record)
    const alike = await compare(database, record)
    expect(alike).toMatchObject({ ...equal, parkedAlike: 2 })
    record.events[spoilt] = right // This program could handle it now; nobody had it handled again.
    await database.queries.query(`update chat_g1.conversation set title = 'tampered' where conversation_id = $1`, [
      second.id,
    ])
    const { parked, parkedAlike, differences } = await compare(database, record)
    expect(parked).toEqual([
      { stream: first.stream, live: String(right.position), record: null, rows: expect.any(Number) },
    ])
    expect(parked[0]?.rows).toBeGreaterThan(10)
    expect(parkedAlike).toBe(1)
    expect(differences).toMatchObject([{ table: 'conversation', key: { conversation_id: second.id } }])
  })

  test('holds at the position of the live rows while people go on chatting, and holds nobody up', async () => {
    const database = await postgres.open({ partitions: 4, connectionsMax: 12 })
    const record = exampleRecord()
    const writer = createProjectionWriter({ codec, logger: silentLogger, database, reader: record })
    writer.start()
    await eventually('caught up', () => writer.status().position === record.last)
    let said = 0
    const say = () => {
      for (const name of ['a', 'b', 'c', 'f']) {
        said += 1
        const { stream, id } = conversation('ada', name, 0)
        const begins = name === 'f' && said === 4 ? [started({ conversationId: id })] : []
        record.append([...begins, sent(`x${said}`), renamed(`Name ${said}`)], stream)
      }
    }
    const other = await postgres.open({ connectionString: await urlOf(database), connectionsMax: 3 })
    const compared = await compare(other, record, { limits: { eventsMax: 5 }, onProgress: say })
    expect(compared).toMatchObject(equal)
    expect(said).toBeGreaterThan(20)
    await eventually('caught up again', () => writer.status().position === record.last)
    await writer.stop()
    expect(BigInt(compared.position ?? 0)).toBeLessThan(record.last)
  })

  test('is not disturbed by a generation that is taken into use meanwhile', async () => {
    const record = exampleRecord()
    const database = await projected(record)
    await rebuildProjections({ codec, logger: silentLogger, database, reader: record })
    expect(await compare(database, record)).toMatchObject({ ...equal, generation: 2 })
  })

  test('begins anew when rows were made again by an act, and says so when that does not end', async () => {
    const record = exampleRecord()
    const database = await projected(record)
    let acts = 0
    const act = (actsMax: number) => () => {
      if (acts >= actsMax) return
      acts += 1
      void database.queries.query('update emberlog.checkpoint set parked_version = parked_version + 1')
    }
    expect(await compare(database, record, { onProgress: act(1) })).toMatchObject(equal)
    acts = 0
    await expect(compare(database, record, { limits: { eventsMax: 5 }, onProgress: act(1_000) })).rejects.toSatisfy(
      (error) => isFault(error, 'comparison-disturbed'),
    )
  })

  test('refuses rows that other projectors made', async () => {
    const record = exampleRecord()
    const database = await projected(record)
    await database.queries.query('update emberlog.generation set projectors_version = 1')
    await expect(compare(database, record)).rejects.toSatisfy((error) => isFault(error, 'generation-foreign'))
  })

  test('stops when it is told to, in the middle of replaying or of comparing, and leaves nothing behind', async () => {
    const record = exampleRecord()
    const database = await projected(record)
    const before = await relations(database)
    for (const step of ['replaying', 'comparing'] as const) {
      const stopping = new AbortController()
      const stop = (progress: { readonly step: string }) => {
        if (progress.step === step) stopping.abort()
      }
      await expect(
        compare(database, record, { limits: { eventsMax: 5 }, onProgress: stop, signal: stopping.signal }),
      ).rejects.toSatisfy((error) => isFault(error, 'comparison-stopped'))
      expect(await relations(database)).toEqual(before)
    }
    expect(await compare(database, record)).toMatchObject(equal)
  })
})

async function urlOf(database: Database): Promise<string> {
  const [found] = await database.queries.query<{ name: string }>('select current_database() as name')
  const url = new URL(postgres.server.connectionString)
  url.pathname = `/${found?.name}`
  return url.href
}
