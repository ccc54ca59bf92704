/** What the application relies on in an event store, held against every store we claim to support. */
import { randomUUID } from 'node:crypto'
import {
  type AppendExpectedRevision,
  type AppendResult,
  EventStoreDBClient,
  jsonEvent,
  type ResolvedEvent,
  streamNameFilter,
} from '@eventstore/db-client'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { contractStores, type OpenStore } from './contract-stores.ts'
import { batchChunk, readBatchReply, WireClient } from './wire-client.ts'

const SECOND = 1_000

vi.setConfig({ testTimeout: 120 * SECOND }) // Some move thousands of events, and the machine may be busy.

/** The client's own default of 10 s is short for thousands of appends at once on a busy machine. */
const withDeadline = (url: string) => `${url}${url.includes('?') ? '&' : '?'}defaultDeadline=${60 * SECOND}`

describe.each(contractStores)('$name', ({ open }) => {
  let store: OpenStore
  let client: EventStoreDBClient

  beforeAll(async () => {
    store = await open()
    client = EventStoreDBClient.connectionString(withDeadline(store.connectionString))
  })

  afterAll(async () => {
    await client.dispose()
    await store.close()
  })

  const newStream = (category = 'contract') => `${category}-${randomUUID()}`
  const labelled = (labels: string, ids = new Map<string, string>()) =>
    labels.split(' ').map((label) => jsonEvent({ type: 'noted', data: { label }, id: ids.get(label) ?? randomUUID() }))
  const labelOf = ({ event }: ResolvedEvent) =>
    `${event?.revision}:${(event?.data as { label?: string } | undefined)?.label}`

  async function read(stream: string, options = {}): Promise<string> {
    const labels: string[] = []
    try {
      for await (const resolved of client.readStream(stream, options)) labels.push(labelOf(resolved))
    } catch (error) {
      return (error as { type: string }).type
    }
    return labels.join(' ')
  }

  const outcome = (append: Promise<AppendResult>) =>
    append.then(
      ({ nextExpectedRevision }) => `done at ${nextExpectedRevision}`,
      (error: { type: string; actualVersion?: unknown }) =>
        error.actualVersion === undefined ? error.type : `${error.type}, is ${error.actualVersion}`,
    )

  describe('appending', () => {
    const matrix: [state: string, expected: AppendExpectedRevision, result: string][] = [
      ['missing', 'any', 'done at 0'],
      ['missing', 'no_stream', 'done at 0'],
      ['missing', 'stream_exists', 'wrong-expected-version, is no_stream'],
      ['missing', 0n, 'wrong-expected-version, is no_stream'],
      ['existing', 'any', 'done at 3'],
      ['existing', 'no_stream', 'wrong-expected-version, is 2'],
      ['existing', 'stream_exists', 'done at 3'],
      ['existing', 2n, 'done at 3'],
      ['existing', 9n, 'wrong-expected-version, is 2'],
      ['deleted', 'any', 'done at 3'],
      ['deleted', 'no_stream', 'done at 3'],
      ['deleted', 'stream_exists', 'stream-deleted'],
      ['deleted', 2n, 'done at 3'],
      ['deleted', 0n, 'wrong-expected-version, is 2'],
      ['tombstoned', 'any', 'stream-deleted'],
      ['tombstoned', 'no_stream', 'stream-deleted'],
    ]

    test.each(matrix)('to a stream that is %s, expecting %s: %s', async (state, expectedRevision, result) => {
      const stream = newStream()
      if (state !== 'missing') await client.appendToStream(stream, labelled('a b c'))
      if (state === 'deleted') await client.deleteStream(stream)
      if (state === 'tombstoned') await client.tombstoneStream(stream)
      expect(await outcome(client.appendToStream(stream, labelled('new'), { expectedRevision }))).toBe(result)
    })

    test('answers with the position of the last event', async () => {
      const stream = newStream()
      const { position } = await client.appendToStream(stream, labelled('a b'))
      const positions: unknown[] = []
      for await (const { event } of client.readStream(stream)) positions.push(event?.position)
      expect(positions[1]).toEqual(position)
    })

    test('takes 10,000 single appends in one turn of the event loop', async () => {
      const stream = newStream()
      await client.appendToStream(stream, labelled('first')) // The client hangs when its first call is not alone.
      const appends = Array.from({ length: 10_000 }, () => client.appendToStream(stream, labelled('more')))
      const results = await Promise.all(appends)
      expect(new Set(results.map(({ nextExpectedRevision }) => nextExpectedRevision)).size).toBe(10_000)
    })

    test('takes one append in several hundred chunks, whole or not at all', async () => {
      const stream = newStream()
      const many = labelled(Array.from({ length: 2_000 }, (_, index) => `e${index}`).join(' '))
      const options = { batchAppendSize: 500, expectedRevision: 'no_stream' } as const
      expect(await outcome(client.appendToStream(stream, many, options))).toBe('done at 1999')
      const more = labelled('x y z')
      expect(await outcome(client.appendToStream(stream, more, { ...options, batchAppendSize: 1 }))).toBe(
        'wrong-expected-version, is 1999',
      )
      expect(await read(stream, { direction: 'backwards', fromRevision: 'end', maxCount: 1 })).toBe('1999:e1999')
    })

    test('refuses more than 1 MiB of data and goes on', async () => {
      const stream = newStream()
      const large = jsonEvent({ type: 'noted', data: { text: 'x'.repeat(2 * 1024 * 1024) } })
      expect(await outcome(client.appendToStream(stream, large))).toBe('maximum-append-size-exceeded')
      expect(await outcome(client.appendToStream(stream, labelled('a')))).toBe('done at 0')
    })
  })

  describe('a repeated append', () => {
    const repeats: [expected: string, repeat: string, result: string][] = [
      ['exact', 'a b c', 'done at 3'],
      ['exact', 'a b', 'done at 2'],
      ['exact', 'b c', 'wrong-expected-version, is 3'],
      ['exact', 'a b c d', 'wrong-expected-version, is 3'],
      ['any', 'a b c', 'done at 3'],
      ['any', 'b', 'done at 2'],
      ['any', 'a c', 'done at 3'],
      ['any', 'a b c d', 'wrong-expected-version, is 3'],
      ['any', 'd a b', 'done at 6'],
      ['stream_exists', 'a b c', 'done at 3'],
      ['stream_exists', 'b c d', 'wrong-expected-version, is 3'],
    ]

    test.each(repeats)('of a, b, c, expecting %s, with %s: %s', async (expected, repeat, result) => {
      const stream = newStream()
      const ids = new Map(['a', 'b', 'c', 'd'].map((label) => [label, randomUUID()]))
      const expectedRevision = expected === 'exact' ? 0n : (expected as 'any' | 'stream_exists')
      await client.appendToStream(stream, labelled('seed'))
      await client.appendToStream(stream, labelled('a b c', ids), { expectedRevision })
      expect(await outcome(client.appendToStream(stream, labelled(repeat, ids), { expectedRevision }))).toBe(result)
    })

    test('is answered with the position of the first', async () => {
      const [stream, ids] = [newStream(), new Map([['a', randomUUID()]])]
      const first = await client.appendToStream(stream, labelled('a', ids), { expectedRevision: 'no_stream' })
      await client.appendToStream(stream, labelled('b'))
      const again = await client.appendToStream(stream, labelled('a', ids), { expectedRevision: 'no_stream' })
      expect(again).toEqual(first)
    })
  })

  describe('what may be seen of a stream', () => {
    test('begins at $tb, keeps to $maxCount, and is whole again without them', async () => {
      const stream = newStream()
      await client.appendToStream(stream, labelled('a b c d e'))
      await client.setStreamMetadata(stream, { truncateBefore: 2 })
      expect(await read(stream)).toBe('2:c 3:d 4:e')
      await client.setStreamMetadata(stream, { maxCount: 1 })
      expect(await read(stream)).toBe('4:e')
      await client.setStreamMetadata(stream, {})
      expect(await read(stream)).toBe('0:a 1:b 2:c 3:d 4:e')
    })

    test('ends after $maxAge', async () => {
      const stream = newStream()
      await client.appendToStream(stream, labelled('a b'))
      await client.setStreamMetadata(stream, { maxAge: 1 })
      await expect.poll(() => read(stream), { timeout: 5 * SECOND }).toBe('')
      expect(await outcome(client.appendToStream(stream, labelled('c'), { expectedRevision: 1n }))).toBe('done at 2')
      expect(await read(stream)).toBe('2:c')
    })

    test('is nothing after a deletion, and what was written since after the next append', async () => {
      const stream = newStream()
      await client.appendToStream(stream, labelled('a b'))
      await client.deleteStream(stream)
      expect(await read(stream)).toBe('stream-not-found')
      await client.appendToStream(stream, labelled('c'), { expectedRevision: 'no_stream' })
      expect(await read(stream)).toBe('2:c')
      expect((await client.getStreamMetadata(stream)).metadata).toEqual({ truncateBefore: 2 })
    })

    test('is refused for ever after a tombstone', async () => {
      const stream = newStream()
      await client.tombstoneStream(stream)
      expect(await read(stream)).toBe('stream-deleted')
    })
  })

  describe('a subscription', () => {
    test('passes from history to live without a gap or a repeat while others write', async () => {
      const stream = newStream()
      await client.appendToStream(stream, labelled('first'))
      const writing = (async () => {
        for (let part = 0; part < 40; part += 1) await client.appendToStream(stream, labelled('a b c d e'))
      })()
      const revisions: number[] = []
      for await (const { event } of client.subscribeToStream(stream)) {
        revisions.push(Number(event?.revision))
        if (revisions.length === 201) break
      }
      await writing
      expect(revisions).toEqual(Array.from({ length: 201 }, (_, index) => index))
    })

    test('to everything goes on exactly after the position it is given', async () => {
      const stream = newStream()
      await client.appendToStream(stream, labelled('a'))
      const { position } = await client.appendToStream(stream, labelled('b'))
      await client.appendToStream(stream, labelled('c'))
      const filter = streamNameFilter({ prefixes: [stream] })
      const heard: string[] = []
      for await (const resolved of client.subscribeToAll({ fromPosition: position as never, filter })) {
        heard.push(labelOf(resolved))
        if (heard.length === 1) break
      }
      expect(heard).toEqual(['2:c'])
    })

    test('tells a slow reader that it fell behind, and loses nothing', async () => {
      const stream = newStream()
      await client.appendToStream(stream, labelled('first'))
      const subscription = client.subscribeToStream(stream, { fromRevision: 'end' })
      const said: string[] = []
      for (const signal of ['caughtUp', 'fellBehind'] as const) subscription.on(signal, () => said.push(signal))
      await new Promise((resolve) => subscription.once('caughtUp', resolve))
      // Nobody listens to the data yet, so the client's and the server's buffers fill up.
      const text = 'x'.repeat(1_000)
      for (let part = 0; part < 60; part += 1) {
        const events = Array.from({ length: 200 }, () => jsonEvent({ type: 'noted', data: { text } }))
        await client.appendToStream(stream, events)
      }
      const revisions: bigint[] = []
      for await (const { event } of subscription) {
        revisions.push(event?.revision ?? -1n)
        if (revisions.length === 12_000) break
      }
      expect(revisions).toEqual(Array.from({ length: 12_000 }, (_, index) => BigInt(index + 1)))
      expect(said.slice(0, 2)).toEqual(['caughtUp', 'fellBehind'])
    })

    test('with a filter gets checkpoints on the way through what does not match', async () => {
      const [misses, hits] = [newStream('miss'), newStream('hit')]
      const { position } = await client.appendToStream(misses, labelled('mark'))
      for (let part = 0; part < 4; part += 1)
        await client.appendToStream(misses, labelled(Array.from({ length: 100 }, (_, index) => `m${index}`).join(' ')))
      await client.appendToStream(hits, labelled('hit'))
      const checkpoints: bigint[] = []
      const filter = streamNameFilter({
        prefixes: [hits],
        maxSearchWindow: 50,
        checkpointReached: async (_, { commit }) => void checkpoints.push(commit),
      })
      for await (const resolved of client.subscribeToAll({ fromPosition: position as never, filter })) {
        expect(labelOf(resolved)).toBe('0:hit')
        break
      }
      expect(checkpoints.length).toBeGreaterThanOrEqual(7)
      expect(checkpoints).toEqual([...checkpoints].sort((a, b) => (a < b ? -1 : 1)))
    })
  })

  describe('a batch', () => {
    test('whose last chunk never comes is answered when its time is over, once and for all', async () => {
      const wire = new WireClient(store.connectionString)
      const [late, next, stream, other] = [randomUUID(), randomUUID(), newStream(), newStream()]
      const call = wire.call('streams.Streams/BatchAppend')
      call.send(batchChunk(late, [randomUUID()], false, { stream, deadlineMs: Date.now() + 300 }))
      const [first] = await call.received(1)
      expect(readBatchReply(first as Buffer)).toEqual({
        correlationId: late,
        isSuccess: false,
        failure: 'Timeout',
        stream,
      })
      // The last chunk is swallowed: what answers next is the batch after it.
      call.send(batchChunk(late, [randomUUID()], true))
      call.send(batchChunk(next, [randomUUID()], true, { stream: other, deadlineMs: Date.now() + 10 * SECOND }))
      const [, second] = await call.received(2)
      expect(readBatchReply(second as Buffer)).toMatchObject({ correlationId: next, isSuccess: true, stream: other })
      expect(await read(stream)).toBe('stream-not-found')
      await wire.close()
    })

    test('that comes after its deadline is not appended', async () => {
      const stream = newStream()
      const many = labelled(Array.from({ length: 5_000 }, (_, index) => `e${index}`).join(' '))
      expect(await outcome(client.appendToStream(stream, many, { deadline: 1 }))).toBe('deadline-exceeded')
    })

    test('is answered with its own correlation id among many', async () => {
      const wire = new WireClient(store.connectionString)
      const call = wire.call('streams.Streams/BatchAppend')
      const ids = Array.from({ length: 50 }, () => randomUUID())
      const deadlineMs = Date.now() + 10 * SECOND
      for (const id of ids) call.send(batchChunk(id, [randomUUID()], true, { stream: newStream(), deadlineMs }))
      const replies = (await call.received(50)).map((message) => readBatchReply(message))
      expect(replies.map(({ correlationId }) => correlationId).sort()).toEqual([...ids].sort())
      expect(replies.every(({ isSuccess }) => isSuccess)).toBe(true)
      await wire.close()
    })
  })
})
