import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../src/projections/database.ts'
import { dropGeneration, rollBackTo } from '../../src/projections/generation-acts.ts'
import { digestOfGeneration } from '../../src/projections/generation-digest.ts'
import { listGenerations } from '../../src/projections/generations.ts'
import { createProjectionWriter, type ProjectionWriter } from '../../src/projections/projection-writer.ts'
import { rebuildProjections } from '../../src/projections/rebuild.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { renamed } from '../support/examples.ts'
import { conversation } from './support/conversations.ts'
import { digest, handleBatches, liveGeneration, rowsOf } from './support/projection.ts'
import { codec, TestRecord } from './support/record.ts'
import { startTestPostgres, type TestPostgres } from './support/test-postgres.ts'
import { eventually } from './support/waiting.ts'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await startTestPostgres()
})
afterAll(() => postgres.stop())

const writers: ProjectionWriter[] = []
afterEach(async () => {
  await Promise.all(writers.splice(0).map((writer) => writer.stop()))
  await postgres.closeDatabases()
})

const logger = silentLogger
const by = { kind: 'operator', id: 'olga' } as const
const { stream, events } = conversation('ada', 'a', 5)

function startWriter(database: Database, record: TestRecord): ProjectionWriter {
  const writer = createProjectionWriter({ database, reader: record, codec, logger })
  writers.push(writer)
  writer.start()
  return writer
}

async function positionsOf(database: Database) {
  const generations = await listGenerations(database.queries)
  return Object.fromEntries(generations.map(({ number, position }) => [number, position]))
}

async function withTwoGenerations() {
  const database = await postgres.open()
  const record = new TestRecord()
  record.append(events, stream)
  const writer = startWriter(database, record)
  await rebuildProjections({ database, reader: record, codec, logger })
  return { database, record, writer }
}

describe('an earlier generation', () => {
  test('is still fed, and readers can be led back to it and forth again', async () => {
    const { database, record, writer } = await withTwoGenerations()
    const last = record.append([renamed('Both know')], stream)
    await eventually('both fed', async () => {
      const positions = await positionsOf(database)
      return positions[1] === last && positions[2] === last
    })
    expect(await rollBackTo({ database, reader: record, logger, by, generation: 1 })).toMatchObject({
      number: 1,
      state: 'live',
    })
    expect(await liveGeneration(database)).toMatchObject({ number: 1 })
    expect(await rowsOf(database, 'conversation')).toMatchObject([{ title: 'Both know' }])
    await eventually('writing the first again', () => writer.status().generation === 1)
    const later = record.append([renamed('Still both')], stream)
    await rollBackTo({ database, reader: record, logger, by, generation: 2 })
    await eventually('fed', () => writer.status().generation === 2 && writer.status().position === later)
    const [first, second] = await Promise.all(
      ['chat_g1', 'chat_g2'].map((schema) => digestOfGeneration(database.queries, schema)),
    )
    expect(second).toEqual(first)
  })

  test('can be led back to while events keep coming', async () => {
    const { database, record, writer } = await withTwoGenerations()
    await eventually('fed', () => writer.status().generation === 2)
    let isOver = false
    const talking = (async () => {
      while (!isOver) {
        const position = record.append([renamed('More')], stream)
        await eventually('live again', async () => ((await liveGeneration(database)).positionMax ?? -1n) >= position)
      }
    })()
    const shown = await rollBackTo({ database, reader: record, logger, by, generation: 1 }).finally(() => {
      isOver = true
    })
    await talking
    expect(shown).toMatchObject({ number: 1, state: 'live' })
  })

  test('cannot be led back to when it is behind, unfinished, live, unknown, or of another version', async () => {
    const database = await postgres.open()
    const record = new TestRecord()
    record.append(events, stream)
    await handleBatches(database, [record.events])
    await rebuildProjections({ database, reader: record, codec, logger })
    record.append([renamed('News')], stream)
    await handleBatches(database, [record.events.slice(-1)])
    const act = (generation: number) => rollBackTo({ database, reader: record, logger, by, generation })
    await expect(act(1)).rejects.toMatchObject({ code: 'generation-behind', details: { livePosition: record.last } })
    await expect(act(2)).rejects.toMatchObject({ code: 'generation-live' })
    await expect(act(3)).rejects.toMatchObject({ code: 'generation-unknown' })
    await database.queries.query('update emberlog.generation set projectors_version = 0 where number = 1')
    await expect(act(1)).rejects.toMatchObject({ code: 'generation-of-other-version' })
    await database.queries.query(`update emberlog.generation set state = 'building' where number = 1`)
    await expect(act(1)).rejects.toMatchObject({ code: 'generation-unfinished' })
    expect(await liveGeneration(database)).toMatchObject({ number: 2 })
  })

  test('can be dropped, and the live one cannot', async () => {
    const database = await postgres.open()
    const record = new TestRecord()
    record.append(events, stream)
    await handleBatches(database, [record.events])
    await rebuildProjections({ database, reader: record, codec, logger })
    await expect(dropGeneration({ database, logger, by, generation: 2 })).rejects.toMatchObject({
      code: 'generation-live',
    })
    await dropGeneration({ database, logger, by, generation: 1 })
    await expect(dropGeneration({ database, logger, by, generation: 1 })).rejects.toMatchObject({
      code: 'generation-unknown',
    })
    expect(await rowsOf(database, 'conversation')).toHaveLength(1)
    expect(await listGenerations(database.queries)).toMatchObject([
      { number: 1, state: 'dropped' },
      { number: 2, state: 'live' },
    ])
    expect((await rebuildProjections({ database, reader: record, codec, logger })).generation).toBe(3)
  })
})

describe('a node whose projectors are newer', () => {
  test('serves the old rows until it has built its own', async () => {
    const database = await postgres.open()
    const record = new TestRecord()
    record.append(events, stream)
    await handleBatches(database, [record.events])
    await database.queries.query(`update emberlog.generation set projectors_version = 0;`)
    await database.queries.query(`update chat_g1.conversation set title = 'As version 0 saw it'`)
    const writer = startWriter(database, record)
    await eventually('version 1 is shown', () => writer.status().generation === 2 && writer.status().state === 'live')
    expect(await rowsOf(database, 'conversation')).toMatchObject([{ title: 'What is RAG? (1)' }])
    const clean = await postgres.open()
    await handleBatches(clean, [record.events])
    expect(await digest(database)).toEqual(await digest(clean))
  })

  test('replaces rows of a shape that it does not know, and serves what it can until then', async () => {
    const connectionString = await postgres.createDatabase()
    const before = await postgres.open({ connectionString })
    const record = new TestRecord()
    record.append(events, stream)
    await handleBatches(before, [record.events])
    const whole = await digest(before)
    // What version 0 may have been like: a column by another name, one that was not there yet, a table that was not there yet.
    await before.queries.query('alter table chat_g1.event_index rename column stream_id to conversation_id')
    await before.queries.query('alter view chat.event_index rename column stream_id to conversation_id')
    await before.queries.query('alter table chat_g1.feedback drop column rating cascade')
    await before.queries.query('drop table chat_g1.project cascade')
    await before.queries.query('update emberlog.generation set projectors_version = 0')
    await before.close()

    const database = await postgres.open({ connectionString })
    expect(await liveGeneration(database)).toMatchObject({ number: 1, projectorsVersion: 0 })
    expect(await rowsOf(database, 'conversation')).toHaveLength(1)
    const ask = (statement: string) => database.queries.query(statement)
    await expect(ask('select stream_id from chat.event_index')).rejects.toMatchObject({ code: 'read-models-outdated' })
    await expect(ask('select * from chat.project')).rejects.toMatchObject({ code: 'read-models-missing' })
    const writer = startWriter(database, record)
    await eventually('ours is shown', () => writer.status().generation === 2 && writer.status().state === 'live')
    expect(await digest(database)).toEqual(whole)
    expect(await ask('select stream_id from chat.event_index')).toHaveLength(events.length)
    expect(await rowsOf(database, 'project')).toEqual([])
  })

  test('does not build twice when two of them start together', async () => {
    const connectionString = await postgres.createDatabase()
    const first = await postgres.open({ connectionString })
    const second = await postgres.open({ connectionString })
    const record = new TestRecord()
    record.append(events, stream)
    await handleBatches(first, [record.events])
    await first.queries.query('update emberlog.generation set projectors_version = 0')
    const nodes = [startWriter(first, record), startWriter(second, record)]
    await eventually('one of them writes', () => nodes.some((node) => node.status().state === 'live'))
    expect(await listGenerations(first.queries)).toMatchObject([
      { number: 1, state: 'retired' },
      { number: 2, state: 'live' },
    ])
  })

  test('leaves read models of newer projectors alone', async () => {
    const database = await postgres.open()
    const record = new TestRecord()
    await database.queries.query('update emberlog.generation set projectors_version = 999')
    record.append(events, stream)
    const writer = startWriter(database, record)
    await eventually('standing by', () => writer.status().state === 'standby')
    expect(await liveGeneration(database)).toMatchObject({ number: 1, position: -1n })
  })
})
