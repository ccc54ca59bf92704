import { randomUUID } from 'node:crypto'
import {
  EventStoreDBClient,
  eventTypeFilter,
  persistentSubscriptionToAllSettingsFromDefaults,
  START,
} from '@eventstore/db-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EncodedEvent } from '../../src/events/codec.ts'
import { eventIdOf } from '../../src/events/stream-names.ts'
import { type Position, toRevision } from '../../src/shared/ids.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { type Delivery, readerOf } from '../../src/store/event-store.ts'
import { openEventStoreDb } from '../../src/store/eventstoredb-store.ts'
import { type RecordHarness, startRecord } from '../support/record-harness.ts'

let record: RecordHarness

beforeAll(async () => {
  record = await startRecord()
})
afterAll(() => record.stop())

const newStream = (prefix = 'conversation') => `${prefix}-${randomUUID()}`

function event(stream: string, name: string): EncodedEvent {
  return { eventId: eventIdOf(stream, name, 0), type: 'Said', data: { name }, metadata: { commandId: name } }
}

async function append(
  stream: string,
  names: readonly string[],
  expected: Parameters<typeof record.store.append>[2] = 'any',
) {
  return await record.store.append(
    stream,
    names.map((name) => event(stream, name)),
    expected,
  )
}

async function appended(stream: string, ...names: string[]) {
  const result = await append(stream, names)
  if (result.kind !== 'appended') throw new Error('conflict')
  return result
}

async function namesIn(events: AsyncIterable<{ readonly data: unknown }>): Promise<string[]> {
  const names: string[] = []
  for await (const { data } of events) names.push((data as { name: string }).name)
  return names
}

async function takeUntil(
  deliveries: AsyncIterable<Delivery>,
  isLast: (delivery: Delivery) => boolean,
): Promise<Delivery[]> {
  const taken: Delivery[] = []
  for await (const delivery of deliveries) {
    taken.push(delivery)
    if (isLast(delivery)) break
  }
  return taken
}

const isNamed = (name: string) => (delivery: Delivery) =>
  delivery.kind === 'event' && (delivery.event.data as { name?: string }).name === name

describe('the record', () => {
  it('takes events in the order they are given, and answers with the last one’s place', async () => {
    const stream = newStream()
    const result = await append(stream, ['a', 'b'], 'no-stream')
    expect(result).toMatchObject({ kind: 'appended', revision: 1n })
    const events = []
    for await (const stored of record.store.readStream(stream)) events.push(stored)
    expect(events.map(({ revision }) => revision)).toEqual([0n, 1n])
    expect(events[1]).toMatchObject({ stream, type: 'Said', data: { name: 'b' }, metadata: { commandId: 'b' } })
    expect(events[1]?.position).toBe(result.kind === 'appended' ? result.position : undefined)
  })

  it('says that somebody else wrote first', async () => {
    const stream = newStream()
    await append(stream, ['a'], 'no-stream')
    expect(await append(stream, ['b'], 'no-stream')).toEqual({ kind: 'conflict' })
    expect(await append(stream, ['b'], toRevision(5))).toEqual({ kind: 'conflict' })
    expect(await namesIn(record.store.readStream(stream))).toEqual(['a'])
  })

  it('takes the same events once, and answers the second time as the first', async () => {
    const stream = newStream()
    const first = await append(stream, ['a', 'b'], 'no-stream')
    expect(await append(stream, ['a', 'b'], 'no-stream')).toEqual(first)
    expect(await namesIn(record.store.readStream(stream))).toEqual(['a', 'b'])
  })

  it('yields nothing for a stream that does not exist', async () => {
    expect(await namesIn(record.store.readStream(newStream()))).toEqual([])
    expect(await record.store.readStreamBackwards(newStream(), 5)).toEqual([])
  })

  it('reads a long stream page by page, from anywhere', async () => {
    const stream = newStream()
    const names = Array.from({ length: 1_100 }, (_, index) => `n${index}`)
    await appended(stream, ...names)
    expect(await namesIn(record.store.readStream(stream))).toEqual(names)
    expect(await namesIn(record.store.readStream(stream, { from: toRevision(1_000) }))).toEqual(names.slice(1_000))
    const part = { from: toRevision(10), limit: 700 }
    expect(await namesIn(record.store.readStream(stream, part))).toEqual(names.slice(10, 710))
    expect(await namesIn(record.store.readStream(stream, { limit: 0 }))).toEqual([])
    const last = await record.store.readStreamBackwards(stream, 2)
    expect(last.map(({ data }) => data)).toEqual([{ name: 'n1099' }, { name: 'n1098' }])
  })

  it('keeps text exactly: emoji, right-to-left, combining marks, control characters', async () => {
    const stream = newStream()
    const text = '🔥 שלום مرحبا 漢字 é \u0001\u2028"\\</script>'
    await appended(stream, text)
    expect(await namesIn(record.store.readStream(stream))).toEqual([text])
  })

  it('follows everything after a position: history, then live, of the wanted streams only', async () => {
    const stream = newStream()
    const { position } = await appended(stream, 'before')
    await appended(newStream('other'), 'elsewhere')
    await appended(stream, 'history')
    const following = new AbortController()
    const seen: Delivery[] = []
    const prefixes = ['conversation-']
    for await (const delivery of record.store.subscribeToAll({
      after: position,
      streamPrefixes: prefixes,
      signal: following.signal,
    })) {
      seen.push(delivery)
      if (delivery.kind === 'caught-up') await appended(stream, 'live')
      if (isNamed('live')(delivery)) following.abort()
    }
    const names = seen.flatMap((delivery) =>
      delivery.kind === 'event' ? [(delivery.event.data as { name: string }).name] : [],
    )
    expect(names).toEqual(['history', 'live'])
    expect(seen.some(({ kind }) => kind === 'caught-up')).toBe(true)
  })

  it('says how far it has come even where nothing is wanted', async () => {
    const { position } = await appended(newStream(), 'here')
    for (let index = 0; index < 600; index += 1) await appended(newStream('noise'), `noise${index}`)
    const following = new AbortController()
    const subscription = record.store.subscribeToAll({
      after: position,
      streamPrefixes: ['conversation-'],
      signal: following.signal,
    })
    const taken = await takeUntil(subscription, ({ kind }) => kind === 'checkpoint')
    const checkpoint = taken.at(-1)
    expect(checkpoint?.kind === 'checkpoint' && checkpoint.position > position).toBe(true)
  })

  it('knows the last position of the log', async () => {
    const { position } = await appended(newStream(), 'last')
    expect((await record.store.lastPosition()) as Position).toBeGreaterThanOrEqual(position)
  })

  it('hands auditors a reader that has no way to write', () => {
    expect(Object.keys(readerOf(record.store)).sort()).toEqual([
      'lastPosition',
      'readStream',
      'readStreamBackwards',
      'subscribeToAll',
      'subscribeToStream',
    ])
  })

  it('says that the store is away, within its time, when nobody answers', async () => {
    const away = openEventStoreDb({
      connectionString: 'esdb://127.0.0.1:9?tls=false&maxDiscoverAttempts=1',
      logger: silentLogger,
      callMsMax: 2_000,
    })
    await expect(away.append(newStream(), [event('x', 'a')], 'any')).rejects.toMatchObject({
      code: 'store-unavailable',
    })
    await away.close()
  })
})

describe('the work queue', () => {
  const settings = (group: string, signal: AbortSignal) => ({ group, eventTypes: ['Said'], concurrency: 4, signal })

  it('delivers every event until it is handled, also what was appended before', async () => {
    const stream = newStream()
    await appended(stream, 'early')
    const group = randomUUID()
    const done = new AbortController()
    const handled: string[] = []
    let failures = 0
    const working = record.store.consume({
      ...settings(group, done.signal),
      handle: async (stored) => {
        if (stored.stream !== stream) return
        const { name } = stored.data as { name: string }
        if (name === 'late' && failures < 2) {
          failures += 1
          throw new Error('not yet')
        }
        handled.push(name)
        if (name === 'late') done.abort()
      },
    })
    await appended(stream, 'late')
    await working
    expect(handled).toEqual(['early', 'late'])
    expect(failures).toBe(2)
  })

  it('delivers again, to whoever comes next, what was not acknowledged', async () => {
    const stream = newStream()
    const group = randomUUID()
    const first = new AbortController()
    const second = new AbortController()
    const seen: string[] = []
    const dying = record.store.consume({
      ...settings(group, first.signal),
      handle: async (stored) => {
        if (stored.stream !== stream) return
        first.abort()
        throw new Error('died while handling')
      },
    })
    await appended(stream, 'precious')
    await dying
    await record.another().consume({
      ...settings(group, second.signal),
      handle: async (stored) => {
        if (stored.stream !== stream) return
        seen.push((stored.data as { name: string }).name)
        second.abort()
      },
    })
    expect(seen).toEqual(['precious'])
  })

  it('gives a group that was made otherwise the settings of today', async () => {
    const group = randomUUID()
    const client = EventStoreDBClient.connectionString(record.connectionString)
    const old = persistentSubscriptionToAllSettingsFromDefaults({ startFrom: START, messageTimeout: 1_000 })
    await client.createPersistentSubscriptionToAll(group, old, { filter: eventTypeFilter({ prefixes: ['Said'] }) })
    const stream = newStream()
    await appended(stream, 'first')
    const done = new AbortController()
    await record.store.consume({
      ...settings(group, done.signal),
      handle: async (stored) => {
        if (stored.stream === stream) done.abort()
      },
    })
    const info = await client.getPersistentSubscriptionToAllInfo(group)
    expect(info.settings).toMatchObject({ consumerStrategyName: 'Pinned', messageTimeout: 300_000 })
    await client.dispose()
  })
})
