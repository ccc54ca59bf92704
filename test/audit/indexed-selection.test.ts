import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EventFilter, selectEvents } from '../../src/audit/event-selection.ts'
import { pageOfIndexedEvents } from '../../src/audit/indexed-selection.ts'
import type { StoredEvent } from '../../src/events/codec.ts'
import { conversationIdOf, conversationStream } from '../../src/events/stream-names.ts'
import type { Database } from '../../src/projections/database.ts'
import { createEventQueries } from '../../src/projections/event-queries.ts'
import { emptyReadModels, handleBatches } from '../projections/support/projection.ts'
import { startTestPostgres, type TestPostgres } from '../projections/support/test-postgres.ts'
import { append } from '../reactors/ledger-harness.ts'
import { noted, personStream, rated, sent, started } from '../support/examples.ts'
import { type RecordHarness, startRecord } from '../support/record-harness.ts'

let record: RecordHarness
let postgres: TestPostgres
let database: Database
let events: StoredEvent[]

const ids = ['one', 'two'].map((name) => conversationIdOf('ada', name))
const streams = ids.map(conversationStream)

beforeAll(async () => {
  postgres = await startTestPostgres()
  database = await postgres.open()
  record = await startRecord()
  for (const conversationId of ids) {
    await append(record.store, conversationStream(conversationId), [started({ conversationId })])
  }
  await append(record.store, personStream, [noted()], { $correlationId: 'rare' })
  // Between two that are looked for stand sixteen others, then seventeen, then none, in two streams by turns.
  for (const [index, between] of [16, 17, 0, 1].entries()) {
    for (const stream of streams) {
      const others = Array.from({ length: between }, () => rated())
      await append(record.store, stream, others, { actor: { kind: 'user', id: 'a:b' } })
      await append(record.store, stream, [sent(`m${index}`)])
    }
  }
  events = []
  for await (const event of selectEvents(record.store, {})) events.push(event)
  await handleBatches(database, [events])
})
afterAll(async () => {
  await record?.stop()
  await postgres?.stop()
})

const page = (filter: EventFilter, limit = 1_000) =>
  pageOfIndexedEvents({ reader: record.store, index: createEventQueries({ database }) }, filter, limit)
const positions = (found: readonly StoredEvent[]) => found.map(({ position }) => position)
const messages = () => events.filter(({ type }) => type === 'MessageSent')

describe('a search by the index', () => {
  it.each([1, 2, 3, 7, 1_000])('finds each event once, in order, in pages of %i', async (limit) => {
    const found: bigint[] = []
    let rest: EventFilter | undefined = { type: 'MessageSent' }
    while (rest !== undefined) {
      const { events: some, next, indexed } = await page(rest, limit)
      expect(indexed).toEqual({
        ...{ to: events.at(-1)?.position, waitingStreams: 0, discardedEvents: 0, notFound: 0 },
      })
      found.push(...positions(some))
      rest = next === undefined ? undefined : { type: 'MessageSent', after: next }
    }
    expect(found).toEqual(positions(messages()))
    expect(found).toHaveLength(8)
  })

  it('finds everything that is in it, from the very first position on', async () => {
    expect(positions((await page({})).events)).toEqual(positions(events))
  })

  it('takes an id with a colon for what it is, and with its kind before it', async () => {
    const rated = positions(events.filter(({ type }) => type === 'ResponseRated'))
    expect(rated).toHaveLength(68)
    for (const actor of ['a:b', 'user:a:b']) expect(positions((await page({ actor })).events)).toEqual(rated)
    for (const actor of ['b', 'agent:a:b', 'a']) expect((await page({ actor })).events).toEqual([])
  })

  it('finds what a person’s own stream holds', async () => {
    const found = await page({ correlationId: 'rare' })
    expect(found.events.map(({ stream, type }) => [stream, type])).toEqual([[personStream, 'ProfileFactNoted']])
  })

  it('says how many events an operator left out', async () => {
    await database.queries.query(
      `insert into emberlog.discarded_event (position, stream, revision, event_id, type, reason, discarded_by)
      values (1, 'conversation-x', 0, 'x', 'MessageSent', 'a test', 'olga')`,
    )
    expect((await page({})).indexed.discardedEvents).toBe(1)
    await database.queries.query('delete from emberlog.discarded_event')
  })

  it('says nothing of rows that another version made', async () => {
    await database.queries.query('update emberlog.generation set projectors_version = projectors_version - 1')
    await expect(page({})).rejects.toMatchObject({ code: 'read-models-outdated' })
    await database.queries.query('update emberlog.generation set projectors_version = projectors_version + 1')
  })
})

describe('an index that says what the record does not', () => {
  const middle = () => messages()[3] as StoredEvent
  const altered: [string, (at: bigint) => string][] = [
    ['a revision of another event', (at) => `set revision = revision - 1 where position = ${at}`],
    ['a revision between others', (at) => `set revision = revision - 3 where position = ${at}`],
    ['a revision that will be', (at) => `set revision = revision + 1000 where position = ${at}`],
    ['a revision that cannot be', (at) => `set revision = -1 where position = ${at}`],
    ['a stream that is not there', (at) => `set stream = 'conversation-nowhere' where position = ${at}`],
    ['the other stream', (at) => `set stream = '${streams[0]}' where position = ${at}`],
    ['no stream', (at) => `set stream = '' where position = ${at}`],
    ['a stream of the store', (at) => `set stream = '$all' where position = ${at}`],
    ['a draft', (at) => `set stream = 'draft-x' where position = ${at}`],
    ['another id', (at) => `set event_id = gen_random_uuid() where position = ${at}`],
    ['another position', (at) => `set position = position + 1 where position = ${at}`],
  ]

  it.each(altered)('such as %s hides that event, shows no other twice, and is counted', async (_what, change) => {
    await database.queries.query(`update chat.event_index ${change(middle().position)}`)
    const found = await page({ type: 'MessageSent' })
    expect(positions(found.events)).toEqual(positions(messages().filter((event) => event !== middle())))
    expect(found.indexed.notFound).toBe(1)
    await restore()
  })

  it('such as another type shows it as neither, and counts it', async () => {
    await database.queries.query(`update chat.event_index set type = 'Rare' where position = ${middle().position}`)
    expect(await page({ type: 'Rare' })).toMatchObject({ events: [], indexed: { notFound: 1 } })
    await restore()
  })

  it('such as an event that it has twice shows it once, and counts it', async () => {
    await database.queries.query(
      `insert into chat.event_index
      select gen_random_uuid(), position, stream, revision, event_id, type, actor_kind, actor_id, correlation_id, causation_id, occurred_at
      from chat.event_index where position = ${middle().position}`,
    )
    const found = await page({ type: 'MessageSent' })
    expect(positions(found.events)).toEqual(positions(messages()))
    expect(found.indexed.notFound).toBe(1)
    await restore()
  })

  async function restore() {
    await emptyReadModels(database)
    await handleBatches(database, [events])
  }
})

describe('partitions that are not equally far', () => {
  it('are searched as far as all of them are, so that later pages pass over nothing', async () => {
    const parted = await postgres.open({ connectionsMax: 10, partitions: 4 })
    const [first, ...rest] = messages().map(({ position }) => position)
    const index = createEventQueries({ database: parted })
    await parted.queries.query(
      `insert into chat.event_index
      select gen_random_uuid(), position, 'conversation-x', 0, gen_random_uuid(), 'MessageSent', 'user', 'ada', 'c', 'c', now()
      from unnest($1::bigint[]) as position`,
      [messages().map(({ position }) => position)],
    )
    await parted.queries.query(`delete from emberlog.checkpoint`)
    await parted.queries.query(
      `insert into emberlog.checkpoint (generation, partition, position) values (1, 0, $1), (1, 1, $2)`,
      [rest.at(-1), first],
    )
    const found = await index.find({ type: 'MessageSent', limit: 3 })
    expect([found.indexedTo, found.places.map(({ position }) => position)]).toEqual([first, [first]])
  })
})
