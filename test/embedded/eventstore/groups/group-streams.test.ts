import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  deleteGroupStreams,
  hideParked,
  park,
  parkedStreamOf,
  readUnansweredReplay,
} from '../../../../src/embedded/eventstore/groups/group-streams.ts'
import { LIMITS } from '../../../../src/embedded/eventstore/limits.ts'
import { unreadableRecords } from '../../../../src/embedded/eventstore/operations/unreadable-records.ts'
import { decodeContent } from '../../../../src/embedded/eventstore/protocol/recorded-event.ts'
import type { LogRecord } from '../../../../src/embedded/eventstore/storage/event-log.ts'
import { openMemoryLog } from '../../../../src/embedded/eventstore/storage/memory-log.ts'
import { EventStore } from '../../../../src/embedded/eventstore/streams/event-store.ts'
import { EXPECT } from '../../../../src/embedded/eventstore/streams/expected-revision.ts'

const KEY = { stream: 's', group: 'g' }
const PARKED = parkedStreamOf(KEY)

/** A store in which one event was parked so many times. */
async function storeWithParked(count: number, reason = 'test'): Promise<EventStore> {
  const store = new EventStore(openMemoryLog())
  const bytes = { isJson: true, data: Buffer.from('{}'), metadata: Buffer.alloc(0) }
  await store.appendOwn('s', [{ id: randomUUID(), type: 'noted', ...bytes }])
  const original = store.visibleEvent('s', 0) as LogRecord
  for (let parked = 0; parked < count; parked += 1)
    await park(store, KEY, { original, event: original, reason, nowMs: 0 })
  return store
}

describe('parked messages', () => {
  test('are kept by a scavenge while they are replayed and not answered, though nobody can read them', async () => {
    const store = await storeWithParked(4)
    const unreadable = () => {
      const { isUnreadable, stop } = unreadableRecords(store)
      stop()
      const records = store.log.readStream(PARKED, { from: 0, direction: 'forwards', countMax: 9, bytesMax: 9_999 })
      return records.filter(isUnreadable).map(({ revision }) => revision)
    }
    await hideParked(store, KEY, 3, 1)
    expect(unreadable()).toEqual([0])
    expect(readUnansweredReplay(store, PARKED)).toEqual({ from: 1, end: 3 })
    await hideParked(store, KEY, 3)
    expect(unreadable()).toEqual([0, 1, 2])
    expect(readUnansweredReplay(store, PARKED)).toBeUndefined()
  })

  test('keep what somebody else has set for their stream', async () => {
    const store = await storeWithParked(2)
    const data = Buffer.from('{"$acl": {"$r": "$ops"}}')
    const metadata = { id: randomUUID(), type: '$metadata', isJson: true, data, metadata: Buffer.alloc(0) }
    await store.appendOwn(`$$${PARKED}`, [metadata])
    await hideParked(store, KEY, 1)
    expect(store.metadata(PARKED)).toMatchObject({ truncateBefore: 1, acl: { $r: '$ops' } })
  })

  test('say why in as many words as there is room for', async () => {
    const store = await storeWithParked(1, 'x'.repeat(1_000_000))
    const record = store.visibleEvent(PARKED, 0) as LogRecord
    const { reason } = JSON.parse(decodeContent(record.body).metadata.toString()) as { reason: string }
    expect(reason).toHaveLength(LIMITS.parkReasonCharactersMax)
  })

  test('go with their group, and their stream may be closed for ever already', async () => {
    const store = await storeWithParked(1)
    await deleteGroupStreams(store, KEY)
    expect(store.visible(PARKED).kind).toBe('not-found')
    const closed = store.tombstone(PARKED, EXPECT.any)
    if (closed.kind === 'done') await closed.durable
    await deleteGroupStreams(store, KEY)
    expect(store.visible(PARKED).kind).toBe('deleted')
  })
})
