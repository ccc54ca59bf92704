import { randomUUID } from 'node:crypto'
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { describe, expect, test } from 'vitest'
import type { ProposedEvent } from '../../../../src/embedded/eventstore/protocol/recorded-event.ts'
import { startEventStore } from '../../../../src/embedded/eventstore/server.ts'
import { openMemoryLog } from '../../../../src/embedded/eventstore/storage/memory-log.ts'
import { EventStore } from '../../../../src/embedded/eventstore/streams/event-store.ts'
import { EXPECT } from '../../../../src/embedded/eventstore/streams/expected-revision.ts'

const NO_BYTES = new Uint8Array(0)
const noted = (data = '{}'): ProposedEvent => {
  return { id: randomUUID(), type: 'noted', isJson: true, data: Buffer.from(data), metadata: NO_BYTES }
}

/** A disk that syncs when it is told to. */
function slowDisk() {
  const syncs: { resolve: () => void; reject: (error: Error) => void }[] = []
  const log = openMemoryLog({ commit: () => new Promise((resolve, reject) => syncs.push({ resolve, reject })) })
  return { store: new EventStore(log, () => 1_000), syncs }
}

/** Notes whether a promise has been kept so far. */
async function isKept(promise: Promise<void>): Promise<boolean> {
  return Promise.race([promise.then(() => true), new Promise<boolean>((resolve) => setImmediate(resolve, false))])
}

function done(outcome: ReturnType<EventStore['append']>) {
  if (outcome.kind !== 'done') throw new Error(outcome.kind)
  return outcome
}

describe('what is decided but not yet synced', () => {
  test('is seen by the next writer and by no reader', async () => {
    const { store, syncs } = slowDisk()
    const first = done(store.append('a', EXPECT.noStream, [noted()]))
    expect(store.append('a', EXPECT.noStream, [noted()])).toEqual({ kind: 'wrong-revision', currentRevision: 0 })
    expect(store.visible('a')).toEqual({ kind: 'not-found' })
    await isKept(first.durable)
    syncs[0]?.resolve()
    await first.durable
    expect(store.visible('a')).toEqual({ kind: 'found', first: 0, last: 0 })
  })

  test('is not acknowledged, not even to a writer who repeats it', async () => {
    const { store, syncs } = slowDisk()
    const event = noted()
    const first = done(store.append('a', EXPECT.any, [event]))
    const again = done(store.append('a', EXPECT.any, [event]))
    expect(again.position).toBe(first.position)
    expect(await isKept(again.durable)).toBe(false)
    syncs[0]?.resolve()
    await again.durable
    expect(await isKept(first.durable)).toBe(true)
  })

  test('deletes nothing for readers yet', async () => {
    const { store, syncs } = slowDisk()
    const written = done(store.append('a', EXPECT.any, [noted()]))
    await isKept(written.durable)
    syncs[0]?.resolve()
    await written.durable
    const deleted = done(store.delete('a', EXPECT.any))
    expect(store.visible('a')).toMatchObject({ kind: 'found' })
    expect(store.append('a', EXPECT.exists, [noted()])).toEqual({ kind: 'deleted' })
    await isKept(deleted.durable)
    syncs[1]?.resolve()
    await deleted.durable
    expect(store.visible('a')).toEqual({ kind: 'not-found' })
  })
})

describe('a stream', () => {
  test('shows what is younger than $maxAge, found without looking at all of it', async () => {
    let now = 0
    const log = openMemoryLog()
    const store = new EventStore(log, () => now)
    for (let index = 0; index < 1_000; index += 1) {
      now = index * 10
      void store.append('a', EXPECT.any, [noted()])
    }
    await done(store.append('$$a', EXPECT.any, [noted('{"$maxAge":1}')])).durable
    now = 9_995
    expect(store.visible('a')).toEqual({ kind: 'found', first: 900, last: 999 })
  })

  test('stays readable around what compaction took away', async () => {
    const log = openMemoryLog()
    const store = new EventStore(log)
    await done(store.append('a', EXPECT.any, [noted(), noted(), noted(), noted()])).durable
    await log.compact({ mayDrop: ({ revision, stream }) => stream === 'a' && revision % 2 === 0 })
    expect(store.visibleEvent('a', 2)).toBeUndefined()
    expect(store.visibleEvent('a', 1)?.revision).toBe(1)
    expect(store.visibleEvent('a', -1)?.revision).toBe(3)
  })
})

test('a store that cannot write acknowledges nothing', async () => {
  let isBroken = false
  const log = openMemoryLog({
    commit: () => (isBroken ? Promise.reject(new Error('no space left')) : Promise.resolve()),
  })
  const server = await startEventStore({ log, host: '127.0.0.1', port: 0 })
  const client = EventStoreDBClient.connectionString(server.url)
  await client.appendToStream('a', jsonEvent({ type: 'noted', data: {} }))
  isBroken = true
  const refused = client.appendToStream('a', jsonEvent({ type: 'noted', data: {} }))
  await expect(refused).rejects.toMatchObject({ type: 'unavailable' })
  await client.dispose()
  await server.close()
})
