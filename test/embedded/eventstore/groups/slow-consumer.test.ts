import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import {
  EventStoreDBClient,
  jsonEvent,
  persistentSubscriptionToStreamSettingsFromDefaults,
  START,
} from '@eventstore/db-client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DiaryConsumer, eventually } from './group-stage.ts'

const MB = 1_000_000
const EVENTS = 120
/** What the client takes in before it stops reading, and what is on the way. */
const IDLE_EVENTS_MAX = 80
const EVENT_BYTES = 500_000

let child: ChildProcess
let url: string
let client: EventStoreDBClient

async function memory(): Promise<number> {
  child.send('memory')
  const [{ rss }] = (await once(child, 'message')) as [{ rss: number }]
  return rss
}

beforeEach(async () => {
  child = fork(fileURLToPath(new URL('../store-under-attack.ts', import.meta.url)), { execArgv: ['--expose-gc'] })
  ;[{ url }] = (await once(child, 'message')) as [{ url: string }]
  client = EventStoreDBClient.connectionString(url)
  const data = { label: 'large', text: 'x'.repeat(EVENT_BYTES) }
  for (let count = 0; count < EVENTS; count += 1)
    await client.appendToStream('large', jsonEvent({ type: 'Noted', data }))
  const settings = persistentSubscriptionToStreamSettingsFromDefaults({
    startFrom: START,
    consumerStrategyName: 'DispatchToSingle',
  })
  await client.createPersistentSubscriptionToStream('large', 'readers', settings)
})
afterEach(async () => {
  await client.dispose()
  const exited = once(child, 'exit')
  child.disconnect()
  await exited
})

describe('a consumer that does not read', () => {
  test('is given little, however much it asks for, and others get the rest', async () => {
    const before = await memory()
    const idleClient = EventStoreDBClient.connectionString(url)
    const join = (client: EventStoreDBClient) =>
      client.subscribeToPersistentSubscriptionToStream('large', 'readers', { bufferSize: 10_000 }, { highWaterMark: 1 })
    // Nobody listens to its events, so nothing of it is read but what the client itself buffers. It has a connection of
    // its own, as what is not read takes the connection's window from its neighbours.
    const idle = join(idleClient)
    const info = () => client.getPersistentSubscriptionToStreamInfo('large', 'readers')
    await eventually(info, ({ connections }) => connections.length === 1)
    const reader = new DiaryConsumer(join(client))
    const { stats, connections } = await eventually(info, ({ stats }) => stats.totalItems === BigInt(EVENTS))
    expect(stats.totalItems).toBe(BigInt(EVENTS))
    expect(Number(connections[0]?.totalItems)).toBeLessThan(IDLE_EVENTS_MAX)
    expect((await memory()) - before).toBeLessThan(60 * MB)
    await idle.unsubscribe()
    await idleClient.dispose()
    expect((await reader.delivered(EVENTS)).split(', ')).toHaveLength(EVENTS)
  }, 120_000)
})
