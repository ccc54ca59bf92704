import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { ConsumerPort } from '../../../../src/embedded/eventstore/groups/group-consumer.ts'
import { GroupRegistry, type GroupWish } from '../../../../src/embedded/eventstore/groups/group-registry.ts'
import { checkpointStreamOf, parkedStreamOf } from '../../../../src/embedded/eventstore/groups/group-streams.ts'
import { LIMITS } from '../../../../src/embedded/eventstore/limits.ts'
import { openMemoryLog } from '../../../../src/embedded/eventstore/storage/memory-log.ts'
import { silentLogger } from '../../../../src/embedded/eventstore/store-logger.ts'
import { EventStore } from '../../../../src/embedded/eventstore/streams/event-store.ts'
import { settingsWith } from './group-settings-examples.ts'

const KEY = { stream: 's', group: 'g' }
const wish = (changes: Partial<GroupWish> = {}): GroupWish => ({
  ...KEY,
  settings: settingsWith({ checkpointCountMin: 1, checkpointCountMax: 1 }),
  startFrom: 'start',
  ...changes,
})

const newRegistry = (store = new EventStore(openMemoryLog())) => ({
  store,
  registry: new GroupRegistry({ store, logger: silentLogger }),
})

describe('the registry of groups', () => {
  test('refuses names that no stream could be named after', async () => {
    const { registry } = newRegistry()
    const outcome = await registry.create(wish({ group: 'n'.repeat(LIMITS.groupNameBytesMax) }), 'tester')
    expect(outcome).toEqual({ kind: 'refused', reason: 'the names are too long' })
  })

  test('refuses a strategy that nobody knows', async () => {
    const { registry } = newRegistry()
    const outcome = await registry.create(wish({ settings: settingsWith({ strategy: 'Random' }) }), 'tester')
    expect(outcome.kind).toBe('refused')
  })

  test('takes two groups whose own streams would have one name for one', async () => {
    const { registry } = newRegistry()
    expect((await registry.create(wish({ stream: 'a::b', group: 'c' }), 'tester')).kind).toBe('done')
    expect((await registry.create(wish({ stream: 'a', group: 'b::c' }), 'tester')).kind).toBe('exists')
  })

  test('goes on without the entries of its stream that make no sense', async () => {
    const { store, registry } = newRegistry()
    await registry.create(wish(), 'tester')
    const [good] = registry.list()
    const entries = [
      null,
      7,
      { stream: 'x' },
      { ...good?.definition, stream: '$all', filter: { on: 'type', regex: '[' } },
    ]
    const data = Buffer.from(JSON.stringify({ entries: [...entries, good?.definition] }))
    const event = { id: randomUUID(), type: '$PersistentConfig', isJson: true, data, metadata: new Uint8Array(0) }
    await store.appendOwn('$persistentSubscriptionConfig', [event])
    expect(
      newRegistry(store)
        .registry.list()
        .map(({ definition }) => definition),
    ).toEqual([good?.definition])
  })
})

describe('an event that is parked', () => {
  test('holds the checkpoint back until it is parked durably', async () => {
    const commits: (() => void)[] = []
    let isSlow = false
    const commit = () => new Promise<void>((resolve) => (isSlow ? commits.push(resolve) : resolve()))
    const { store, registry } = newRegistry(new EventStore(openMemoryLog({ commit })))
    const event = { id: randomUUID(), type: 'noted', isJson: true, data: Buffer.from('{}'), metadata: Buffer.alloc(0) }
    await store.appendOwn('s', [event])
    await registry.create(wish(), 'tester')
    const group = registry.find(KEY)
    const sent = Promise.withResolvers<void>()
    const port: ConsumerPort = { send: () => sent.resolve(), writable: async () => true, drop: () => {} }
    const consumer = group?.join({ port, slots: 1, username: 'tester', connectionName: '' })
    await sent.promise
    isSlow = true
    if (consumer) group?.nack(consumer, [event.id], 'park', 'test')
    await turns(20)
    expect(store.log.head(parkedStreamOf(KEY))?.revision).toBe(0)
    expect(store.log.head(checkpointStreamOf(KEY))).toBeUndefined()
    isSlow = false
    for (const resolve of commits) resolve()
    await turns(20)
    expect(store.log.head(checkpointStreamOf(KEY))?.revision).toBe(0)
    registry.halt()
  })
})

/** Lets everything that is ready happen, so many times. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate)
}
