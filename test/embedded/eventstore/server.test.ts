import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { describe, expect, test } from 'vitest'
import { startEventStore } from '../../../src/embedded/eventstore/server.ts'
import { openMemoryLog } from '../../../src/embedded/eventstore/storage/memory-log.ts'

const local = { host: '127.0.0.1', port: 0 }

describe('a server', () => {
  test('serves other machines without TLS only when it is told that it may', async () => {
    const open = { log: openMemoryLog(), host: '0.0.0.0', port: 0 }
    await expect(startEventStore(open)).rejects.toMatchObject({ code: 'insecure-host' })
    const server = await startEventStore({ ...open, isInsecureAllowed: true })
    expect(server.port).toBeGreaterThan(0)
    await server.close()
  })

  test('is found by clients that discover their node', async () => {
    const server = await startEventStore({ ...local, log: openMemoryLog() })
    const client = EventStoreDBClient.connectionString(`esdb+discover://127.0.0.1:${server.port}?tls=false`)
    const { success } = await client.appendToStream('a', jsonEvent({ type: 'noted', data: {} }))
    expect(success).toBe(true)
    await client.dispose()
    await server.close()
  })

  test('goes on over the same log after it was closed, and marks that it leads anew', async () => {
    const log = openMemoryLog()
    for (let epoch = 0; epoch < 3; epoch += 1) {
      const server = await startEventStore({ ...local, log })
      const client = EventStoreDBClient.connectionString(server.url)
      const numbers: unknown[] = []
      for await (const { event } of client.readStream('$epoch-information'))
        numbers.push((event?.data as { epochNumber: number } | undefined)?.epochNumber)
      expect(numbers).toEqual(Array.from({ length: epoch + 1 }, (_, index) => index))
      await client.dispose()
      await server.close()
    }
  })

  test('ends unary calls as unavailable and subscriptions as cancelled when it closes', async () => {
    let isHeld = false
    const log = openMemoryLog({ commit: () => (isHeld ? new Promise(() => {}) : Promise.resolve()) })
    const server = await startEventStore({ ...local, log })
    const client = EventStoreDBClient.connectionString(server.url)
    const subscription = client.subscribeToStream('a')
    const ended = new Promise((resolve) => subscription.on('error', resolve))
    subscription.resume()
    await new Promise((resolve) => subscription.once('confirmation', resolve))
    isHeld = true
    const append = client.appendToStream('b', jsonEvent({ type: 'noted', data: {} }), {
      credentials: { username: 'admin', password: 'changeit' }, // The call is unary then.
    })
    const refused = expect(append).rejects.toMatchObject({ type: 'unavailable' })
    await expect.poll(() => log.head('b')).toBeDefined()
    await server.close()
    await refused
    expect(await ended).toMatchObject({ type: 'cancelled' })
    await client.dispose()
  })

  test('ends appends of a client that has been answered before as unavailable, too', async () => {
    let isHeld = false
    const log = openMemoryLog({ commit: () => (isHeld ? new Promise(() => {}) : Promise.resolve()) })
    const server = await startEventStore({ ...local, log })
    const client = EventStoreDBClient.connectionString(server.url)
    await client.appendToStream('a', jsonEvent({ type: 'noted', data: {} }))
    isHeld = true
    const refused = expect(client.appendToStream('b', jsonEvent({ type: 'noted', data: {} }))).rejects.toMatchObject({
      type: 'unavailable',
    })
    await expect.poll(() => log.head('b')).toBeDefined()
    await server.close()
    await refused
    await client.dispose()
  })
})
