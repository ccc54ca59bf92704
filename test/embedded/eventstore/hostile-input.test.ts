import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectHttp2, constants } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { ProtobufWriter } from '../../../src/embedded/eventstore/protocol/protobuf-writer.ts'
import { WireClient } from '../../contracts/wire-client.ts'

const MIB = 1024 * 1024

vi.setConfig({ testTimeout: 120_000 }) // Thousands of calls, on a machine that may be busy.

let child: ChildProcess
let url: string
let port: number
let client: EventStoreDBClient

beforeAll(async () => {
  child = fork(new URL('./store-under-attack.ts', import.meta.url), { execArgv: ['--expose-gc'] })
  const [started] = (await once(child, 'message')) as [{ url: string; port: number }]
  url = started.url
  port = started.port
  client = EventStoreDBClient.connectionString(url)
})

afterAll(async () => {
  await client.dispose()
  child.disconnect()
  await once(child, 'exit')
})

/** Whatever was done to the port: others are served as before. */
afterEach(async () => {
  const { success } = await client.appendToStream('unharmed', jsonEvent({ type: 'noted', data: {} }))
  expect(success).toBe(true)
})

async function residentBytes(): Promise<number> {
  child.send('memory')
  const [{ rss }] = (await once(child, 'message')) as [{ rss: number }]
  return rss
}

async function socketTo(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** Says something and waits until the server has hung up. */
async function sayAndBeHungUpOn(...parts: Buffer[]): Promise<void> {
  const socket = await socketTo()
  socket.resume()
  const closed = once(socket, 'close')
  for (const part of parts) socket.write(part)
  await closed
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])

describe('the port', () => {
  test('hangs up on random bytes', async () => {
    for (let round = 0; round < 50; round += 1) await sayAndBeHungUpOn(randomBytes(100 + round * 100))
    expect(child.exitCode).toBeNull()
  })

  test('hangs up on random bytes after a good beginning', async () => {
    for (let round = 0; round < 50; round += 1) {
      const bytes = randomBytes(2_000)
      // One frame in a thousand would have a legal length and an unknown type, which HTTP/2 lets pass.
      bytes[0] = 0xff
      await sayAndBeHungUpOn(PREFACE, EMPTY_SETTINGS, bytes)
    }
    expect(child.exitCode).toBeNull()
  })

  test('answers HTTP/1 and knows little of it', async () => {
    const answers = await Promise.all(
      ['ping', 'info', 'nothing'].map((path) => fetch(`http://127.0.0.1:${port}/${path}`)),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 404])
    expect((await fetch(`http://127.0.0.1:${port}/ping`, { method: 'POST', body: 'x' })).status).toBe(405)
  })

  test('refuses a request with a thousand headers', async () => {
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    session.on('error', () => {})
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`header-${index}`, 'x']))
    const request = session.request({ ':path': '/x', ':method': 'POST', ...many })
    request.on('error', () => {})
    await new Promise((resolve) => request.once('close', resolve))
    expect(request.rstCode).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM)
    session.destroy()
  })
})

describe('a call', () => {
  test.each([
    ['of a method that does not exist', 'streams.Streams/Nothing', undefined, '12'],
    ['with a message that is not protobuf', 'streams.Streams/Read', Buffer.from([0xff, 0xff, 0xff]), '13'],
    ['with a length that reaches beyond the message', 'streams.Streams/Read', Buffer.from([0x0a, 0x7f, 1]), '13'],
    ['with an empty request', 'streams.Streams/Read', Buffer.alloc(0), '13'],
    ['to delete nothing', 'streams.Streams/Delete', Buffer.alloc(0), '13'],
    ['of a batch without options', 'streams.Streams/BatchAppend', Buffer.alloc(0), '2'],
  ])('%s ends with a status', async (_, method, message, status) => {
    const wire = new WireClient(url)
    const call = wire.call(method)
    if (message) call.send(message)
    call.stream.end()
    expect(await call.status).toBe(status)
    await wire.close()
  })

  test('whose message is cut short, compressed or larger than allowed ends with a status', async () => {
    const wire = new WireClient(url)
    const frames = [
      Buffer.from([0, 0, 0, 1, 0, 42]),
      Buffer.from([1, 0, 0, 0, 1, 42]),
      Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1]),
    ]
    const statuses: unknown[] = []
    for (const frame of frames) {
      const call = wire.call('streams.Streams/BatchAppend')
      call.stream.end(frame)
      statuses.push(await call.status)
    }
    expect(statuses).toEqual(['13', '12', '8'])
    await wire.close()
  })

  test('with an expression that backtracks without end ends, and nobody waits for it', async () => {
    const stream = 'a'.repeat(60)
    await client.appendToStream(stream, jsonEvent({ type: 'noted', data: {} }))
    const subscription = client.subscribeToAll({
      filter: {
        filterOn: 'streamName',
        regex: '^(?=a)(a+)+$(?<!a)b',
        checkpointInterval: 1,
        checkpointReached: async () => {},
      },
    })
    subscription.resume()
    const [error] = await once(subscription, 'error')
    expect(error).toMatchObject({ code: 2 })
  })

  test('may be opened and abandoned 10,000 times', async () => {
    const before = await residentBytes()
    for (let round = 0; round < 10; round += 1) {
      const wire = new WireClient(url)
      const calls = Array.from({ length: 1_000 }, () => wire.call('streams.Streams/BatchAppend'))
      for (const [index, call] of calls.entries()) if (index % 2) call.cancel()
      const last = wire.call('server_features.ServerFeatures/GetSupportedMethods').send(Buffer.alloc(0))
      expect(await last.status).toBe('0')
      await wire.close()
    }
    expect((await residentBytes()) - before).toBeLessThan(150 * MIB)
  })

  test('that nobody reads takes no more memory than its buffers', async () => {
    const text = 'x'.repeat(10_000)
    for (let part = 0; part < 50; part += 1)
      await client.appendToStream(
        'large',
        Array.from({ length: 100 }, () => jsonEvent({ type: 'noted', data: { text } })),
      )
    const before = await residentBytes()
    const wire = new WireClient(url)
    // Fifty readers of 50 MB each who take nothing.
    const calls = Array.from({ length: 50 }, () => wire.call('streams.Streams/Read').send(READ_LARGE))
    for (const { stream } of calls) stream.pause()
    await Promise.all(calls.map(({ stream }) => once(stream, 'response')))
    // Each append is a turn of the server in which every reader would have got another slice.
    for (let turn = 0; turn < 300; turn += 1)
      await client.appendToStream('turns', jsonEvent({ type: 'noted', data: {} }))
    expect(calls[0]?.stream.closed).toBe(false)
    expect((await residentBytes()) - before).toBeLessThan(100 * MIB)
    await wire.close()
  })
})

/** A read of the stream `large` from its start, all of it. */
const READ_LARGE = new ProtobufWriter()
  .message(1, (options) =>
    options
      .message(1, (stream) => stream.message(1, (identifier) => identifier.string(3, 'large')).message(3))
      .uint(3, 0)
      .uint(5, 1_000_000)
      .message(8)
      .message(9, (uuid) => uuid.message(2)),
  )
  .finish()
