import { describe, expect, test } from 'vitest'
import type { Consumer, Delivery, InFlight } from '../../../../src/embedded/eventstore/groups/delivery.ts'
import { DeliveryQueue, type QueueRules } from '../../../../src/embedded/eventstore/groups/delivery-queue.ts'

interface Worker extends Consumer {
  isCongested: boolean
}

const worker = (id: string, slots = 10): Worker => ({
  id,
  slots,
  inFlight: new Map<string, InFlight>(),
  isCongested: false,
})

const event = (id: string, changes: Partial<Delivery> = {}): Delivery => {
  const stream = changes.pin ?? 's'
  return { id, stream, revision: 0, pin: stream, place: 0, retryCount: 0, record: undefined, ...changes }
}

function queueWith(ids: string, rules: Partial<QueueRules> = {}): DeliveryQueue<Worker> {
  const queue = new DeliveryQueue<Worker>({
    strategy: 'RoundRobin',
    maxRetryCount: 10,
    messageTimeoutMs: 30_000,
    inFlightMax: 1_000,
    ...rules,
  })
  for (const id of ids.split(' ').filter(Boolean)) queue.add(event(id))
  return queue
}

/** Hands out what can be handed out, as text: `a>one` is event a in the hands of one. */
function dispatched(queue: DeliveryQueue<Worker>, nowMs = 0): string {
  const text = ({ delivery, consumer }: Handed) =>
    `${delivery.id}${delivery.retryCount ? `#${delivery.retryCount}` : ''}>${consumer.id}`
  return handedOut(queue, nowMs).map(text).join(' ')
}

interface Handed {
  readonly delivery: Delivery
  readonly consumer: Worker
}

function handedOut(queue: DeliveryQueue<Worker>, nowMs = 0): Handed[] {
  const handed: Handed[] = []
  queue.dispatch(nowMs, (delivery, consumer) => handed.push({ delivery, consumer }))
  return handed
}

const idsOf = (deliveries: readonly Delivery[]) => deliveries.map(({ id }) => id).join(' ')

describe('a queue of deliveries', () => {
  test('hands out nothing without a consumer, and all of it in order to the first that comes', () => {
    const queue = queueWith('a b c')
    expect(dispatched(queue)).toBe('')
    queue.connect(worker('one'))
    expect(dispatched(queue)).toBe('a>one b>one c>one')
    expect(dispatched(queue)).toBe('')
  })

  test('never gives a consumer more than it has room for, and goes on when it answers', () => {
    const queue = queueWith('a b c d')
    const one = worker('one', 2)
    queue.connect(one)
    expect(dispatched(queue)).toBe('a>one b>one')
    expect(queue.take(one, ['b']).map(({ delivery }) => delivery.id)).toEqual(['b'])
    expect(dispatched(queue)).toBe('c>one')
    expect([queue.freshCount, queue.inFlightCount]).toEqual([1, 2])
  })

  test('gives nothing to a consumer that does not read what it was sent', () => {
    const queue = queueWith('a')
    const one = worker('one')
    one.isCongested = true
    queue.connect(one)
    expect(dispatched(queue)).toBe('')
    one.isCongested = false
    expect(dispatched(queue)).toBe('a>one')
  })

  test('hands out no more than all consumers together may hold', () => {
    const queue = queueWith('a b c d', { inFlightMax: 3 })
    for (const id of ['one', 'two']) queue.connect(worker(id))
    expect(dispatched(queue)).toBe('a>one b>two c>one')
    expect(dispatched(queue)).toBe('')
  })

  test('stops at the consumer that finds, while it is served, that it takes no more', () => {
    const queue = queueWith('a b c')
    const one = worker('one')
    queue.connect(one)
    queue.dispatch(0, (delivery) => {
      one.isCongested = delivery.id === 'b'
    })
    expect([...one.inFlight.keys()]).toEqual(['a', 'b'])
  })

  test('takes an answer once, and only from the consumer that holds the event', () => {
    const queue = queueWith('a b')
    const [one, two] = [worker('one', 1), worker('two', 1)]
    queue.connect(one)
    queue.connect(two)
    expect(dispatched(queue)).toBe('a>one b>two')
    expect(queue.take(two, ['a', 'unknown'])).toEqual([])
    expect(queue.take(one, ['a', 'a'])).toHaveLength(1)
    expect(queue.take(one, ['a'])).toEqual([])
  })

  test('keeps two events of one id apart: the second waits until the first is answered', () => {
    const queue = queueWith('a a b')
    const one = worker('one')
    queue.connect(one)
    expect(dispatched(queue)).toBe('a>one b>one')
    queue.take(one, ['a'])
    expect(dispatched(queue)).toBe('a>one')
  })

  test('hands out what failed before what is replayed, and that before what is new', () => {
    const queue = queueWith('a b')
    const one = worker('one', 1)
    queue.connect(one)
    expect(dispatched(queue)).toBe('a>one')
    queue.add(event('parked', { place: undefined }))
    expect(queue.retry(one, ['a'])).toEqual([])
    expect(dispatched(queue)).toBe('a#1>one')
    queue.take(one, ['a'])
    expect(dispatched(queue)).toBe('parked>one')
    queue.take(one, ['parked'])
    expect(dispatched(queue)).toBe('b>one')
  })

  test.each([0, 1, 3])('gives an event up after %i retries', (maxRetryCount) => {
    const queue = queueWith('a', { maxRetryCount })
    const one = worker('one')
    queue.connect(one)
    for (let tried = 0; tried < maxRetryCount; tried += 1) {
      dispatched(queue)
      expect(queue.retry(one, ['a'])).toEqual([])
    }
    expect(dispatched(queue)).toBe(maxRetryCount ? `a#${maxRetryCount}>one` : 'a>one')
    expect(idsOf(queue.retry(one, ['a']))).toBe('a')
    expect(dispatched(queue)).toBe('')
  })

  test('gives what a consumer left unanswered to others, in order, as one more try', () => {
    const queue = queueWith('a b c', { maxRetryCount: 1 })
    const [one, two] = [worker('one', 2), worker('two')]
    queue.connect(one)
    expect(dispatched(queue)).toBe('a>one b>one')
    queue.connect(two)
    expect(queue.disconnect(one)).toEqual([])
    expect(dispatched(queue)).toBe('a#1>two b#1>two c>two')
    expect(idsOf(queue.disconnect(two))).toBe('a b')
    expect(queue.consumers).toEqual([])
  })
})

describe('time', () => {
  test('takes back what was not answered in time, and nothing before', () => {
    const queue = queueWith('a b', { messageTimeoutMs: 1_000 })
    const one = worker('one', 1)
    queue.connect(one)
    expect(dispatched(queue, 5_000)).toBe('a>one')
    expect(queue.nextTimeoutMs).toBe(6_000)
    queue.expire(5_999)
    expect(dispatched(queue, 5_999)).toBe('')
    queue.expire(6_000)
    expect(dispatched(queue, 6_000)).toBe('a#1>one')
    expect(queue.nextTimeoutMs).toBe(7_000)
  })

  test('gives up what is late too often', () => {
    const queue = queueWith('a', { messageTimeoutMs: 1_000, maxRetryCount: 0 })
    queue.connect(worker('one'))
    dispatched(queue, 0)
    expect(idsOf(queue.expire(1_000))).toBe('a')
  })

  test('means nothing when the timeout is zero', () => {
    const queue = queueWith('a', { messageTimeoutMs: 0 })
    queue.connect(worker('one'))
    dispatched(queue)
    expect(queue.nextTimeoutMs).toBeUndefined()
    expect(queue.expire(Number.MAX_SAFE_INTEGER)).toEqual([])
    expect(queue.inFlightCount).toBe(1)
  })

  test('is a second where the timeout is below zero', () => {
    const queue = queueWith('a', { messageTimeoutMs: -1 })
    queue.connect(worker('one'))
    dispatched(queue, 500)
    expect(queue.nextTimeoutMs).toBe(1_500)
    queue.expire(1_500)
    expect(dispatched(queue, 1_500)).toBe('a#1>one')
  })
})

describe('sharing', () => {
  test('by RoundRobin goes to each in turn and passes over who has no room', () => {
    const queue = queueWith('a b c d e', { strategy: 'RoundRobin' })
    for (const consumer of [worker('one', 1), worker('two', 3), worker('three', 9)]) queue.connect(consumer)
    expect(dispatched(queue)).toBe('a>one b>two c>three d>two e>three')
  })

  test('by DispatchToSingle goes to the first until it is full', () => {
    const queue = queueWith('a b c d', { strategy: 'DispatchToSingle' })
    for (const consumer of [worker('one', 3), worker('two')]) queue.connect(consumer)
    expect(dispatched(queue)).toBe('a>one b>one c>one d>two')
  })

  test('by Pinned gives each stream to one consumer, and all consumers their share', () => {
    const queue = pinned(200)
    const workers = [worker('one', 999), worker('two', 999), worker('three', 999)]
    for (const consumer of workers) queue.connect(consumer)
    const streams = workers.map(() => new Set<string>())
    for (const { delivery, consumer } of handedOut(queue)) streams[workers.indexOf(consumer)]?.add(delivery.pin)
    const sizes = streams.map(({ size }) => size)
    expect(sizes.reduce((sum, size) => sum + size)).toBe(200)
    expect(Math.min(...sizes)).toBeGreaterThan(30)
  })

  test('by Pinned keeps a stream where it is while something of it is unanswered, whoever comes', () => {
    const queue = pinned(0)
    const one = worker('one', 999)
    queue.connect(one)
    for (let stream = 0; stream < 50; stream += 1) queue.add(event(`${stream}-a`, { pin: `s${stream}` }))
    expect(handedOut(queue)).toHaveLength(50)
    queue.connect(worker('two', 999))
    for (let stream = 0; stream < 50; stream += 1) queue.add(event(`${stream}-b`, { pin: `s${stream}` }))
    expect(new Set(handedOut(queue).map(({ consumer }) => consumer.id))).toEqual(new Set(['one']))
    queue.take(one, [...one.inFlight.keys()])
    for (let stream = 0; stream < 50; stream += 1) queue.add(event(`${stream}-c`, { pin: `s${stream}` }))
    expect(new Set(handedOut(queue).map(({ consumer }) => consumer.id))).toEqual(new Set(['one', 'two']))
  })

  test('by Pinned lets streams of consumers with room pass those of a full one, without changing any order', () => {
    const queue = pinned(40)
    const workers = [worker('one', 3), worker('two', 999)]
    for (const consumer of workers) queue.connect(consumer)
    const first = handedOut(queue)
    expect(first.filter(({ consumer }) => consumer.id === 'one')).toHaveLength(3)
    expect(first.filter(({ consumer }) => consumer.id === 'two').length).toBeGreaterThan(3)
    const ofTwo = first.filter(({ consumer }) => consumer.id === 'two').map(({ delivery }) => delivery.revision)
    expect(ofTwo).toEqual([...ofTwo].sort((a, b) => a - b))
  })

  /** Two events of each of so many streams, `revision` being their place in the queue. */
  function pinned(streams: number): DeliveryQueue<Worker> {
    const queue = queueWith('', { strategy: 'Pinned' })
    for (let at = 0; at < streams * 2; at += 1) queue.add(event(`e${at}`, { pin: `s${at % streams}`, revision: at }))
    return queue
  }
})
