import {
  eventTypeFilter,
  persistentSubscriptionToAllSettingsFromDefaults as onAll,
  persistentSubscriptionToStreamSettingsFromDefaults as onStream,
  START,
} from '@eventstore/db-client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DiaryConsumer, eventsOf, eventually, type GroupStage, openGroupStage } from './group-stage.ts'

let stage: GroupStage
beforeEach(async () => {
  stage = await openGroupStage()
})
afterEach(async () => {
  await stage.end()
})

const join = (decide?: ConstructorParameters<typeof DiaryConsumer>[1], bufferSize = 10) =>
  new DiaryConsumer(stage.client.subscribeToPersistentSubscriptionToStream('orders', 'billing', { bufferSize }), decide)
const create = (changes: Parameters<typeof onStream>[0] = {}) =>
  stage.client.createPersistentSubscriptionToStream('orders', 'billing', onStream({ startFrom: START, ...changes }))
const billing = () => stage.client.getPersistentSubscriptionToStreamInfo('orders', 'billing')

describe('a group after a restart of the store', () => {
  test('hands out what was not acknowledged, and nothing else, when it had time to write down how far it was', async () => {
    await stage.append('orders', 'a b c d e')
    await create()
    const first = join((label) => (label < 'c' ? 'ack' : 'hold'))
    await first.delivered(5)
    await eventually(billing, ({ stats }) => stats.totalInFlightMessages === 3)
    await stage.restart()
    expect(await join().delivered(3)).toBe('c ack, d ack, e ack')
  })

  test('still begins where the end was when it was made', async () => {
    await stage.append('orders', 'a b')
    await create({ startFrom: 'end' })
    await stage.append('orders', 'c d')
    await stage.restart()
    expect(await join().delivered(2)).toBe('c ack, d ack')
  })

  test('hands out again the replayed messages that nobody had answered', async () => {
    await stage.append('orders', 'a b')
    await create()
    const first = join((_, before) => (before === 0 ? 'park' : 'hold'))
    await first.delivered(2)
    await eventually(billing, ({ stats }) => stats.parkedMessageCount === 2n)
    await stage.client.replayParkedMessagesToStream('orders', 'billing')
    await first.delivered(4)
    await stage.restart()
    const second = join()
    expect(await second.delivered(2)).toBe('link to a ack, link to b ack')
    expect((await billing()).stats.parkedMessageCount).toBe(0n)
  })

  test('keeps its settings, and its parked messages for a replay', async () => {
    await stage.append('orders', 'a b c')
    await create({ maxRetryCount: 7 })
    await join((label) => (label === 'b' ? 'park' : 'ack')).delivered(3)
    await eventually(billing, ({ stats }) => stats.parkedMessageCount === 1n)
    await stage.restart()
    expect((await billing()).settings.maxRetryCount).toBe(7)
    await stage.client.replayParkedMessagesToStream('orders', 'billing')
    expect(await join().delivered(1)).toBe('link to b ack')
  })
})

describe('a group on everything', () => {
  test('gets the events of its types from all streams, across restarts', async () => {
    const filter = eventTypeFilter({ prefixes: ['Noted'] })
    const settings = onAll({ startFrom: START, checkPointLowerBound: 1, consumerStrategyName: 'Pinned' })
    await stage.append('one', 'a b')
    await stage.client.createPersistentSubscriptionToAll('responder', settings, { filter })
    const consume = (decide?: ConstructorParameters<typeof DiaryConsumer>[1]) =>
      new DiaryConsumer(stage.client.subscribeToPersistentSubscriptionToAll('responder', { bufferSize: 4 }), decide)
    const first = consume((label) => (label === 'c' ? 'hold' : 'ack'))
    await stage.append('two', 'c d')
    expect(await first.delivered(4)).toBe('a ack, b ack, c hold, d ack')
    const info = () => stage.client.getPersistentSubscriptionToAllInfo('responder')
    await eventually(info, ({ stats }) => stats.totalInFlightMessages === 1)
    await stage.restart()
    expect(await consume().delivered(2)).toBe('c ack, d ack')
  })
})

describe('a consumer', () => {
  test('is handed an event again until the group gives it up, and parks it with the reason', async () => {
    await stage.append('orders', 'a')
    await create({ maxRetryCount: 2 })
    expect(await join(() => 'retry').delivered(3)).toBe('a retry, a#1 retry, a#2 retry')
    await eventually(billing, ({ stats }) => stats.parkedMessageCount === 1n)
    const parked = await stage.readFirst('$persistentsubscription-orders::billing-parked')
    expect(parked?.event?.data).toEqual({ label: 'a' })
    expect(parked?.link?.metadata).toMatchObject({ reason: 'Reached retry count of 2', subscriptionEventNumber: 0 })
  })

  test('gets in the place of each answered event what that answer calls for, however many answers come at once', async () => {
    const words = Array.from({ length: 50 }, (_, at) => `w${at}`)
    await stage.append('orders', words.join(' '))
    await create()
    const consumer = join((_, before) => (before === 0 ? 'retry' : 'ack'))
    await consumer.delivered(100)
    const tens = [0, 10, 20, 30, 40].map((from) => words.slice(from, from + 10))
    expect(consumer.deliveries).toEqual(
      tens.flatMap((ten) => [...ten.map((word) => `${word} retry`), ...ten.map((word) => `${word}#1 ack`)]),
    )
  })

  test('that breaks off leaves what it had not answered to another', async () => {
    await stage.append('orders', 'a b')
    await create()
    const first = join(() => 'hold')
    await first.delivered(2)
    await first.leave()
    expect(await join().delivered(2)).toBe('a#1 ack, b#1 ack')
  })

  test('gets every event once and in order while they are written', async () => {
    await create()
    const consumer = join(undefined, 50)
    const words = Array.from({ length: 1_000 }, (_, at) => `w${at}`)
    for (let at = 0; at < words.length; at += 100)
      await stage.client.appendToStream('orders', eventsOf(words.slice(at, at + 100).join(' ')))
    await consumer.delivered(1_000)
    expect(consumer.deliveries).toEqual(words.map((word) => `${word} ack`))
  })
})

describe('a store that stops in good order', () => {
  test('counts it as nobody’s failure that consumers could not answer any more', async () => {
    await stage.append('orders', 'a')
    await create({ maxRetryCount: 0 })
    await join(() => 'hold').delivered(1)
    await stage.restart()
    expect((await billing()).stats.parkedMessageCount).toBe(0n)
    expect(await join().delivered(1)).toBe('a ack')
  })
})

describe('a group that is deleted and made anew', () => {
  test('knows nothing of the one before', async () => {
    await stage.append('orders', 'a b')
    await create({ checkPointLowerBound: 1, checkPointUpperBound: 1 })
    await join((label) => (label === 'a' ? 'park' : 'ack')).delivered(2)
    await eventually(billing, ({ stats }) => stats.lastCheckpointedEventRevision === 1n)
    await stage.client.deletePersistentSubscriptionToStream('orders', 'billing')
    await create()
    expect((await billing()).stats.parkedMessageCount).toBe(0n)
    expect(await join().delivered(2)).toBe('a ack, b ack')
  })
})

describe('a group with small buffers', () => {
  test('gets every event once and in order, in history and live', async () => {
    const words = Array.from({ length: 300 }, (_, at) => `w${at}`)
    await stage.append('orders', words.slice(0, 150).join(' '))
    await create({ historyBufferSize: 3, readBatchSize: 2, liveBufferSize: 2 })
    const consumer = join(undefined, 2)
    await consumer.delivered(20)
    await stage.append('orders', words.slice(150).join(' '))
    await consumer.delivered(300)
    expect(consumer.deliveries).toEqual(words.map((word) => `${word} ack`))
  })

  test('replays more parked messages than it holds at a time', async () => {
    const words = Array.from({ length: 60 }, (_, at) => `w${at}`)
    await stage.append('orders', words.join(' '))
    await create()
    const consumer = join((_, before) => (before === 0 ? 'park' : 'ack'), 5)
    await consumer.delivered(60)
    await eventually(billing, ({ stats }) => stats.parkedMessageCount === 60n)
    await stage.client.replayParkedMessagesToStream('orders', 'billing')
    await consumer.delivered(120)
    expect(consumer.deliveries.slice(60)).toEqual(words.map((word) => `link to ${word} ack`))
    const { stats } = await eventually(billing, ({ stats }) => stats.totalInFlightMessages === 0)
    expect(stats).toMatchObject({ parkedMessageCount: 0n, retryBufferCount: 0 })
  })
})
