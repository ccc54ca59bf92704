/** The official client's successor works against the same stores. */
import { randomUUID } from 'node:crypto'
import { jsonEvent, KurrentDBClient } from '@kurrent/kurrentdb-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { contractStores, type OpenStore } from './contract-stores.ts'

describe.each(contractStores)('@kurrent/kurrentdb-client with $name', ({ open }) => {
  let store: OpenStore
  let client: KurrentDBClient

  beforeAll(async () => {
    store = await open()
    client = KurrentDBClient.connectionString(store.connectionString.replace('esdb:', 'kurrentdb:'))
  })

  afterAll(async () => {
    await client.dispose()
    await store.close()
  })

  test('appends with an expected state, reads back and is refused the second time', async () => {
    const stream = `successor-${randomUUID()}`
    const event = jsonEvent({ type: 'noted', data: { label: 'a' } })
    const { nextExpectedRevision } = await client.appendToStream(stream, event, { streamState: 'no_stream' })
    expect(nextExpectedRevision).toBe(0n)
    const again = client.appendToStream(stream, jsonEvent({ type: 'noted', data: {} }), { streamState: 'no_stream' })
    await expect(again).rejects.toMatchObject({ type: 'wrong-expected-version' })
    const ids: unknown[] = []
    for await (const resolved of client.readStream(stream)) ids.push(resolved.event?.id)
    expect(ids).toEqual([event.id])
  })

  test('subscribes to a stream and to everything', async () => {
    const stream = `successor-${randomUUID()}`
    await client.appendToStream(stream, jsonEvent({ type: 'noted', data: { label: 'a' } }))
    for await (const { event } of client.subscribeToStream(stream)) {
      expect(event?.revision).toBe(0n)
      break
    }
    for await (const { event } of client.subscribeToAll()) {
      if (event?.streamId !== stream) continue
      expect(event.data).toEqual({ label: 'a' })
      break
    }
  })
})
