import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { afterEach, describe, expect, test } from 'vitest'
import { type EmbeddedEventStore, startEmbeddedEventStore } from '../../../src/embedded/eventstore/start-embedded.ts'

const stores: EmbeddedEventStore[] = []

async function start(port = 0): Promise<EmbeddedEventStore> {
  const store = await startEmbeddedEventStore({ inMemory: true, port })
  stores.push(store)
  return store
}

afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.stop()))
})

describe('an embedded event store', () => {
  test('answers the official client in the same program', async () => {
    const { connectionString } = await start()
    const client = EventStoreDBClient.connectionString(connectionString)
    const { nextExpectedRevision } = await client.appendToStream(
      'house',
      jsonEvent({ type: 'Built', data: { floors: 2 } }),
    )
    expect(nextExpectedRevision).toBe(0n)
    const types: string[] = []
    for await (const { event } of client.readStream('house')) types.push(event?.type ?? '')
    expect(types).toEqual(['Built'])
    await client.dispose()
  })

  test('frees its port when it stops, and stops twice without harm', async () => {
    const first = await start()
    await first.stop()
    await first.stop()
    const second = await start(first.port)
    expect(second.port).toBe(first.port)
  })

  test('refuses to start on a port that is taken', async () => {
    const { port } = await start()
    await expect(start(port)).rejects.toThrow('EADDRINUSE')
  })

  test('keeps what was acknowledged when it is started again, and refuses a second start on its directory', async () => {
    const dataDirectory = await mkdtemp(path.join(tmpdir(), 'emberlog-store-'))
    const first = await startEmbeddedEventStore({ dataDirectory })
    stores.push(first)
    const client = EventStoreDBClient.connectionString(first.connectionString)
    await client.appendToStream('house', jsonEvent({ type: 'Built', data: {} }))
    await client.dispose()
    await expect(startEmbeddedEventStore({ dataDirectory })).rejects.toMatchObject({ code: 'directory-in-use' })
    await first.stop()
    const second = await startEmbeddedEventStore({ dataDirectory })
    stores.push(second)
    const again = EventStoreDBClient.connectionString(second.connectionString)
    const { nextExpectedRevision } = await again.appendToStream('house', jsonEvent({ type: 'Sold', data: {} }))
    expect(nextExpectedRevision).toBe(1n)
    await again.dispose()
  })

  test('ends open subscriptions when it stops', async () => {
    const store = await start()
    const client = EventStoreDBClient.connectionString(store.connectionString)
    const subscription = client.subscribeToAll()
    const failure = new Promise((resolve) => subscription.on('error', resolve))
    await new Promise((resolve) => subscription.once('caughtUp', resolve))
    await store.stop()
    expect(await failure).toMatchObject({ type: 'cancelled' })
  })
})
