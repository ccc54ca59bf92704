import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { afterEach, describe, expect, test } from 'vitest'
import { startEventStore } from '../../../../src/embedded/eventstore/server.ts'
import { openDurableLog } from '../../../../src/embedded/eventstore/storage/durable-log.ts'
import type { EventLog } from '../../../../src/embedded/eventstore/storage/event-log.ts'
import { openMemoryLog } from '../../../../src/embedded/eventstore/storage/memory-log.ts'
import { WireClient } from '../../../contracts/wire-client.ts'
import { openSecureStage } from '../access/secure-stage.ts'

const noted = (label: string) => jsonEvent({ type: 'noted', data: { label } })

const LAST = { direction: 'backwards', fromRevision: 'end', maxCount: 1, resolveLinkTos: true } as const

const logs: [string, () => Promise<EventLog>][] = [
  ['in memory', async () => openMemoryLog()],
  ['on disk', async () => openDurableLog({ directory: await mkdtemp(path.join(tmpdir(), 'emberlog-links-')) })],
]

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

async function open(log: EventLog, hasStandardProjections = true) {
  const server = await startEventStore({ log, host: '127.0.0.1', port: 0, hasStandardProjections })
  const client = EventStoreDBClient.connectionString(server.url)
  const end = async () => {
    await client.dispose()
    await server.close()
  }
  ends.push(end)
  return { server, client, end }
}

/** The labels of a link stream's events, once there are so many. */
async function labels(client: EventStoreDBClient, stream: string, count: number): Promise<string[]> {
  const found: string[] = []
  for await (const { event } of client.subscribeToStream(stream, { resolveLinkTos: true })) {
    found.push(String((event?.data as { label?: string } | undefined)?.label))
    if (found.length === count) break
  }
  return found
}

describe('a store with standard projections', () => {
  test('links events of a category and of a type in the order in which they were written', async () => {
    const { client } = await open(openMemoryLog())
    await client.appendToStream('order-1', [noted('a'), noted('b')])
    await client.appendToStream('order-2', noted('c'))
    await client.appendToStream('other', noted('d'))
    expect(await labels(client, '$ce-order', 3)).toEqual(['a', 'b', 'c'])
    expect(await labels(client, '$et-noted', 4)).toEqual(['a', 'b', 'c', 'd'])
  })

  test('links what was written before it had them, and everything once over restarts', async () => {
    const log = openMemoryLog()
    const before = await open(log, false)
    await before.client.appendToStream('order-1', [noted('a'), noted('b')])
    await before.end()
    for (const label of ['c', 'd', 'e']) {
      const { client, end } = await open(log)
      await client.appendToStream('order-1', noted(label))
      await labels(client, '$ce-order', 'abcde'.indexOf(label) + 1)
      await end()
    }
    const after = await open(log)
    await after.client.appendToStream('order-2', noted('f'))
    expect(await labels(after.client, '$ce-order', 6)).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
    expect(log.head('$ce-order')?.revision).toBe(5)
  })

  test.each(logs)('has linked an event by the time it is acknowledged, with its log %s', async (_where, openLog) => {
    const log = await openLog()
    const { client, end } = await open(log)
    await client.appendToStream('order-0', noted('0'))
    await labels(client, '$ce-order', 1)
    for (let i = 1; i < 50; i += 1) {
      await client.appendToStream(`order-${i}`, noted(String(i)))
      for await (const { event } of client.readStream('$ce-order', LAST))
        expect(event?.data).toEqual({ label: String(i) })
    }
    await end()
    await log.close()
  })

  test('keeps up with many events at once', async () => {
    const log = openMemoryLog()
    const { client } = await open(log)
    for (let i = 0; i < 10; i += 1)
      await client.appendToStream(
        `order-${i}`,
        Array.from({ length: 200 }, (_, n) => noted(`${i}-${n}`)),
      )
    const found = await labels(client, '$ce-order', 2_000)
    expect(new Set(found).size).toBe(2_000)
    expect([found[0], found.at(-1)]).toEqual(['0-0', '9-199'])
  })

  test('catches up when for a while too much waited to be written', async () => {
    const log = openMemoryLog()
    const { client } = await open(log)
    await client.appendToStream('order-1', noted('a'))
    await labels(client, '$ce-order', 1)
    const { append } = log
    log.append = (records) => {
      if (records.some(({ type }) => type === '$>')) throw Object.assign(new Error('full'), { code: 'log-overloaded' })
      return append.call(log, records)
    }
    await client.appendToStream('order-1', [noted('b'), noted('c')])
    log.append = append
    await client.appendToStream('order-1', noted('d'))
    expect(await labels(client, '$ce-order', 4)).toEqual(['a', 'b', 'c', 'd'])
    expect(await labels(client, '$et-noted', 4)).toEqual(['a', 'b', 'c', 'd'])
  })

  test('goes on when somebody has closed one of its streams for ever', async () => {
    const { client } = await open(openMemoryLog())
    await client.appendToStream('order-1', noted('a'))
    await labels(client, '$et-noted', 1)
    await client.tombstoneStream('$et-noted')
    await client.appendToStream('order-1', noted('b'))
    expect(await labels(client, '$ce-order', 2)).toEqual(['a', 'b'])
  })

  test('shows its streams to whoever has signed in', async () => {
    const stage = await openSecureStage({ hasStandardProjections: true })
    ends.push(() => stage.end())
    await stage.client('admin:changeit').appendToStream('order-1', noted('a'))
    expect(await labels(stage.client('admin:changeit'), '$ce-order', 1)).toEqual(['a'])
    expect(await labels(stage.client('ops:changeit'), '$ce-order', 1)).toEqual(['a'])
  })

  test('says that it has no others', async () => {
    const { server } = await open(openMemoryLog())
    const wire = new WireClient(server.url)
    const call = wire.call('projections.Projections/Create').send(Buffer.alloc(0))
    expect(await call.status).toBe('12')
    await wire.close()
  })
})

describe('a store without them', () => {
  test('writes no links', async () => {
    const log = openMemoryLog()
    const { client } = await open(log, false)
    await client.appendToStream('order-1', noted('a'))
    expect(log.head('$ce-order')).toBeUndefined()
  })
})
