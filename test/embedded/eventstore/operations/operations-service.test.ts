import { mkdtemp, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { describe, expect, test } from 'vitest'
import { ProtobufReader } from '../../../../src/embedded/eventstore/protocol/protobuf-reader.ts'
import { ProtobufWriter } from '../../../../src/embedded/eventstore/protocol/protobuf-writer.ts'
import { type EventStoreServer, startEventStore } from '../../../../src/embedded/eventstore/server.ts'
import { openDurableLog } from '../../../../src/embedded/eventstore/storage/durable-log.ts'
import type { EventLog } from '../../../../src/embedded/eventstore/storage/event-log.ts'
import { openMemoryLog } from '../../../../src/embedded/eventstore/storage/memory-log.ts'
import { WireClient } from '../../../contracts/wire-client.ts'
import { openSecureStage } from '../access/secure-stage.ts'

const local = { host: '127.0.0.1', port: 0 }
const EMPTY = Buffer.alloc(0)

interface Node {
  readonly server: EventStoreServer
  readonly client: EventStoreDBClient
  readonly log: EventLog
  ask(method: string, message?: Uint8Array): Promise<{ status: string | undefined; messages: readonly Buffer[] }>
  end(): Promise<void>
}

async function openNode(log: EventLog = openMemoryLog(), onShutDownAsked?: () => void): Promise<Node> {
  const server = await startEventStore({ ...local, log, ...(onShutDownAsked && { onShutDownAsked }) })
  const client = EventStoreDBClient.connectionString(server.url)
  const wire = new WireClient(server.url)
  return {
    server,
    client,
    log,
    async ask(method, message = EMPTY) {
      const call = wire.call(method).send(message)
      call.stream.end()
      return { status: await call.status, messages: call.messages }
    },
    async end() {
      await client.dispose()
      await wire.close()
      await server.close()
      await log.close()
    },
  }
}

const noted = (label: string) => jsonEvent({ type: 'noted', data: { label } })

async function labelsOf(client: EventStoreDBClient, stream: string): Promise<unknown[]> {
  const labels: unknown[] = []
  for await (const { event } of client.readStream(stream))
    labels.push((event?.data as { label?: string } | undefined)?.label)
  return labels
}

/** The events of the last scavenge, once it is complete. */
async function scavenged(node: Node, id: string): Promise<{ types: unknown[]; outcome: Record<string, unknown> }> {
  const types: unknown[] = []
  for await (const { event } of node.client.subscribeToStream(`$scavenges-${id}`)) {
    types.push(event?.type)
    if (event?.type === '$scavengeCompleted') return { types, outcome: event.data as Record<string, unknown> }
  }
  throw new Error('the scavenge never ended')
}

function scavengeOf(message: Buffer | undefined): { id: string; result: number } {
  const reader = new ProtobufReader(message ?? EMPTY)
  const found = { id: '', result: -1 }
  while (reader.next()) {
    if (reader.field === 1) found.id = reader.string()
    else if (reader.field === 2) found.result = reader.number()
  }
  return found
}

const logs: [string, () => Promise<EventLog>][] = [
  ['in memory', async () => openMemoryLog()],
  ['on disk', async () => openDurableLog({ directory: await mkdtemp(path.join(tmpdir(), 'emberlog-scavenge-')) })],
]

describe.each(logs)('a scavenge %s', (_where, open) => {
  test('frees what nobody can read, and changes nothing of what somebody can', async () => {
    const node = await openNode(await open())
    const { client, log } = node
    for (const stream of ['counted', 'truncated', 'deleted', 'closed', 'revived', 'kept'])
      await client.appendToStream(stream, ['a', 'b', 'c', 'd'].map(noted))
    await client.setStreamMetadata('counted', { maxCount: 2 })
    await client.setStreamMetadata('truncated', { truncateBefore: 3 })
    await client.deleteStream('deleted')
    await client.tombstoneStream('closed')
    await client.deleteStream('revived')
    await client.appendToStream('revived', noted('e'))
    const before = log.stats().records
    const { id } = scavengeOf((await node.ask('operations.Operations/StartScavenge')).messages[0])
    const { types, outcome } = await scavenged(node, id)
    expect([types[0], outcome['result']]).toEqual(['$scavengeStarted', 'Success'])
    // counted 2, truncated 3, deleted 3, closed 4, revived 4, and an older metadata event of revived.
    const told = 1 + 2 * types.length // Its metadata, and a link to each of its events.
    expect(before + told - log.stats().records).toBe(17)
    expect(await labelsOf(client, 'counted')).toEqual(['c', 'd'])
    expect(await labelsOf(client, 'truncated')).toEqual(['d'])
    expect(await labelsOf(client, 'revived')).toEqual(['e'])
    expect(await labelsOf(client, 'kept')).toEqual(['a', 'b', 'c', 'd'])
    await expect(labelsOf(client, 'deleted')).rejects.toMatchObject({ type: 'stream-not-found' })
    await expect(labelsOf(client, 'closed')).rejects.toMatchObject({ type: 'stream-deleted' })
    const { nextExpectedRevision } = await client.appendToStream('deleted', noted('f'))
    expect(nextExpectedRevision).toBe(4n)
    await node.end()
  })

  test('is listed among the scavenges', async () => {
    const node = await openNode(await open())
    const { id } = scavengeOf((await node.ask('operations.Operations/StartScavenge')).messages[0])
    await scavenged(node, id)
    const listed: unknown[] = []
    for await (const { event } of node.client.readStream('$scavenges', { resolveLinkTos: true }))
      listed.push([event?.streamId, event?.type])
    expect(listed).toContainEqual([`$scavenges-${id}`, '$scavengeStarted'])
    expect(listed.at(-1)).toEqual([`$scavenges-${id}`, '$scavengeCompleted'])
    await node.end()
  })
})

describe('the operations service', () => {
  test('runs one scavenge at a time and stops it when it is told its id', async () => {
    const log = openMemoryLog()
    const node = await openNode(log)
    await node.client.appendToStream(
      'many',
      Array.from({ length: 1_000 }, () => noted('a')),
    )
    const { compact } = log
    // Held until it is stopped: a scavenge as long as one needs.
    log.compact = async (options) => {
      await new Promise((resolve) => options.signal?.addEventListener('abort', resolve))
      return compact.call(log, options)
    }
    const first = scavengeOf((await node.ask('operations.Operations/StartScavenge')).messages[0])
    const second = scavengeOf((await node.ask('operations.Operations/StartScavenge')).messages[0])
    expect([first.result, second.result, second.id]).toEqual([0, 1, first.id])
    const stop = (id: string) =>
      node.ask(
        'operations.Operations/StopScavenge',
        new ProtobufWriter().message(1, (options) => options.string(1, id)).finish(),
      )
    expect((await stop('another')).status).toBe('5')
    expect(scavengeOf((await stop(first.id)).messages[0])).toEqual({ id: first.id, result: 2 })
    expect((await scavenged(node, first.id)).outcome['scavengeId']).toBe(first.id)
    await node.end()
  })

  test('is shut down by an operator only where the program around it agrees', async () => {
    let asked = 0
    const alone = await openNode(openMemoryLog(), () => {
      asked += 1
    })
    expect((await alone.ask('operations.Operations/Shutdown')).status).toBe('0')
    await expect.poll(() => asked).toBe(1)
    await alone.end()
    const part = await openNode()
    expect((await part.ask('operations.Operations/Shutdown')).status).toBe('9')
    await part.end()
  })

  test.each(['MergeIndexes', 'ResignNode', 'SetNodePriority', 'RestartPersistentSubscriptions'])(
    'answers what changes nothing on one node: %s',
    async (method) => {
      const node = await openNode()
      expect((await node.ask(`operations.Operations/${method}`)).status).toBe('0')
      await node.end()
    },
  )

  test('is for operators and admins where people sign in', async () => {
    const stage = await openSecureStage()
    const statusFor = async (who?: string) => {
      const wire = stage.wire(who)
      const call = wire.call('operations.Operations/MergeIndexes').send(EMPTY)
      call.stream.end()
      const status = await call.status
      await wire.close()
      return status
    }
    expect([await statusFor(), await statusFor('ops:changeit'), await statusFor('admin:changeit')]).toEqual([
      '7',
      '0',
      '0',
    ])
    await stage.end()
  })
})

describe('the monitoring service', () => {
  test('gives figures at once and again after each period', async () => {
    const { server, end } = await openNode()
    const wire = new WireClient(server.url)
    const call = wire.call('monitoring.Monitoring/Stats').send(new ProtobufWriter().uint(4, 100).finish())
    const [first = EMPTY] = await call.received(2)
    const names: string[] = []
    const reader = new ProtobufReader(first)
    while (reader.next()) {
      const entry = reader.message()
      entry.next()
      names.push(entry.string())
    }
    expect(names).toEqual(expect.arrayContaining(['proc-mem', 'es-records', 'es-version']))
    call.cancel()
    await wire.close()
    await end()
  })
})

describe('the port over HTTP/1', () => {
  test('answers what tools ask', async () => {
    const { server, end } = await openNode()
    const get = (route: string) => fetch(`http://127.0.0.1:${server.port}${route}`)
    expect(await (await get('/info')).json()).toMatchObject({ esVersion: expect.stringMatching(/^23\.10/) })
    expect(await (await get('/gossip')).json()).toMatchObject({
      members: [{ state: 'Leader', isAlive: true, httpEndPointPort: server.port }],
    })
    expect(await (await get('/stats')).json()).toMatchObject({ es: { records: expect.any(Number) } })
    expect((await get('/health/live')).status).toBe(204)
    expect((await get('/web')).status).toBe(404)
    await end()
  })

  test('copies the log while it is being written, to where an operator says', async () => {
    const parent = await mkdtemp(path.join(tmpdir(), 'emberlog-copy-'))
    const node = await openNode(await openDurableLog({ directory: path.join(parent, 'store') }))
    await node.client.appendToStream('a', noted('a'))
    const backUp = (directory: string, type = 'application/json', more: Record<string, string> = {}) =>
      fetch(`http://127.0.0.1:${node.server.port}/admin/backup`, {
        method: 'POST',
        headers: { 'content-type': type, ...more },
        body: JSON.stringify({ directory }),
      })
    const target = path.join(parent, 'copy')
    expect((await backUp(target, 'text/plain')).status).toBe(415)
    expect((await backUp('copy')).status).toBe(400)
    expect((await backUp(target, undefined, { origin: 'http://elsewhere.example' })).status).toBe(403)
    const { records } = (await (await backUp(target)).json()) as { records: number }
    expect(records).toBe(node.log.stats().records)
    const again = await backUp(target)
    expect([again.status, await again.json()]).toMatchObject([409, { code: 'directory-not-empty' }])
    await node.end()
    const copy = await openNode(await openDurableLog({ directory: target }))
    expect(await labelsOf(copy.client, 'a')).toEqual(['a'])
    await copy.end()
    expect((await readdir(parent)).sort()).toEqual(['copy', 'store'])
  })
})
