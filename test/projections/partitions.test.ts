import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createConversationQueries } from '../../src/projections/conversation-queries.ts'
import type { Database } from '../../src/projections/database.ts'
import { rollBackTo } from '../../src/projections/generation-acts.ts'
import { GenerationFeeder } from '../../src/projections/generation-feeder.ts'
import { writerLimits } from '../../src/projections/generation-writer.ts'
import { retryParkedEvents } from '../../src/projections/parked-events.ts'
import { createProjectionWriter, type ProjectionWriter } from '../../src/projections/projection-writer.ts'
import { rebuildProjections } from '../../src/projections/rebuild.ts'
import { partitionOf } from '../../src/projections/stream-partition.ts'
import { mintId, toRevision } from '../../src/shared/ids.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { renamed } from '../support/examples.ts'
import { conversation } from './support/conversations.ts'
import { digest, handleBatches, liveGeneration, rowsOf } from './support/projection.ts'
import { codec, TestRecord } from './support/record.ts'
import { startTestPostgres, type TestPostgres } from './support/test-postgres.ts'
import { eventually } from './support/waiting.ts'

const PARTITIONS = 4

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

function startWriter(database: Database, record: TestRecord, limits = {}): ProjectionWriter {
  const writer = createProjectionWriter({ database, reader: record, codec, logger, limits })
  writers.push(writer)
  writer.start()
  return writer
}

/** Conversations in all partitions, their events interleaved. */
function exampleRecord(conversations = 16): TestRecord {
  const record = new TestRecord()
  const all = Array.from({ length: conversations }, (_, index) => conversation(`owner-${index % 5}`, `c${index}`, 4))
  const rounds = Math.max(...all.map(({ events }) => events.length))
  for (let round = 0; round < rounds; round += 1) {
    for (const { stream, events } of all) {
      const event = events[round]
      if (event !== undefined) record.append([event], stream)
    }
  }
  return record
}

const streamOf = (name: string) => conversation(`owner-${Number(name.slice(1)) % 5}`, name, 0).stream

/** What one process, one partition and one batch make of the record. */
async function cleanDigest(record: TestRecord) {
  const database = await postgres.open()
  await handleBatches(database, [record.events])
  return digest(database)
}

const positionsOf = async (database: Database) => {
  const rows = await database.queries.query<{ position: bigint }>(
    `select position from emberlog.checkpoint join emberlog.generation on number = generation
    where state = 'live' order by partition`,
  )
  return rows.map(({ position }) => position)
}

const reached = (database: Database, position: bigint) => async () =>
  (await positionsOf(database)).every((each) => each >= position)

describe('the partition of a stream', () => {
  test('is always the same, and no partition has far more than its part', () => {
    const counts = new Map<number, number>()
    for (let index = 0; index < 4_000; index += 1) {
      const { stream } = conversation('ada', mintId(), 0)
      const partition = partitionOf(stream, PARTITIONS)
      expect(partitionOf(stream, PARTITIONS)).toBe(partition)
      counts.set(partition, (counts.get(partition) ?? 0) + 1)
    }
    expect([...counts.keys()].sort()).toEqual([0, 1, 2, 3])
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(200)
    expect(partitionOf('conversation-1', 1)).toBe(0)
    // For ever: a generation that exists was divided like this.
    expect(['conversation-a', 'conversation-b', 'conversation-ü'].map((name) => partitionOf(name, 64))).toEqual([
      48, 41, 55,
    ])
  })
})

describe('four partitions', () => {
  test('in two processes give the rows of one, also when one process is gone', async () => {
    const connectionString = await postgres.createDatabase()
    const open = () => postgres.open({ connectionString, connectionsMax: 10, partitions: PARTITIONS })
    const [first, second] = [await open(), await open()]
    const record = exampleRecord()
    const nodes = [startWriter(first, record, { eventsMax: 7 }), startWriter(second, record, { eventsMax: 7 })]
    await eventually('each owns its part', () => nodes.every((node) => node.status().partitions === 2))
    await eventually('all handled', reached(first, record.last))
    expect(await digest(first)).toEqual(await cleanDigest(record))
    // Its sessions end, as those of a killed process do; it is not asked to hand anything over.
    await first.close()
    const goneAt = performance.now()
    const last = record.append([renamed('After')], streamOf('c0'))
    await eventually('the other owns all', () => nodes[1]?.status().partitions === PARTITIONS)
    await eventually('all handled', reached(second, last))
    expect(performance.now() - goneAt).toBeLessThan(5_000)
    expect(await digest(second)).toEqual(await cleanDigest(record))
  })

  test('never show a conversation with a gap or out of order', async () => {
    const database = await postgres.open({ connectionsMax: 10, partitions: PARTITIONS })
    const record = exampleRecord(24)
    startWriter(database, record, { eventsMax: 3 })
    const gaps = () =>
      database.queries.query(`select stream from chat.event_index group by stream having max(revision) <> count(*) - 1`)
    let looks = 0
    await eventually('all handled', async () => {
      expect(await gaps()).toEqual([])
      looks += 1
      return reached(database, record.last)()
    })
    expect(looks).toBeGreaterThan(1)
    expect(await digest(database)).toEqual(await cleanDigest(record))
  })

  test('let a query wait for what it wrote, whatever partition that is in', async () => {
    const database = await postgres.open({ connectionsMax: 10, partitions: PARTITIONS })
    const record = exampleRecord(8)
    startWriter(database, record)
    const queries = createConversationQueries({ database, logger })
    await queries.waitFor({ position: record.last, waitMsMax: 20_000 })
    for (const name of ['c0', 'c1', 'c2', 'c3', 'c4']) {
      const position = record.append([renamed(`Now ${name}`)], streamOf(name))
      const waited = await queries.waitFor({ position, waitMsMax: 20_000 })
      expect(waited).toEqual({ isReached: true, position })
      const rows = await rowsOf(database, 'conversation')
      expect(rows.map(({ title }) => title)).toContain(`Now ${name}`)
    }
    await queries.waitFor({ position: record.last, waitMsMax: 1 })
  })

  test('are compared and shown by a rebuild although they are not equally far, and can be left again', async () => {
    const database = await postgres.open({ connectionsMax: 10, partitions: PARTITIONS })
    const record = exampleRecord()
    const live = await liveGeneration(database)
    const middle = record.events[record.events.length >> 1]?.position ?? record.last
    await database.writer.withConnection(async (connection) => {
      for (const partition of [0, 1, 2, 3]) {
        const feeder = await GenerationFeeder.open(
          { reader: record, codec, logger, limits: writerLimits },
          connection,
          live,
          partition,
        )
        await feeder.follow(new AbortController().signal, partition % 2 === 0 ? record.last : middle)
      }
    })
    expect(new Set(await positionsOf(database))).toEqual(new Set([middle, record.last]))
    const { differing } = await rebuildProjections({ database, reader: record, codec, logger })
    expect(differing).toEqual([])
    expect(await positionsOf(database)).toEqual([record.last, record.last, record.last, record.last])
    expect(await digest(database)).toEqual(await cleanDigest(record))
    const writer = startWriter(database, record)
    const last = record.append([renamed('Both know')], streamOf('c3'))
    await eventually('written', () => writer.status().position === last)
    expect(await rollBackTo({ database, reader: record, logger, by, generation: 1 })).toMatchObject({
      number: 1,
      state: 'live',
    })
    expect(await digest(database)).toEqual(await cleanDigest(record))
  })

  test('are handled by as few connections as there are', async () => {
    const connectionString = await postgres.createDatabase()
    const database = await postgres.open({ connectionString, connectionsMax: 2, partitions: PARTITIONS })
    const record = exampleRecord(8)
    const writer = startWriter(database, record)
    await eventually('all handled', reached(database, record.last))
    expect(writer.status()).toMatchObject({ partitions: PARTITIONS, position: record.last })
    expect(await digest(database)).toEqual(await cleanDigest(record))
  })

  test('park an event in its own partition, and release it there', async () => {
    const database = await postgres.open({ connectionsMax: 10, partitions: PARTITIONS })
    const record = exampleRecord(8)
    const index = record.events.findLastIndex(({ type }) => type === 'MessageSent')
    const good = record.events[index] as TestRecord['events'][0]
    record.events[index] = { ...good, data: { text: 7 } }
    const writer = startWriter(database, record)
    await eventually('all handled', reached(database, record.last))
    expect(writer.status().parkedStreams).toBe(1)
    record.events[index] = good
    const reader = {
      async *readStream(name: string, { from = toRevision(0) } = {}) {
        yield* record.events.filter((event) => event.stream === name && event.revision >= from)
      },
    }
    const outcomes = await retryParkedEvents({ database, reader, codec, logger, by, stream: good.stream })
    expect(outcomes).toMatchObject([{ remaining: 0 }])
    const last = record.append([renamed('Goes on')], good.stream)
    await eventually('goes on', reached(database, last))
    expect(await digest(database)).toEqual(await cleanDigest(record))
  })
})

describe('any number of partitions', () => {
  test('gives the same rows, whichever is handled first, in batches of any size, with events parked', async () => {
    const record = exampleRecord(6)
    const poison = record.events.findIndex(({ type }) => type === 'ResponseCompleted')
    record.events[poison] = { ...(record.events[poison] as TestRecord['events'][0]), data: {} }
    const expected = await cleanDigest(record)
    const world = fc.record({
      partitions: fc.integer({ min: 1, max: 8 }),
      eventsMax: fc.integer({ min: 1, max: 20 }),
      order: fc.array(fc.nat(7), { minLength: 1, maxLength: 24 }),
      steps: fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 }),
    })
    const property = fc.asyncProperty(world, async ({ partitions, eventsMax, order, steps }) => {
      const database = await postgres.open({ connectionsMax: 2, partitions })
      const live = await liveGeneration(database)
      await database.writer.withConnection(async (connection) => {
        const limits = { ...writerLimits, eventsMax }
        const feed = async (partition: number, until: bigint) => {
          // Opened anew each time, as after a restart or by another process.
          const feeder = await GenerationFeeder.open(
            { reader: record, codec, logger, limits },
            connection,
            live,
            partition,
          )
          await feeder.follow(new AbortController().signal, until as typeof record.last)
        }
        let reach = 0
        for (const [turn, choice] of order.entries()) {
          reach = Math.min(record.events.length - 1, reach + (steps[turn % steps.length] ?? 1))
          await feed(choice % partitions, record.events[reach]?.position ?? record.last)
        }
        for (let partition = 0; partition < partitions; partition += 1) await feed(partition, record.last)
      })
      expect(await digest(database)).toEqual(expected)
      expect(await database.queries.query('select from emberlog.act')).toHaveLength(1)
      await postgres.closeDatabases()
    })
    await fc.assert(property, { numRuns: 8 })
  })
})
