import { EventStoreDBClient, persistentSubscriptionToStreamSettingsFromDefaults, START } from '@eventstore/db-client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ProtobufReader } from '../../../../src/embedded/eventstore/protocol/protobuf-reader.ts'
import { ProtobufWriter } from '../../../../src/embedded/eventstore/protocol/protobuf-writer.ts'
import { writeStructuredUuid } from '../../../../src/embedded/eventstore/protocol/shared-messages.ts'
import { type EmbeddedEventStore, startEmbeddedEventStore } from '../../../../src/embedded/eventstore/start-embedded.ts'
import { WireClient } from '../../../contracts/wire-client.ts'
import { eventsOf, eventually } from './group-stage.ts'

const READ = 'persistent_subscriptions.PersistentSubscriptions/Read'
const STATUS = { unknown: '2', internal: '13' }

let store: EmbeddedEventStore
let client: EventStoreDBClient
let wire: WireClient

beforeEach(async () => {
  store = await startEmbeddedEventStore({ inMemory: true })
  client = EventStoreDBClient.connectionString(store.connectionString)
  wire = new WireClient(store.connectionString)
  const settings = persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: START })
  await client.createPersistentSubscriptionToStream('orders', 'billing', settings)
})
afterEach(async () => {
  await wire.close()
  await client.dispose()
  await store.stop()
})

/** Asks to consume; without a word on ids they come as two numbers. */
const connectMessage = () =>
  new ProtobufWriter()
    .message(1, (options) =>
      options
        .message(1, (id) => id.string(3, 'orders'))
        .string(2, 'billing')
        .int(3, 5),
    )
    .finish()

describe('a consumer that does not keep to the protocol', () => {
  test('is refused when it answers before it has connected', async () => {
    expect(await wire.call(READ).send(new ProtobufWriter().message(2).finish()).status).toBe(STATUS.unknown)
  })

  test('is refused when it connects twice', async () => {
    const call = wire.call(READ).send(connectMessage()).send(connectMessage())
    expect(await call.status).toBe(STATUS.unknown)
  })

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['random bytes', Buffer.from('0a7f00ff0312', 'hex')],
    ['an answer cut short', Buffer.from('1202120f', 'hex')],
  ])('is refused when it says %s', async (_what, message) => {
    expect(await wire.call(READ).send(message).status).toBe(STATUS.internal)
  })

  test('frees its place when it breaks off', async () => {
    const call = wire.call(READ).send(connectMessage())
    await call.received(1)
    const connections = async () =>
      (await client.getPersistentSubscriptionToStreamInfo('orders', 'billing')).connections.length
    expect(await connections()).toBe(1)
    call.cancel()
    expect(await eventually(connections, (count) => count === 0)).toBe(0)
  })
})

test('a consumer may have ids as two numbers, and answer with them', async () => {
  const [event] = eventsOf('a')
  if (event) await client.appendToStream('orders', event)
  const call = wire.call(READ).send(connectMessage())
  const [, delivery] = await call.received(2)
  expect(structuredIdOf(delivery as Buffer)).toBe(event?.id.replaceAll('-', ''))
  const answer = new ProtobufWriter().message(2, (ack) => writeStructuredUuid(ack, 2, event?.id as string))
  call.send(answer.finish())
  const stats = async () => (await client.getPersistentSubscriptionToStreamInfo('orders', 'billing')).stats
  expect(await eventually(stats, ({ totalInFlightMessages }) => totalInFlightMessages === 0)).toMatchObject({
    totalInFlightMessages: 0,
    totalItems: 1n,
  })
})

/** ReadResp{event{event{id{structured{most, least}}}}} as 32 digits. */
function structuredIdOf(message: Buffer): string {
  let reader = new ProtobufReader(message)
  for (const field of [1, 1, 1, 1]) {
    while (reader.next() && reader.field !== field);
    reader = reader.message()
  }
  const halves: bigint[] = []
  while (reader.next()) halves.push(reader.uint64())
  return halves.map((half) => half.toString(16).padStart(16, '0')).join('')
}
