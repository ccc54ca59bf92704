/** Loads for an event store: through one official client, and as bytes made beforehand. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:http2'
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'

/** Data of one event: with type and ids about 300 bytes. */
export const EVENT_DATA = { text: 'x'.repeat(200), number: 1 }

export interface Appended {
  readonly perSecond: number
  /** Milliseconds of one append, in rising order. */
  readonly latenciesMs: readonly number[]
}

/** Appends single events through one client, `concurrency` at a time. */
export async function appendThroughClient(url: string, concurrency: number, count: number): Promise<Appended> {
  const client = EventStoreDBClient.connectionString(url)
  await client.appendToStream('warm-up', newEvent()) // The client hangs when its first call is not alone.
  const latenciesMs: number[] = []
  let left = count
  const writer = async () => {
    const stream = `bench-${randomUUID()}`
    for (; left > 0; ) {
      left -= 1
      const started = performance.now()
      await client.appendToStream(stream, newEvent())
      latenciesMs.push(performance.now() - started)
    }
  }
  const started = performance.now()
  await Promise.all(Array.from({ length: concurrency }, writer))
  const perSecond = (count / (performance.now() - started)) * 1_000
  await client.dispose()
  return { perSecond, latenciesMs: latenciesMs.sort((a, b) => a - b) }
}

/** Appends batches of events through one client; answers events per second. */
export async function appendBatchesThroughClient(
  url: string,
  batch: number,
  concurrency: number,
  count: number,
): Promise<number> {
  const client = EventStoreDBClient.connectionString(url)
  await client.appendToStream('warm-up', newEvent())
  const each = Math.ceil(count / batch / concurrency)
  const started = performance.now()
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      const stream = `bench-${randomUUID()}`
      for (let turn = 0; turn < each; turn += 1)
        await client.appendToStream(stream, Array.from({ length: batch }, newEvent))
    }),
  )
  const perSecond = ((each * batch * concurrency) / (performance.now() - started)) * 1_000
  await client.dispose()
  return perSecond
}

function newEvent() {
  return jsonEvent({ type: 'measured', data: EVENT_DATA })
}

/** Reads everything through one client, by `readAll` or a subscription; answers events per second. */
export async function readThroughClient(url: string, how: 'read' | 'subscribe', count: number): Promise<number> {
  const client = EventStoreDBClient.connectionString(url)
  const started = performance.now()
  let seen = 0
  const source = how === 'read' ? client.readAll({ maxCount: count }) : client.subscribeToAll()
  for await (const _ of source) {
    seen += 1
    if (seen === count) break
  }
  const perSecond = (seen / (performance.now() - started)) * 1_000
  await client.dispose()
  return perSecond
}

/** Sends appends of one event as bytes made beforehand, `concurrency` under way; answers appends per second. */
export async function appendPreserialised(port: number, concurrency: number, count: number): Promise<number> {
  const frames = preserialised(count)
  const session = connect(`http://127.0.0.1:${port}`)
  const call = session.request({
    ':method': 'POST',
    ':path': '/event_store.client.streams.Streams/BatchAppend',
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  let [sent, answered, rest] = [0, 0, Buffer.alloc(0) as Buffer]
  const finished = Promise.withResolvers<void>()
  const send = (amount: number) => {
    const end = Math.min(count, sent + amount)
    if (end > sent) call.write(frames.subarray(sent * FRAME_BYTES, end * FRAME_BYTES))
    sent = end
  }
  call.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const before = answered
    let at = 0
    for (; rest.length - at >= 5 && rest.length - at >= 5 + rest.readUInt32BE(at + 1); answered += 1)
      at += 5 + rest.readUInt32BE(at + 1)
    rest = rest.subarray(at)
    send(answered - before)
    if (answered === count) finished.resolve()
  })
  const started = performance.now()
  send(concurrency)
  await finished.promise
  const perSecond = (count / (performance.now() - started)) * 1_000
  call.close()
  session.destroy()
  await once(session, 'close')
  return perSecond
}

const STREAMS = 512
const stream = (index: number) => `bench-preserialised-${String(index % STREAMS).padStart(4, '0')}`
const PAYLOAD = Buffer.from(JSON.stringify(EVENT_DATA))

function field(number: number, content: Buffer): Buffer {
  const length = content.length < 128 ? [content.length] : [(content.length & 0x7f) | 0x80, content.length >> 7]
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), content])
}

function frame(index: number): Buffer {
  const uuid = () => field(2, Buffer.from(randomUUID()))
  const entry = (key: string, value: string) =>
    field(2, Buffer.concat([field(1, Buffer.from(key)), field(2, Buffer.from(value))]))
  const options = Buffer.concat([field(1, field(3, Buffer.from(stream(index)))), field(4, Buffer.alloc(0))])
  const event = [
    field(1, uuid()),
    entry('type', 'measured'),
    entry('content-type', 'application/json'),
    field(4, PAYLOAD),
  ]
  const message = Buffer.concat([
    field(1, uuid()),
    field(2, options),
    field(3, Buffer.concat(event)),
    Buffer.from([0x20, 1]),
  ])
  const header = Buffer.alloc(5)
  header.writeUInt32BE(message.length, 1)
  return Buffer.concat([header, message])
}

const FRAME_BYTES = frame(0).length

/** Frames of one length, with ids of their own. */
function preserialised(count: number): Buffer {
  const frames = Buffer.alloc(count * FRAME_BYTES)
  for (let index = 0; index < count; index += 1) frames.set(frame(index), index * FRAME_BYTES)
  return frames
}
