/** Sharing work among consumers of a group, each event acknowledged by itself, against a plain subscription to the same events. */
import { randomUUID } from 'node:crypto'
import {
  EventStoreDBClient,
  eventTypeFilter,
  jsonEvent,
  persistentSubscriptionToAllSettingsFromDefaults,
  START,
} from '@eventstore/db-client'
import { appendBatchesThroughClient, EVENT_DATA, readThroughClient } from './eventstore-load.ts'
import { serve } from './eventstore-serving.ts'
import { type Bench, type BenchResult, figureOf, interleaved, ratioTo } from './measurement.ts'

export const bench: Bench = { name: 'eventstore-groups', run }

const BUFFER_EVENTS = 200

async function run({ isQuick }: { isQuick: boolean }): Promise<BenchResult> {
  const repetitions = isQuick ? 2 : 5
  const count = isQuick ? 4_000 : 20_000
  const store = await serve('synced')
  await appendBatchesThroughClient(store.url, 500, 4, count)
  const samples = await interleaved(repetitions, {
    one: () => consume(store.url, 'RoundRobin', 1, count),
    fourPinned: () => consume(store.url, 'Pinned', 4, count),
    plain: () => readThroughClient(store.url, 'subscribe', count),
    roundTrip: () => roundTrip(store.url, 200),
  })
  const memory = await store.memory()
  await store.stop()
  const of = (name: keyof typeof samples) => figureOf(samples[name])
  return {
    title: 'Consumer groups through the official client',
    repetitions,
    rows: [
      {
        what: 'one consumer, from the start',
        unit: 'events/s',
        figure: of('one'),
        ratio: ratioTo('of a plain subscription', of('one').median / of('plain').median, { atLeast: 0.2 }),
      },
      { what: 'four consumers, pinned', unit: 'events/s', figure: of('fourPinned') },
      { what: 'plain subscription', unit: 'events/s', figure: of('plain') },
      { what: 'appended until delivered, one at a time (median)', unit: 'ms', figure: of('roundTrip') },
    ],
    notes: [`${count} events, each acknowledged by itself`, `resident after all of it: ${Math.round(memory / 1e6)} MB`],
  }
}

/** Events per second that a new group's consumers get and acknowledge, all through one client. */
async function consume(url: string, strategy: string, consumers: number, count: number): Promise<number> {
  const client = EventStoreDBClient.connectionString(url)
  const group = randomUUID()
  const settings = persistentSubscriptionToAllSettingsFromDefaults({ startFrom: START, consumerStrategyName: strategy })
  await client.createPersistentSubscriptionToAll(group, settings, {
    filter: eventTypeFilter({ prefixes: ['measured'] }),
  })
  const started = performance.now()
  let seen = 0
  const subscriptions = Array.from({ length: consumers }, () =>
    client.subscribeToPersistentSubscriptionToAll(group, { bufferSize: BUFFER_EVENTS }),
  )
  await new Promise<void>((resolve) => {
    for (const subscription of subscriptions)
      subscription.on('data', (resolved) => {
        void subscription.ack(resolved)
        seen += 1
        if (seen === count) resolve()
      })
  })
  const perSecond = (seen / (performance.now() - started)) * 1_000
  for (const subscription of subscriptions) await subscription.unsubscribe()
  await client.deletePersistentSubscriptionToAll(group)
  await client.dispose()
  return perSecond
}

/** Median milliseconds from appending an event to having it from the group. */
async function roundTrip(url: string, turns: number): Promise<number> {
  const client = EventStoreDBClient.connectionString(url)
  const group = randomUUID()
  const settings = persistentSubscriptionToAllSettingsFromDefaults({ consumerStrategyName: 'Pinned' })
  const filter = eventTypeFilter({ prefixes: ['asked'] })
  await client.createPersistentSubscriptionToAll(group, settings, { filter })
  const subscription = client.subscribeToPersistentSubscriptionToAll(group)
  const deliveries = subscription[Symbol.asyncIterator]()
  const took: number[] = []
  for (let turn = 0; turn < turns; turn += 1) {
    const started = performance.now()
    await client.appendToStream('questions', jsonEvent({ type: 'asked', data: EVENT_DATA }))
    const { value } = await deliveries.next()
    took.push(performance.now() - started)
    await subscription.ack(value)
  }
  await subscription.unsubscribe()
  await client.deletePersistentSubscriptionToAll(group)
  await client.dispose()
  return figureOf(took).median
}
