import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { startEmbeddedEventStore } from '../../src/embedded/eventstore/start-embedded.ts'
import type { Uuid } from '../../src/shared/ids.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { within } from '../../src/shared/waiting.ts'
import { openEventStoreDb } from '../../src/store/eventstoredb-store.ts'

test('the record closes after its last position was read and its log followed', async () => {
  const eventStore = await startEmbeddedEventStore({ inMemory: true })
  const store = openEventStoreDb({ connectionString: eventStore.connectionString, logger: silentLogger })
  const event = { eventId: randomUUID() as Uuid, type: 'Happened', data: {}, metadata: {} }
  await store.append('conversation-1', [event], 'no-stream')
  const following = new AbortController()

  expect(await store.lastPosition()).toBeTypeOf('bigint')
  const all = { after: 'start', streamPrefixes: ['conversation-'], signal: following.signal } as const
  for await (const delivery of store.subscribeToAll(all)) if (delivery.kind === 'caught-up') break

  await within(5_000, store.close(), () => new Error('the record did not close'))
  await eventStore.stop()
})
