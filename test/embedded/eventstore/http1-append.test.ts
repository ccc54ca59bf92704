import { randomUUID } from 'node:crypto'
import { EventStoreDBClient } from '@eventstore/db-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type EventStoreServer, startEventStore } from '../../../src/embedded/eventstore/server.ts'
import { openMemoryLog } from '../../../src/embedded/eventstore/storage/memory-log.ts'

let server: EventStoreServer
let client: EventStoreDBClient
beforeAll(async () => {
  server = await startEventStore({ log: openMemoryLog(), host: '127.0.0.1', port: 0 })
  client = EventStoreDBClient.connectionString(server.url)
})
afterAll(async () => {
  await client.dispose()
  await server.close()
})

const JSON_EVENT = { 'content-type': 'application/json', 'es-eventtype': 'noted' }
const at = (path: string) => `http://127.0.0.1:${server.port}${path}`
const post = (path: string, headers: Record<string, string> = JSON_EVENT, body = '{"label":"a"}') =>
  fetch(at(path), { method: 'POST', headers, body, redirect: 'manual' })
const withId = (id: string = randomUUID(), more = {}) => ({ ...JSON_EVENT, 'es-eventid': id, ...more })

async function read(stream: string) {
  const events: { revision: number; type: string; data: unknown }[] = []
  for await (const { event } of client.readStream(stream))
    if (event) events.push({ revision: Number(event.revision), type: event.type, data: event.data })
  return events
}

describe('an event posted over HTTP', () => {
  test('is appended as it is, even if it is no JSON', async () => {
    const response = await post('/streams/posted%2Fone', withId(), '****')
    expect([response.status, response.headers.get('location')]).toEqual([201, '/streams/posted%2Fone/0'])
    expect(await read('posted/one')).toEqual([{ revision: 0, type: 'noted', data: '****' }])
  })

  test('without an id is sent to an address with one, where sending it again appends nothing twice', async () => {
    const { status, headers } = await post('/streams/redirected')
    expect(status).toBe(307)
    const { pathname, origin } = new URL(headers.get('location') ?? '')
    expect(origin).toBe(at(''))
    expect((await post(pathname)).status).toBe(201)
    expect((await post(pathname)).status).toBe(201)
    expect(await read('redirected')).toHaveLength(1)
  })

  test('is bytes when it says so', async () => {
    await post('/streams/bytes', withId(undefined, { 'content-type': 'application/octet-stream' }), 'raw')
    const [event] = await read('bytes')
    expect(Buffer.from(event?.data as Uint8Array).toString()).toBe('raw')
  })

  test('is refused when the stream is not as expected, and told where it is', async () => {
    await post('/streams/expected', withId(undefined, { 'es-expectedversion': '-1' }))
    const { status, headers } = await post('/streams/expected', withId(undefined, { 'es-expectedversion': '-1' }))
    expect([status, headers.get('es-currentversion')]).toEqual([400, '0'])
    expect(await read('expected')).toHaveLength(1)
  })

  test('is refused on a stream that is deleted for ever', async () => {
    await client.tombstoneStream('closed')
    expect((await post('/streams/closed', withId())).status).toBe(410)
  })

  test.each([
    ['has no type', 400, '/streams/a', { 'content-type': 'application/json' }],
    ['has an id that is none', 400, '/streams/a', withId('a')],
    ['expects what cannot be', 400, '/streams/a', withId(undefined, { 'es-expectedversion': 'last' })],
    ['goes to a name that is none', 400, '/streams/%ff', withId()],
    ['is of another kind', 415, '/streams/a', withId(undefined, { 'content-type': 'text/xml' })],
    ['comes from a page in a browser', 403, '/streams/a', withId(undefined, { origin: 'http://pages.example' })],
    ['goes to everything at once', 403, '/streams/$all', withId()],
  ])('is refused when it %s', async (_, status, path, headers) => {
    expect((await post(path, headers as Record<string, string>)).status).toBe(status)
  })

  test('is refused when it is larger than an append may be', async () => {
    expect((await post('/streams/large', withId(), 'x'.repeat(1024 * 1024 + 1))).status).toBe(413)
  })
})

describe('other requests over HTTP', () => {
  test('to addresses that are none are not found, whatever they want', async () => {
    expect((await post('/nowhere')).status).toBe(404)
    expect((await fetch(at('/nowhere'), { method: 'DELETE' })).status).toBe(404)
  })

  test('for what an address does not offer are told what it does', async () => {
    const { status, headers } = await post('/ping')
    expect([status, headers.get('allow')]).toEqual([405, 'GET'])
  })
})
