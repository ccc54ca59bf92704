import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createCodec, type StoredEvent } from '../../src/events/codec.ts'
import { conversationIdOf, conversationStream } from '../../src/events/stream-names.ts'
import type { Database } from '../../src/projections/database.ts'
import {
  discardParkedEvent,
  listParkedStreams,
  parkedTotals,
  retryParkedEvents,
  showParkedEvents,
} from '../../src/projections/parked-events.ts'
import { createProjectionWriter, type ProjectionWriter } from '../../src/projections/projection-writer.ts'
import { rebuildProjections } from '../../src/projections/rebuild.ts'
import { toPosition, toRevision } from '../../src/shared/ids.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { ownerId, renamed, sent, started, stream } from '../support/examples.ts'
import { conversation } from './support/conversations.ts'
import { digest, handleBatches, rowsOf } from './support/projection.ts'
import { codec, positionOf, TestRecord } from './support/record.ts'
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

/** A record whose third event nobody can handle until `mended`. */
function poisoned() {
  const record = new TestRecord()
  record.append([started(), sent('m1'), renamed('Poison'), renamed('Third'), renamed('Last')])
  const poison = record.events[2] as StoredEvent
  const spoiled = { ...poison, data: { title: 7 } }
  record.events[2] = spoiled
  const other = conversation('bob', 'other', 2)
  record.append(other.events, other.stream)
  const mended = new TestRecord()
  mended.events.push(...record.events.map((event) => (event === spoiled ? poison : event)))
  return { record, mended }
}

const readerOf = (record: TestRecord) => ({
  async *readStream(name: string, { from = toRevision(0) } = {}) {
    yield* record.events.filter((event) => event.stream === name && event.revision >= from)
  },
})

const actOf = (database: Database, record: TestRecord) => ({
  database,
  reader: readerOf(record),
  codec,
  logger,
  stream,
  by,
})

async function cleanDigest(record: TestRecord) {
  const database = await postgres.open()
  await handleBatches(database, [record.events])
  return digest(database)
}

describe('parked events', () => {
  test('are those of streams that are named like ours and can be none', async () => {
    const database = await postgres.open()
    const record = new TestRecord()
    record.append([started()], 'conversation-nowhere')
    record.append([started(), sent('m1')])
    record.append([started()], stream.toUpperCase().replace('CONVERSATION', 'conversation'))
    record.append([started()], 'user-nobody')
    await handleBatches(database, [record.events])
    const parked = await listParkedStreams(database)
    expect(parked.map((each) => each.stream).sort()).toEqual(
      ['conversation-nowhere', stream.toUpperCase().replace('CONVERSATION', 'conversation'), 'user-nobody'].sort(),
    )
    expect(parked[0]?.reason).toContain('it names nobody of ours')
    expect(await rowsOf(database, 'conversation')).toHaveLength(1)
  })

  test('are those that begin another conversation than that of their stream; that one is not touched', async () => {
    const database = await postgres.open()
    const record = new TestRecord()
    const elsewhere = conversationStream(conversationIdOf(ownerId, 'elsewhere'))
    record.append([started({ title: 'Its own' }), sent('m1')])
    record.append([started({ title: 'Taken over' }), renamed('Taken over')], elsewhere)
    await handleBatches(database, [record.events])
    expect(await rowsOf(database, 'conversation')).toMatchObject([{ title: 'Its own', message_count: 1 }])
    expect(await listParkedStreams(database)).toMatchObject([{ stream: elsewhere, events: 2n }])
    expect(await showParkedEvents(database, elsewhere)).toMatchObject([
      { isFirst: true, reason: expect.stringContaining('it begins another conversation') },
      { isFirst: false },
    ])
  })

  test('are listed by stream, with what is wrong and since when', async () => {
    const database = await postgres.open()
    expect(await listParkedStreams(database)).toEqual([])
    expect(await parkedTotals(database)).toEqual({ streams: 0, events: 0, oldestAt: null })
    const { record } = poisoned()
    await handleBatches(database, [record.events])
    expect(await listParkedStreams(database)).toMatchObject([
      { generation: 1, stream, events: 3n, firstPosition: positionOf(2), firstType: 'ConversationRenamed' },
    ])
    expect(await showParkedEvents(database, stream)).toMatchObject([
      { revision: 2n, isFirst: true, reason: expect.stringContaining('event-not-decodable') },
      { revision: 3n, isFirst: false },
      { revision: 4n, isFirst: false },
    ])
    expect(await parkedTotals(database)).toMatchObject({ streams: 1, events: 3, oldestAt: expect.any(Date) })
  })

  test('stay parked, in order, while the reason lasts', async () => {
    const database = await postgres.open()
    const { record } = poisoned()
    await handleBatches(database, [record.events])
    const outcomes = await retryParkedEvents(actOf(database, record))
    expect(outcomes).toMatchObject([{ generation: 1, released: 0, remaining: 3 }])
    expect(outcomes[0]?.reason).toContain('event-not-decodable')
    expect(await rowsOf(database, 'conversation')).toContainEqual(expect.objectContaining({ last_revision: 1n }))
  })

  test('are handled in order once they can be, as if nothing had happened', async () => {
    const database = await postgres.open()
    const { record, mended } = poisoned()
    await handleBatches(database, [record.events])
    expect(await retryParkedEvents(actOf(database, mended))).toEqual([
      { generation: 1, released: 3, remaining: 0, reason: undefined },
    ])
    expect(await listParkedStreams(database)).toEqual([])
    expect(await digest(database)).toEqual(await cleanDigest(mended))
    await expect(retryParkedEvents(actOf(database, mended))).rejects.toMatchObject({ code: 'not-parked' })
  })

  test('are released up to the next one that cannot be handled', async () => {
    const database = await postgres.open()
    const { record, mended } = poisoned()
    await handleBatches(database, [record.events])
    const half = new TestRecord()
    half.events.push(...mended.events)
    half.events[4] = { ...(half.events[4] as StoredEvent), data: { title: 'no \0 in Postgres' } }
    const outcomes = await retryParkedEvents(actOf(database, half))
    expect(outcomes).toMatchObject([{ released: 2, remaining: 1, reason: expect.stringContaining('22021') }])
    expect(await rowsOf(database, 'conversation')).toContainEqual(expect.objectContaining({ title: 'Third' }))
    expect(await showParkedEvents(database, stream)).toMatchObject([{ revision: 4n, isFirst: true }])
  })

  test('are released under a running writer, which then goes on with the stream', async () => {
    const database = await postgres.open()
    const { record, mended } = poisoned()
    const writer = createProjectionWriter({ database, reader: record, codec: createCodec(), logger })
    writers.push(writer)
    writer.start()
    await eventually('parked', () => writer.status().position === record.last && writer.status().parkedStreams === 1)
    await retryParkedEvents(actOf(database, mended))
    const last = record.append([renamed('After the release')])
    await eventually('handled', () => writer.status().position === last)
    expect(writer.status().parkedStreams).toBe(0)
    expect(await rowsOf(database, 'conversation')).toContainEqual(
      expect.objectContaining({ title: 'After the release', last_revision: 5n }),
    )
  })
})

describe('a discarded event', () => {
  test('is left out, also by a rebuild, and the rest of its stream goes on', async () => {
    const database = await postgres.open()
    const { record } = poisoned()
    await handleBatches(database, [record.events])
    const act = { ...actOf(database, record), reason: 'never wanted' }
    expect(await discardParkedEvent({ ...act, position: positionOf(2) })).toMatchObject([{ released: 3, remaining: 0 }])
    expect(await rowsOf(database, 'conversation')).toContainEqual(expect.objectContaining({ title: 'Last' }))
    expect(await database.queries.query('select position, discarded_by from emberlog.discarded_event')).toEqual([
      { position: positionOf(2), discarded_by: 'olga' },
    ])
    const { differing } = await rebuildProjections({ database, reader: record, codec, logger })
    expect(differing).toEqual([])
    expect(await listParkedStreams(database)).toEqual([])
  })

  test('can only be the first parked one of its stream', async () => {
    const database = await postgres.open()
    const { record } = poisoned()
    await handleBatches(database, [record.events])
    const act = { ...actOf(database, record), reason: 'never wanted' }
    for (const position of [positionOf(3), toPosition(999_999n)]) {
      await expect(discardParkedEvent({ ...act, position })).rejects.toMatchObject({ code: 'not-parked' })
    }
    expect(await showParkedEvents(database, stream)).toHaveLength(3)
  })
})
