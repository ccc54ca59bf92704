import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type EmbeddedEventStore, startEmbeddedEventStore } from '../../src/embedded/eventstore/start-embedded.ts'
import type { ConversationEvent } from '../../src/events/conversation-events.ts'
import { createConversationQueries } from '../../src/projections/conversation-queries.ts'
import { rollBackTo } from '../../src/projections/generation-acts.ts'
import { createProjectionWriter, type ProjectionWriter } from '../../src/projections/projection-writer.ts'
import { rebuildProjections } from '../../src/projections/rebuild.ts'
import type { Position } from '../../src/shared/ids.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import type { EventStore } from '../../src/store/event-store.ts'
import { openEventStoreDb } from '../../src/store/eventstoredb-store.ts'
import { envelope, renamed } from '../support/examples.ts'
import { conversation } from './support/conversations.ts'
import { digest } from './support/projection.ts'
import { codec } from './support/record.ts'
import { startTestPostgres, type TestPostgres } from './support/test-postgres.ts'
import { eventually } from './support/waiting.ts'

let postgres: TestPostgres
let dataDirectory: string
let server: EmbeddedEventStore
let store: EventStore
let writer: ProjectionWriter | undefined

beforeAll(async () => {
  postgres = await startTestPostgres()
  dataDirectory = await mkdtemp(join(tmpdir(), 'emberlog-record-'))
  server = await startEmbeddedEventStore({ dataDirectory })
  store = openEventStoreDb({ connectionString: server.connectionString, logger: silentLogger })
})
afterEach(async () => {
  await writer?.stop()
  await postgres.closeDatabases()
})
afterAll(async () => {
  await store.close()
  await server.stop()
  await postgres.stop()
  await rm(dataDirectory, { recursive: true, force: true })
})

let commands = 0
async function append(stream: string, events: readonly ConversationEvent[]): Promise<Position> {
  commands += 1
  const commandId = `command-${commands}`
  const encoded = await Promise.all(
    events.map((event, index) => codec.encode(stream, event, envelope({ commandId }), { index, person: 'ada' })),
  )
  const result = await store.append(stream, encoded, 'any')
  if (result.kind !== 'appended') throw new Error('not appended')
  return result.position
}

describe('read models of a real record', () => {
  test('show what a command answered with, as soon as a query asks for its position', async () => {
    const database = await postgres.open()
    const queries = createConversationQueries({ database, logger: silentLogger })
    const { id, stream, events } = conversation('ada', 'first', 3)
    writer = createProjectionWriter({ database, reader: store, codec, logger: silentLogger })
    writer.start()
    const position = await append(stream, events)
    expect(await queries.waitFor({ position, waitMsMax: 20_000 })).toMatchObject({ isReached: true })
    expect(await queries.get(id)).toMatchObject({ messageCount: 6, title: 'What is RAG? (1)' })
  })

  test('go on by themselves when the store was away', async () => {
    const database = await postgres.open()
    const queries = createConversationQueries({ database, logger: silentLogger })
    writer = createProjectionWriter({ database, reader: store, codec, logger: silentLogger })
    writer.start()
    const { id, stream, events } = conversation('ada', 'away', 1)
    await queries.waitFor({ position: await append(stream, events), waitMsMax: 20_000 })
    const { port } = server
    await server.stop()
    await eventually('noticed', () => writer?.status().state === 'retrying')
    server = await startEmbeddedEventStore({ dataDirectory, port })
    const position = await append(stream, [renamed('Back')])
    expect(await queries.waitFor({ position, waitMsMax: 20_000 })).toMatchObject({ isReached: true })
    expect(await queries.get(id)).toMatchObject({ title: 'Back' })
  })

  test('are led back to though only streams of others were written since', async () => {
    const database = await postgres.open()
    const queries = createConversationQueries({ database, logger: silentLogger })
    const { id, stream, events } = conversation('cleo', 'led back', 2)
    await append(stream, events)
    const parts = { database, reader: store, codec, logger: silentLogger }
    await rebuildProjections(parts)
    const foreign = await append('other-stream', [renamed('None of ours')])
    const { generation, replaced } = await rebuildProjections(parts)
    writer = createProjectionWriter(parts)
    writer.start()
    await eventually('fed', () => writer?.status().generation === generation && writer.status().state === 'live')
    const by = { kind: 'operator', id: 'olga' } as const
    expect(await rollBackTo({ ...parts, by, generation: replaced })).toMatchObject({ number: replaced, state: 'live' })
    expect(await queries.waitFor({ position: foreign, waitMsMax: 20_000 })).toMatchObject({ isReached: true })
    const position = await append(stream, [renamed('Led back')])
    expect(await queries.waitFor({ position, waitMsMax: 20_000 })).toMatchObject({ isReached: true })
    expect(await queries.get(id)).toMatchObject({ title: 'Led back' })
  })

  test('are the same when rebuilt, with nobody else running', async () => {
    const database = await postgres.open()
    await append(conversation('bob', 'more', 4).stream, conversation('bob', 'more', 4).events)
    const parts = { database, reader: store, codec, logger: silentLogger }
    await rebuildProjections(parts)
    const before = await digest(database)
    expect(before['message']?.rows).toBeGreaterThan(7n)
    const { differing } = await rebuildProjections(parts)
    expect(differing).toEqual([])
    expect(await digest(database)).toEqual(before)
  })
})
