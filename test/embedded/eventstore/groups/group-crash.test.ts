import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  EventStoreDBClient,
  type PersistentSubscriptionToStreamSettings,
  persistentSubscriptionToStreamSettingsFromDefaults,
  START,
} from '@eventstore/db-client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DiaryConsumer, eventsOf, eventually } from './group-stage.ts'
import { type KillableStore, startKillableStore } from './killable-store.ts'

let directory: string
let store: KillableStore
let client: EventStoreDBClient

async function start(): Promise<void> {
  store = await startKillableStore(directory)
  client = EventStoreDBClient.connectionString(store.url)
}

async function killAndRestart(): Promise<void> {
  await store.kill()
  await client.dispose()
  await start()
}

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'emberlog-group-crash-'))
  await start()
})
afterEach(async () => {
  await store.kill()
  await client.dispose()
  await rm(directory, { recursive: true, force: true })
})

const create = (changes: Partial<PersistentSubscriptionToStreamSettings>) =>
  client.createPersistentSubscriptionToStream(
    'orders',
    'billing',
    persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: START, ...changes }),
  )
const join = (decide?: ConstructorParameters<typeof DiaryConsumer>[1]) => {
  const options = { bufferSize: 20 }
  return new DiaryConsumer(client.subscribeToPersistentSubscriptionToStream('orders', 'billing', options), decide)
}
const billing = () => client.getPersistentSubscriptionToStreamInfo('orders', 'billing')
const wordsOf = (count: number) => Array.from({ length: count }, (_, at) => `w${at}`)

describe('a store that is killed', () => {
  test('between the answers and the checkpoint hands all of it out again', async () => {
    await client.appendToStream('orders', eventsOf('a b c'))
    await create({ checkPointLowerBound: 10 })
    await join().delivered(3)
    await eventually(billing, ({ stats }) => stats.totalInFlightMessages === 0)
    await killAndRestart()
    expect(await join().delivered(3)).toBe('a ack, b ack, c ack')
  })

  test('goes on behind its last checkpoint', async () => {
    await client.appendToStream('orders', eventsOf('a b c d'))
    await create({ checkPointLowerBound: 1, checkPointUpperBound: 1 })
    await join((label) => (label < 'c' ? 'ack' : 'hold')).delivered(4)
    await eventually(billing, ({ stats }) => stats.lastCheckpointedEventRevision === 1n)
    await killAndRestart()
    expect(await join().delivered(2)).toBe('c ack, d ack')
  })

  test('in the middle of a replay hands out again what was not answered of it', async () => {
    await client.appendToStream('orders', eventsOf('a b'))
    await create({ checkPointLowerBound: 1, checkPointUpperBound: 1 })
    const first = join((_, before) => (before === 0 ? 'park' : 'hold'))
    await first.delivered(2)
    await eventually(billing, ({ stats }) => stats.lastCheckpointedEventRevision === 1n)
    await client.replayParkedMessagesToStream('orders', 'billing')
    await first.delivered(4)
    await killAndRestart()
    expect(await join().delivered(2)).toBe('link to a ack, link to b ack')
  })

  test('again and again loses no event that was handed out and not answered, and none that was parked', async () => {
    const rounds = 6
    const words = wordsOf(rounds * 40)
    await create({ checkPointLowerBound: 1, checkPointUpperBound: 7, maxRetryCount: 1_000 })
    const settled = new Set<string>()
    // Each word is held back in the first round that brings it, or parked, or taken: by its number.
    const decide = (label: string, before: number) => {
      const number = Number(label.slice(1))
      if (number % 5 === 0 && !settled.has(`held ${label}`)) {
        settled.add(`held ${label}`)
        return 'hold'
      }
      if (number % 7 === 0 && before === 0) return 'park'
      settled.add(label)
      return 'ack'
    }
    for (let round = 0; round < rounds; round += 1) {
      const consumer = join(decide)
      await client.appendToStream('orders', eventsOf(words.slice(round * 40, round * 40 + 40).join(' ')))
      await consumer.delivered(15 + round * 3)
      await killAndRestart()
    }
    const last = join((label) => {
      settled.add(label)
      return 'ack'
    })
    await eventually(billing, ({ stats }) => stats.lastCheckpointedEventRevision === BigInt(words.length - 1))
    await client.replayParkedMessagesToStream('orders', 'billing')
    await eventually(billing, ({ stats }) => stats.retryBufferCount + stats.totalInFlightMessages === 0)
    expect(words.filter((word) => !settled.has(word))).toEqual([])
    expect(last.deliveries.some((line) => line.startsWith('link to'))).toBe(true)
  }, 120_000)
})
