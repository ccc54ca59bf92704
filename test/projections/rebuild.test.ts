import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createProjectionWriter } from '../../src/projections/projection-writer.ts'
import { type RebuildProgress, rebuildProjections } from '../../src/projections/rebuild.ts'
import { isFault } from '../../src/shared/failures.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { renamed, sent, started } from '../support/examples.ts'
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
afterEach(() => postgres.closeDatabases())

function exampleRecord(): TestRecord {
  const record = new TestRecord()
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    const { events, stream } = conversation('ada', name, 6)
    record.append(events, stream)
  }
  return record
}

const parts = { codec, logger: silentLogger }

describe('a rebuild', () => {
  test('gives the same rows from nothing, and shows them at one stroke', async () => {
    const database = await postgres.open()
    const record = exampleRecord()
    await handleBatches(database, [record.events])
    const before = await digest(database)
    const progress: RebuildProgress[] = []
    const result = await rebuildProjections({
      ...parts,
      database,
      reader: record,
      limits: { eventsMax: 10 },
      onProgress: (step) => progress.push(step),
    })
    expect(result).toMatchObject({ generation: 2, replaced: 1, events: record.events.length, differing: [] })
    expect(await liveGeneration(database)).toMatchObject({ number: 2, schema: 'chat_g2', position: record.last })
    expect(await digest(database)).toEqual(before)
    expect(before['message']?.rows).toBe(60n)
    expect(await rowsOf(database, 'conversation')).toHaveLength(5)
    expect(progress.map(({ events }) => events)).toContain(record.events.length)
    expect(progress.at(-1)).toMatchObject({ step: 'showing', eventsTotal: record.events.length })
  })

  test('copies any text as it is, and a row that is said twice as the later one', async () => {
    const database = await postgres.open()
    const record = new TestRecord()
    const texts = [
      'tab\there',
      'line\nbreak\r\n',
      'back\\slash \\N \\. \\t',
      '\\N',
      '\\.',
      '',
      ' ',
      '"quoted", {braces}',
      '𝕌nicode 🦊 \u2028',
    ]
    record.append([started(), ...texts.map((text, index) => sent(`m${index}`, { text })), renamed('a\tb\\c\nd')])
    record.append([sent('m1', { text: 'said once more' })])
    await handleBatches(
      database,
      record.events.map((event) => [event]),
    )
    const before = await digest(database)
    await rebuildProjections({ ...parts, database, reader: record, limits: { eventsMax: 4 } })
    expect(await digest(database)).toEqual(before)
    const rows = await rowsOf(database, 'message')
    const expected = texts.map((text, index) => (index === 1 ? 'said once more' : text))
    expect(rows.map(({ text }) => text)).toEqual(expected)
  })

  test('parks what cannot become rows in the middle of its batches, and nothing else', async () => {
    const database = await postgres.open()
    const record = exampleRecord()
    const spoil = (index: number, data: object) => {
      record.events[index] = { ...(record.events[index] as TestRecord['events'][0]), data }
    }
    spoil(7, {}) // Cannot be decoded.
    record.append([started(), sent('m1', { text: 'no \0 in Postgres' }), renamed('Follows')])
    const last = conversation('bob', 'last', 3)
    record.append(last.events, last.stream)
    await handleBatches(
      database,
      record.events.map((event) => [event]),
    )
    const parkedIn = (generation: number) =>
      database.queries.query(
        'select position, reason, is_first from emberlog.parked_event where generation = $1 order by position',
        [generation],
      )
    const before = await digest(database)
    for (const eventsMax of [1, 3, 50]) {
      const { generation } = await rebuildProjections({ ...parts, database, reader: record, limits: { eventsMax } })
      expect(await digest(database)).toEqual(before)
      expect(await parkedIn(generation)).toEqual(await parkedIn(1))
    }
  })

  test('gives the same rows after everything was dropped', async () => {
    const database = await postgres.open()
    const record = exampleRecord()
    await handleBatches(database, [record.events])
    const before = await digest(database)
    await database.queries.query('drop schema chat_g1 cascade')
    await database.prepare()
    expect(await rowsOf(database, 'conversation')).toEqual([])
    await rebuildProjections({ ...parts, database, reader: record })
    expect(await digest(database)).toEqual(before)
  })

  test('lets the live writer go on, which then feeds the new generation', async () => {
    const database = await postgres.open()
    const record = exampleRecord()
    const writer = createProjectionWriter({ ...parts, database, reader: record })
    writer.start()
    await eventually('caught up', () => writer.status().position === record.last)
    let renames = 0
    const { generation } = await rebuildProjections({
      ...parts,
      database,
      reader: record,
      limits: { eventsMax: 5 },
      onProgress: () => {
        renames += 1
        record.append([renamed(`Name ${renames}`)], conversation('ada', 'a', 0).stream)
      },
    })
    expect(renames).toBeGreaterThan(5)
    const last = record.append([renamed('After')], conversation('ada', 'a', 0).stream)
    await eventually('feeding the new generation', () => {
      const { position, generation: fed } = writer.status()
      return fed === generation && position === last
    })
    await writer.stop()
    const clean = await postgres.open()
    await handleBatches(clean, [record.events])
    expect(await digest(database)).toEqual(await digest(clean))
  })

  test('refuses to show rows that differ without a reason', async () => {
    const database = await postgres.open()
    const record = exampleRecord()
    await handleBatches(database, [record.events])
    await database.queries.query(`update chat_g1.message set text = 'tampered' where message_id = 'm1'`)
    await expect(rebuildProjections({ ...parts, database, reader: record })).rejects.toSatisfy(
      (error) => isFault(error, 'generation-differs') && error.details['models'] === 'message',
    )
    expect(await liveGeneration(database)).toMatchObject({ number: 1 })
    const forced = await rebuildProjections({ ...parts, database, reader: record, isForced: true })
    expect(forced).toMatchObject({ generation: 3, differing: ['message'] })
    expect(await rowsOf(database, 'message')).not.toContainEqual(expect.objectContaining({ text: 'tampered' }))
  })
})
