import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { pinOf } from '../../../../src/embedded/eventstore/groups/delivery-content.ts'
import { openSource, type SourceSlice } from '../../../../src/embedded/eventstore/groups/event-source.ts'
import type { GroupDefinition, StrategyName } from '../../../../src/embedded/eventstore/groups/group-settings.ts'
import { openMemoryLog } from '../../../../src/embedded/eventstore/storage/memory-log.ts'
import { EventStore } from '../../../../src/embedded/eventstore/streams/event-store.ts'
import { EXPECT } from '../../../../src/embedded/eventstore/streams/expected-revision.ts'
import { settingsWith } from './group-settings-examples.ts'

const openStore = () => new EventStore(openMemoryLog())

async function append(store: EventStore, stream: string, count: number, type = 'noted', data = '{}', metadata = '') {
  const bytes = { isJson: true, data: Buffer.from(data), metadata: Buffer.from(metadata) }
  const events = Array.from({ length: count }, () => ({ id: randomUUID(), type, ...bytes }))
  const outcome = store.append(stream, EXPECT.any, events)
  if (outcome.kind !== 'done') throw new Error(outcome.kind)
  await outcome.durable
}

const onStream = (liveBufferSize = 500): GroupDefinition => ({
  stream: 's',
  group: 'g',
  settings: settingsWith({ liveBufferSize }),
  startFrom: 'start',
  beginsAt: 0,
  filter: undefined,
})

const revisionsOf = (slice: SourceSlice | 'deleted') =>
  slice === 'deleted' ? slice : slice.records.map(({ revision }) => revision)

describe('a group that reads one stream', () => {
  test('sees of history what may be seen now', async () => {
    const store = openStore()
    await append(store, 's', 5)
    await append(store, '$$s', 1, '$metadata', '{"$tb": 3}')
    expect(revisionsOf(openSource(store, onStream()).read(10))).toEqual([3, 4])
  })

  test('sees everything that is written while it keeps up, even what is hidden at once', async () => {
    const store = openStore()
    await append(store, '$$s', 1, '$metadata', '{"$maxCount": 1}')
    const source = openSource(store, onStream())
    expect(revisionsOf(source.read(10))).toEqual([])
    expect(source.isLive).toBe(true)
    await append(store, 's', 3)
    expect(revisionsOf(source.read(10))).toEqual([0, 1, 2])
  })

  test('counts as history again when more is written than its live buffer holds', async () => {
    const store = openStore()
    await append(store, '$$s', 1, '$metadata', '{"$maxCount": 1}')
    const source = openSource(store, onStream(2))
    source.read(10)
    await append(store, 's', 3)
    expect(revisionsOf(source.read(10))).toEqual([2])
  })

  test('knows no last event before it has read one, and then the last of the stream', async () => {
    const store = openStore()
    await append(store, 's', 5)
    const [fromEnd, fromStart] = [openSource(store, { ...onStream(), beginsAt: 5 }), openSource(store, onStream())]
    fromEnd.read(2)
    fromStart.read(2)
    expect([fromEnd.lastKnown, fromStart.lastKnown]).toEqual([undefined, 4])
  })

  test('is told when the stream has ended for ever before it could read it', async () => {
    const store = openStore()
    await append(store, 's', 2)
    const source = openSource(store, onStream())
    const outcome = store.tombstone('s', EXPECT.any)
    if (outcome.kind === 'done') await outcome.durable
    expect(source.read(10)).toBe('deleted')
  })

  test('finds its place again from what was written down', async () => {
    const store = openStore()
    await append(store, 's', 3)
    const source = openSource(store, onStream())
    source.continueAfter(source.parse(source.format(1)) as number)
    expect(revisionsOf(source.read(10))).toEqual([2])
    expect(source.parse('nothing')).toBeUndefined()
  })
})

describe('a group that reads everything', () => {
  const filter = { on: 'type', prefixes: ['wanted'], regex: '', window: undefined, checkpointInterval: 1 } as const
  const definition = { ...onStream(), stream: '$all', filter }

  test('is told how far it looked, whether or not something was for it', async () => {
    const store = openStore()
    await append(store, 'a', 2, 'other')
    await append(store, 'b', 1, 'wanted')
    await append(store, 'a', 4, 'other')
    const slice = openSource(store, definition).read(10) as SourceSlice
    expect(slice.records.map(({ position }) => position)).toEqual([2])
    expect([slice.considered, slice.lastPlace, slice.isEnd]).toEqual([7, 6, true])
  })

  test('finds its place again from a position on the wire', async () => {
    const store = openStore()
    await append(store, 'b', 3, 'wanted')
    const source = openSource(store, definition)
    expect(source.format(1)).toBe('C:64/P:64')
    source.continueAfter(source.parse('C:64/P:64') as number)
    expect(revisionsOf(source.read(10))).toEqual([2])
  })
})

describe('what pins an event', () => {
  const pinned = (store: EventStore, strategy: StrategyName, stream: string) => {
    const record = store.visibleEvent(stream, -1)
    if (!record) throw new Error('there is no event')
    return pinOf(store, strategy, record)
  }

  test('is the stream it comes from, also behind a link', async () => {
    const store = openStore()
    await append(store, 'source', 1)
    await append(store, 'links', 1, '$>', '0@source')
    expect(pinned(store, 'Pinned', 'source')).toBe('source')
    expect(pinned(store, 'Pinned', 'links')).toBe('source')
  })

  test('is its correlation where the group asks for that, and the stream for those without one', async () => {
    const store = openStore()
    await append(store, 'one', 1, 'noted', '{}', '{"$correlationId": "turn-7"}')
    await append(store, 'two', 1, 'noted', '{}', 'no json')
    expect(pinned(store, 'PinnedByCorrelation', 'one')).toBe('turn-7')
    expect(pinned(store, 'PinnedByCorrelation', 'two')).toBe('two')
    expect(pinned(store, 'RoundRobin', 'one')).toBe('')
  })
})
