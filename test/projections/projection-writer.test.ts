import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../src/projections/database.ts'
import { createProjectionWriter, type ProjectionWriter } from '../../src/projections/projection-writer.ts'
import { isFault } from '../../src/shared/failures.ts'
import { toPosition, toRevision } from '../../src/shared/ids.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { renamed, sent, started, stream } from '../support/examples.ts'
import { conversation } from './support/conversations.ts'
import { BatchWriter, digest, handleBatches, liveGeneration, rowsOf } from './support/projection.ts'
import { codec, positionOf, TestRecord } from './support/record.ts'
import { startTestPostgres, type TestPostgres } from './support/test-postgres.ts'
import { eventually } from './support/waiting.ts'

/** Postgres writes everything to disk before it stops. */
const RESTART_MS_MAX = 120_000

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await startTestPostgres()
})
afterAll(() => postgres.stop())

const running: ProjectionWriter[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((writer) => writer.stop()))
  await postgres.closeDatabases()
})

function writerOf(database: Database, record: TestRecord, limits = {}): ProjectionWriter {
  const writer = createProjectionWriter({ database, reader: record, codec, logger: silentLogger, limits })
  running.push(writer)
  writer.start()
  return writer
}

const until = (writer: ProjectionWriter, position: bigint) =>
  eventually(`position ${position}`, () => (writer.status().position ?? -1n) >= position)

function exampleRecord(conversations = 20): TestRecord {
  const record = new TestRecord()
  const all = Array.from({ length: conversations }, (_, index) => conversation(`owner-${index % 5}`, `c${index}`, 4))
  const rounds = Math.max(...all.map(({ events }) => events.length))
  for (let round = 0; round < rounds; round += 1) {
    for (const { stream: name, events } of all) {
      const event = events[round]
      if (event !== undefined) record.append([event], name)
    }
  }
  return record
}

async function cleanDigest(record: TestRecord) {
  const database = await postgres.open()
  await handleBatches(database, [record.events])
  return digest(database)
}

describe('the projection writer', () => {
  test('catches up, goes live, and then shows each event as it comes', async () => {
    const database = await postgres.open()
    const record = new TestRecord()
    record.append([started(), sent('m1')])
    const writer = writerOf(database, record)
    await eventually('live', () => writer.status().state === 'live')
    expect(writer.status()).toMatchObject({ generation: 1, position: positionOf(1), handledTotal: 2, behindMs: 0 })
    await until(writer, record.append([renamed('Seen')]))
    expect(await rowsOf(database, 'conversation')).toMatchObject([{ title: 'Seen' }])
    await writer.stop()
    expect(writer.status().state).toBe('stopped')
  })

  test('goes on where the checkpoint is after a restart', async () => {
    const database = await postgres.open()
    const record = exampleRecord(3)
    const first = writerOf(database, record)
    await until(first, record.last)
    await first.stop()
    record.append([renamed('Later')], conversation('owner-0', 'c0', 0).stream)
    const second = writerOf(database, record)
    await until(second, record.last)
    expect(second.status().handledTotal).toBe(1)
    expect(await digest(database)).toEqual(await cleanDigest(record))
  })

  test('loses and repeats nothing while its connections are killed', async () => {
    const database = await postgres.open()
    const record = exampleRecord(15)
    const killer = await postgres.connect(postgres.server.connectionString)
    const writer = writerOf(database, record, { eventsMax: 15, retryDelayMsMin: 1, retryDelayMsMax: 5 })
    let kills = 0
    while ((writer.status().position ?? -1n) < record.last) {
      const { rowCount } = await killer.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'emberlog-test writer%'`,
      )
      kills += rowCount ?? 0
      const before = writer.status().position ?? -1n
      const isDone = () => writer.status().position === record.last
      await eventually('some progress', () => isDone() || (writer.status().position ?? -1n) > before)
    }
    await killer.end()
    expect(kills).toBeGreaterThan(3)
    expect(await digest(database)).toEqual(await cleanDigest(record))
  })

  test(
    'recovers by itself when the server restarts',
    async () => {
      const database = await postgres.open()
      const record = exampleRecord(2)
      const writer = writerOf(database, record)
      await until(writer, record.last)
      await postgres.server.restart()
      await until(writer, record.append([renamed('After')], conversation('owner-0', 'c0', 0).stream))
      expect(await digest(database)).toEqual(await cleanDigest(record))
    },
    RESTART_MS_MAX,
  )

  test('makes the read models anew when somebody drops them', async () => {
    const database = await postgres.open()
    const record = exampleRecord(5)
    const writer = writerOf(database, record)
    await until(writer, record.last)
    const before = await digest(database)
    await database.queries.query('drop schema chat_g1 cascade')
    record.append([renamed('Still here')], conversation('owner-0', 'c0', 0).stream)
    await eventually('a new generation', () => writer.status().generation === 2)
    await until(writer, record.last)
    expect((await digest(database))['message']).toEqual(before['message'])
    expect(await digest(database)).toEqual(await cleanDigest(record))
  })

  test('refuses read models that know more than the record', async () => {
    const database = await postgres.open()
    await handleBatches(database, [exampleRecord(2).events])
    const writer = writerOf(database, new TestRecord())
    await eventually('retrying', () => writer.status().state === 'retrying')
    expect(writer.status().reason).toContain('record-behind-read-models')
    await writer.stop()
  })

  test('hands over to a standby within five seconds', async () => {
    const connectionString = await postgres.createDatabase()
    const owner = await postgres.open({ connectionString })
    const other = await postgres.open({ connectionString })
    const record = exampleRecord(2)
    const first = writerOf(owner, record)
    await until(first, record.last)
    const standby = writerOf(other, record)
    await eventually('standby', () => standby.status().state === 'standby')
    const stoppedAt = performance.now()
    await first.stop()
    await until(standby, record.append([renamed('Taken over')], conversation('owner-0', 'c0', 0).stream))
    expect(performance.now() - stoppedAt).toBeLessThan(5_000)
    expect(await digest(other)).toEqual(await cleanDigest(record))
  })
})

describe.each([
  ['that stores', undefined],
  ['that copies', { query: async () => [] }],
])('a deposed owner %s', (_how, loader) => {
  test('changes nothing when it wakes up and writes', async () => {
    const database = await postgres.open()
    const record = new TestRecord()
    record.append([started(), sent('m1'), renamed('Mine'), renamed('Stale')])
    const events = await Promise.all(record.events.map(codec.decode))
    const { number: generation, schema } = await liveGeneration(database)
    const target = { generation, schema, partition: 0, states: ['live'] } as const
    await database.writer.withConnection(async (connection) => {
      const paused = await BatchWriter.open(connection, target)
      paused.setBulkLoader(loader)
      const next = await BatchWriter.open(connection, target)
      await next.store({ events: events.slice(0, 3), parked: [], position: positionOf(2) })
      const before = await digest(database)
      const late = paused.store({ events: events.slice(3), parked: [], position: positionOf(3) })
      await expect(late).rejects.toSatisfy((error) => isFault(error, 'checkpoint-moved'))
      expect(await digest(database)).toEqual(before)
      expect((await liveGeneration(database)).position).toBe(positionOf(2))
    })
  })

  test('changes nothing in a generation that was dropped', async () => {
    const database = await postgres.open()
    const record = new TestRecord()
    record.append([started()])
    const { number: generation, schema } = await liveGeneration(database)
    await database.queries.query(`update emberlog.generation set state = 'dropped'`)
    await database.writer.withConnection(async (connection) => {
      const writer = await BatchWriter.open(connection, { generation, schema, partition: 0, states: ['live'] })
      writer.setBulkLoader(loader)
      const batch = { events: await Promise.all(record.events.map(codec.decode)), parked: [], position: record.last }
      await expect(writer.store(batch)).rejects.toSatisfy((error) => isFault(error, 'checkpoint-moved'))
      expect(await rowsOf(database, 'conversation')).toEqual([])
    })
  })
})

describe('an event that cannot be handled', () => {
  const poison = (record: TestRecord, revision: number) => ({
    ...(record.events[0] as TestRecord['events'][0]),
    type: 'NobodyKnowsThis',
    revision: toRevision(revision),
    position: toPosition(positionOf(record.events.length)),
  })

  test('is parked with the later ones of its stream, in order, while other streams go on', async () => {
    const database = await postgres.open()
    const record = new TestRecord()
    const other = conversation('bob', 'other', 3)
    record.append([started(), sent('m1')])
    record.add(poison(record, 2))
    record.append([renamed('Never seen')])
    record.append(other.events, other.stream)
    const writer = writerOf(database, record)
    await until(writer, record.last)
    expect(writer.status().parkedStreams).toBe(1)
    const titles = (await rowsOf(database, 'conversation')).map(({ title }) => title)
    expect(titles.sort()).toEqual(['What is RAG in AI?', 'What is RAG? (1)'])
    const parked = await database.queries.query(
      'select position, stream, type, is_first, reason from emberlog.parked_event order by position',
    )
    expect(parked).toMatchObject([
      { position: positionOf(2), stream, type: 'NobodyKnowsThis', is_first: true },
      { position: positionOf(3), stream, type: 'ConversationRenamed', is_first: false },
    ])
    expect(parked[0]).toHaveProperty('reason', expect.stringContaining('event-type-unknown'))
    await writer.stop()
    const again = writerOf(database, record)
    await until(again, record.append([renamed('Nor this')]))
    expect(await database.queries.query('select from emberlog.parked_event')).toHaveLength(3)
  })

  test('is found in the middle of a batch when Postgres refuses its text', async () => {
    const database = await postgres.open()
    const record = new TestRecord()
    const others = ['a', 'b', 'c'].map((name) => conversation('bob', name, 5))
    record.append(others[0]?.events ?? [], others[0]?.stream)
    record.append([started(), sent('m1', { text: 'no \0 in Postgres' }), renamed('Follows')])
    for (const { events, stream: name } of others.slice(1)) record.append(events, name)
    await handleBatches(database, [record.events])
    const rows = await rowsOf(database, 'conversation')
    expect(rows).toHaveLength(4)
    expect(rows.filter(({ message_count }) => message_count === 10)).toHaveLength(3)
    expect(await database.queries.query('select type from emberlog.parked_event order by position')).toEqual([
      { type: 'MessageSent' },
      { type: 'ConversationRenamed' },
    ])
    expect((await liveGeneration(database)).position).toBe(record.last)
  })
})
