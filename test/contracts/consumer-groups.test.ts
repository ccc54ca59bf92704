/** What the application and its operators rely on in consumer groups, held against every store we claim to support. */
import { randomUUID } from 'node:crypto'
import {
  EventStoreDBClient,
  PersistentSubscriptionDroppedError,
  PersistentSubscriptionMaximumSubscribersReachedError,
  type PersistentSubscriptionToStreamSettings,
  persistentSubscriptionToAllSettingsFromDefaults,
  persistentSubscriptionToStreamSettingsFromDefaults,
  START,
  streamNameFilter,
} from '@eventstore/db-client'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { DiaryConsumer, eventsOf, eventually } from '../embedded/eventstore/groups/group-stage.ts'
import { contractStores, type OpenStore } from './contract-stores.ts'

vi.setConfig({ testTimeout: 60_000 })

type Decide = ConstructorParameters<typeof DiaryConsumer>[1]

describe.each(contractStores)('a group of $name', ({ open }) => {
  let store: OpenStore
  let client: EventStoreDBClient
  let stream: string
  const group = 'workers'

  beforeAll(async () => {
    store = await open()
    client = EventStoreDBClient.connectionString(store.connectionString)
  })
  afterAll(async () => {
    await client.dispose()
    await store.close()
  })
  beforeEach(() => {
    stream = `contract-${randomUUID()}`
  })

  const append = (words: string, to = stream) => client.appendToStream(to, eventsOf(words))
  const create = (changes: Partial<PersistentSubscriptionToStreamSettings> = {}) => {
    const settings = persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: START, ...changes })
    return client.createPersistentSubscriptionToStream(stream, group, settings)
  }
  const join = (decide?: Decide, bufferSize = 10) =>
    new DiaryConsumer(client.subscribeToPersistentSubscriptionToStream(stream, group, { bufferSize }), decide)
  const info = () => client.getPersistentSubscriptionToStreamInfo(stream, group)
  /** Where the order is the server's choice. */
  const sorted = (diary: string) => diary.split(', ').sort().join(', ')
  const parkedCount = async () => (await info()).stats.parkedMessageCount

  test('hands out history and what is written later, each once and in order', async () => {
    await append('a b c')
    await create()
    const consumer = join()
    await consumer.delivered(3)
    await append('d e')
    expect(await consumer.delivered(5)).toBe('a ack, b ack, c ack, d ack, e ack')
  })

  test('never has more unanswered with a consumer than it asked for', async () => {
    await append('a b c d')
    await create()
    const consumer = join(() => 'hold', 2)
    expect(await consumer.delivered(2)).toBe('a hold, b hold')
    expect((await info()).stats.totalInFlightMessages).toBe(2)
    await consumer.ackHeld()
    expect(await consumer.delivered(4)).toBe('a hold, b hold, c hold, d hold')
  })

  test('counts retries, and parks an event as a link when there were too many', async () => {
    await append('a')
    await create({ maxRetryCount: 2 })
    expect(await join(() => 'retry').delivered(3)).toBe('a retry, a#1 retry, a#2 retry')
    expect(await eventually(parkedCount, (count) => count === 1n)).toBe(1n)
    const parked = `$persistentsubscription-${stream}::${group}-parked`
    for await (const { event, link } of client.readStream(parked, { resolveLinkTos: true }))
      expect([event?.data, link?.type]).toEqual([{ label: 'a' }, '$>'])
    expect.assertions(3)
  })

  test('hands out again what is not answered in time', async () => {
    await append('a')
    await create({ messageTimeout: 1_000 })
    expect(await join((_, before) => (before === 0 ? 'hold' : 'ack')).delivered(2)).toBe('a hold, a#1 ack')
  })

  test('replays parked messages, those before a number or all, and then has none', async () => {
    await append('a b c')
    await create()
    const consumer = join((_, before) => (before === 0 ? 'park' : 'ack'))
    await consumer.delivered(3)
    await eventually(parkedCount, (count) => count === 3n)
    await client.replayParkedMessagesToStream(stream, group, { stopAt: 2 })
    expect(sorted(await consumer.delivered(5))).toBe('a park, b park, c park, link to a ack, link to b ack')
    expect(await eventually(parkedCount, (count) => count === 1n)).toBe(1n)
    await client.replayParkedMessagesToStream(stream, group)
    expect((await consumer.delivered(6)).split(', ').at(-1)).toBe('link to c ack')
    expect(await eventually(parkedCount, (count) => count === 0n)).toBe(0n)
  })

  test('gives what a consumer left unanswered to another, as a retry', async () => {
    await append('a b')
    await create()
    const first = join(() => 'hold')
    await first.delivered(2)
    await first.leave()
    expect(sorted(await join().delivered(2))).toBe('a#1 ack, b#1 ack')
  })

  test('takes in as many consumers as it may have', async () => {
    await append('a')
    await create({ maxSubscriberCount: 1 })
    await join().delivered(1)
    expect(await join().failure).toBeInstanceOf(PersistentSubscriptionMaximumSubscribersReachedError)
  })

  test('drops its consumers when it is deleted', async () => {
    await append('a')
    await create()
    const consumer = join()
    await consumer.delivered(1)
    await client.deletePersistentSubscriptionToStream(stream, group)
    expect(await consumer.failure).toBeInstanceOf(PersistentSubscriptionDroppedError)
  })

  test('goes on behind its checkpoint after its subsystem was restarted', async () => {
    await append('a b c')
    await create({ checkPointLowerBound: 1, checkPointUpperBound: 1 })
    const first = join()
    await first.delivered(3)
    await eventually(info, ({ stats }) => stats.lastCheckpointedEventRevision === 2n)
    await client.restartPersistentSubscriptionSubsystem()
    expect(await first.failure).toBeInstanceOf(PersistentSubscriptionDroppedError)
    await eventually(
      () => info().catch(() => undefined),
      (found) => found !== undefined,
    )
    const second = join()
    await append('d')
    expect(await second.delivered(1)).toBe('d ack')
  })

  test('on everything keeps each stream with one consumer when it pins', async () => {
    const name = randomUUID()
    const settings = persistentSubscriptionToAllSettingsFromDefaults({
      consumerStrategyName: 'Pinned',
      startFrom: START,
    })
    await client.createPersistentSubscriptionToAll(name, settings, { filter: streamNameFilter({ prefixes: [stream] }) })
    const consumers = [1, 2].map(() => new DiaryConsumer(client.subscribeToPersistentSubscriptionToAll(name)))
    await eventually(
      () => client.getPersistentSubscriptionToAllInfo(name),
      ({ connections }) => connections.length === 2,
    )
    const names = Array.from({ length: 24 }, (_, at) => `s${at}`)
    for (const word of names) await append(`${word} ${word}`, `${stream}-${word}`)
    const stats = async () => (await client.getPersistentSubscriptionToAllInfo(name)).stats
    await eventually(
      stats,
      ({ totalItems, totalInFlightMessages }) => totalItems === 48n && totalInFlightMessages === 0,
    )
    const sides = consumers.map(({ deliveries }) => new Set(deliveries.map((line) => line.split(' ')[0])))
    expect(consumers.map(({ deliveries }) => deliveries.length).reduce((a, b) => a + b)).toBe(48)
    expect(names.filter((word) => sides.every((side) => side.has(word)))).toEqual([])
    expect(sides.map((side) => side.size > 0)).toEqual([true, true])
  })
})
