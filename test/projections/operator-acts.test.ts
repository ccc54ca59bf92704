import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createActRecorder } from '../../src/commands/operator-acts-handler.ts'
import { projectionStream } from '../../src/events/stream-names.ts'
import type { Database } from '../../src/projections/database.ts'
import { dropGeneration, rollBackTo } from '../../src/projections/generation-acts.ts'
import { type NotedAct, type RecordAct, recordNotedActs } from '../../src/projections/operator-acts.ts'
import { discardParkedEvent, retryParkedEvents } from '../../src/projections/parked-events.ts'
import { createProjectionWriter, type ProjectionWriter } from '../../src/projections/projection-writer.ts'
import { PROJECTORS_VERSION } from '../../src/projections/projectors.ts'
import { rebuildProjections } from '../../src/projections/rebuild.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { toRevision } from '../../src/shared/ids.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { renamed, sent, started, stream } from '../support/examples.ts'
import { type RecordHarness, startRecord } from '../support/record-harness.ts'
import { handleBatches } from './support/projection.ts'
import { codec, positionOf, TestRecord } from './support/record.ts'
import { startTestPostgres, type TestPostgres } from './support/test-postgres.ts'
import { eventually } from './support/waiting.ts'

const logger = silentLogger
const by = { kind: 'operator', id: 'olga' } as const
const system = { kind: 'system', id: 'projector' } as const

let postgres: TestPostgres
let acts: RecordHarness
let database: Database
beforeAll(async () => {
  postgres = await startTestPostgres()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  acts = await startRecord()
  database = await postgres.open()
})
const writers: ProjectionWriter[] = []
afterEach(async () => {
  await Promise.all(writers.splice(0).map((writer) => writer.stop()))
  await postgres.closeDatabases()
  await acts.stop()
})

const recorder = () => createActRecorder({ store: acts.store, codec, clock: systemClock })
const recordAll = (recordAct: RecordAct = recorder()) => recordNotedActs({ database, recordAct, logger })

/** The acts in the record, in order: type, data, actor. */
async function recorded() {
  const events = []
  for await (const stored of acts.store.readStream(projectionStream('chat'))) {
    const { type, data, envelope } = await codec.decode(stored)
    events.push([type, data, envelope.actor])
  }
  return events
}

/** Its third event cannot be handled, nor what follows it. */
function poisonedRecord() {
  const record = new TestRecord()
  record.append([started(), sent('m1'), renamed('Poison'), renamed('Last')])
  record.events[2] = { ...(record.events[2] as TestRecord['events'][0]), data: {} }
  return record
}

const readerOf = (record: TestRecord) => ({
  async *readStream(name: string, { from = toRevision(0) } = {}) {
    yield* record.events.filter((event) => event.stream === name && event.revision >= from)
  },
})

describe('acts on the read models', () => {
  test('of an operator are in the record with who did them', async () => {
    const record = new TestRecord()
    record.append([started(), sent('m1')])
    await handleBatches(database, [record.events])
    await rebuildProjections({ database, reader: record, codec, logger, by })
    await rollBackTo({ database, reader: record, logger, by, generation: 1 })
    await dropGeneration({ database, logger, by, generation: 2 })
    await recordAll()
    expect(await recorded()).toEqual([
      ['RebuildStarted', { generation: 2, projectorsVersion: PROJECTORS_VERSION, isResumed: false }, by],
      [
        'GenerationCutOver',
        { generation: 2, replaced: 1, position: String(record.last), differing: [], isForced: false },
        by,
      ],
      ['GenerationRolledBack', { generation: 1, replaced: 2 }, by],
      ['GenerationDropped', { generation: 2 }, by],
    ])
    expect(await database.queries.query('select from emberlog.act')).toEqual([])
  })

  test('tell that a rebuild was given up, and why', async () => {
    const record = new TestRecord()
    record.append([started(), sent('m1')])
    await handleBatches(database, [record.events])
    await database.queries.query(`update chat_g1.message set text = 'tampered'`)
    await expect(rebuildProjections({ database, reader: record, codec, logger, by })).rejects.toThrow()
    await recordAll()
    expect((await recorded()).at(-1)).toEqual(['RebuildAbandoned', { generation: 2, code: 'generation-differs' }, by])
  })

  test('of the writer and of operators tell what became of a parked event', async () => {
    const record = poisonedRecord()
    await handleBatches(database, [record.events])
    const act = { database, reader: readerOf(record), codec, logger, by, stream }
    await retryParkedEvents(act)
    await discardParkedEvent({ ...act, position: positionOf(2), reason: 'written by a broken program' })
    await recordAll()
    const position = String(positionOf(2))
    const parked = { generation: 1, stream, position, eventType: 'ConversationRenamed', code: 'event-not-decodable' }
    expect(await recorded()).toEqual([
      ['EventParked', parked, system],
      ['ParkedEventsReleased', { generation: 1, stream, released: 0, remaining: 2 }, by],
      ['ParkedEventDiscarded', { stream, position, reason: 'written by a broken program' }, by],
      ['ParkedEventsReleased', { generation: 1, stream, released: 2, remaining: 0 }, by],
    ])
  })

  test('that did not happen are not noted', async () => {
    const record = new TestRecord()
    record.append([started()])
    await handleBatches(database, [record.events])
    await expect(rollBackTo({ database, reader: record, logger, by, generation: 1 })).rejects.toThrow('generation-live')
    await expect(dropGeneration({ database, logger, by, generation: 9 })).rejects.toThrow('generation-unknown')
    const act = { database, reader: readerOf(record), codec, logger, by, stream, position: positionOf(0), reason: '' }
    await expect(discardParkedEvent(act)).rejects.toThrow('not-parked')
    expect(await database.queries.query('select from emberlog.act')).toEqual([])
  })

  test('are recorded once, also when two processes record them and one is cut off in between', async () => {
    await handleBatches(database, [poisonedRecord().events])
    const seen: NotedAct[] = []
    const cutOff = async (act: NotedAct) => {
      await recorder()(act)
      seen.push(act)
      throw new Error('killed before it could say so')
    }
    await recordAll(cutOff)
    expect(seen).toHaveLength(1)
    expect(await database.queries.query('select from emberlog.act')).toHaveLength(1)
    await Promise.all([recordAll(), recordAll()])
    expect(await database.queries.query('select from emberlog.act')).toEqual([])
    expect(await recorded()).toHaveLength(1)
  })

  test('are recorded by the running writer', async () => {
    const parts = { database, reader: poisonedRecord(), codec, logger, recordAct: recorder() }
    const writer = createProjectionWriter(parts)
    writers.push(writer)
    writer.start()
    await eventually('recorded', async () => (await recorded()).length === 1)
    expect(await recorded()).toMatchObject([['EventParked', { generation: 1, stream }, system]])
  })
})
