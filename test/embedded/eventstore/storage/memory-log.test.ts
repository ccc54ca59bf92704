import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { EventLog, NewRecord } from '../../../../src/embedded/eventstore/storage/event-log.ts'
import { openMemoryLog } from '../../../../src/embedded/eventstore/storage/memory-log.ts'

const UNBOUNDED = { countMax: 1000, bytesMax: 1_000_000 }

function record(stream: string, revision: number, changes: Partial<NewRecord> = {}): NewRecord {
  const body = Buffer.from(`${stream}:${revision}`)
  return { stream, revision, type: 'noted', eventId: randomUUID(), createdMs: 1, flags: 0, body, ...changes }
}

function revisions(log: EventLog, stream: string, from: number, direction: 'forwards' | 'backwards', pending = false) {
  return log.readStream(stream, { from, direction, pending, ...UNBOUNDED }).map((found) => found.revision)
}

describe('a log in memory', () => {
  test('decides at once and shows readers only what is durable', async () => {
    const log = openMemoryLog()
    const durable = log.append([record('a', 0), record('b', 0)])
    expect(log.nextPosition).toBe(2)
    expect(log.head('a')).toEqual({ revision: 0, position: 0, flags: 0 })
    expect(log.durableHead('a')).toBeUndefined()
    expect(revisions(log, 'a', 0, 'forwards')).toEqual([])
    expect(revisions(log, 'a', 0, 'forwards', true)).toEqual([0])
    expect(log.pendingBytes).toBe(6)
    await durable
    expect(log.durableEnd).toBe(2)
    expect(log.pendingBytes).toBe(0)
    expect(revisions(log, 'a', 0, 'forwards')).toEqual([0])
  })

  test('refuses a revision that does not follow', () => {
    const log = openMemoryLog()
    expect(() => log.append([record('a', 1)])).toThrow('does not follow')
    expect(() => log.append([])).toThrow('at least one')
  })

  test('reads a stream both ways from anywhere', async () => {
    const log = openMemoryLog()
    await log.append([0, 1, 2].map((revision) => record('a', revision)))
    expect(revisions(log, 'a', 1, 'forwards')).toEqual([1, 2])
    expect(revisions(log, 'a', 9, 'forwards')).toEqual([])
    expect(revisions(log, 'a', 1, 'backwards')).toEqual([1, 0])
    expect(revisions(log, 'a', 9, 'backwards')).toEqual([2, 1, 0])
  })

  test('looks at no more of the whole log than it may, and says where to go on', async () => {
    const log = openMemoryLog()
    await log.append([0, 1, 2, 3].map((revision) => record('a', revision, { type: revision % 2 ? 'odd' : 'even' })))
    const read = { from: 0, direction: 'forwards', consideredMax: 3, ...UNBOUNDED } as const
    const odd = log.readAll({ ...read, matches: ({ type }) => type === 'odd' })
    expect(odd).toMatchObject({ considered: 3, lastConsidered: 2, next: 3, isEnd: false })
    expect(odd.records.map(({ position }) => position)).toEqual([1])
    const back = log.readAll({ ...read, from: 9, direction: 'backwards', consideredMax: 9 })
    expect(back.records.map(({ position }) => position)).toEqual([3, 2, 1, 0])
    expect(back).toMatchObject({ next: -1, isEnd: true })
  })

  test('finds recent event ids of a stream', () => {
    const log = openMemoryLog()
    const eventId = randomUUID()
    void log.append([record('a', 0, { eventId })])
    expect(log.findRecent('a', eventId)).toEqual({ revision: 0, position: 0 })
    expect(log.findRecent('b', eventId)).toBeUndefined()
  })

  test('tells listeners before it acknowledges', async () => {
    const log = openMemoryLog()
    const heard: string[] = []
    log.onDurable((records) => heard.push(`durable ${records.length} to ${log.durableEnd}`))
    await log.append([record('a', 0)]).then(() => heard.push('acknowledged'))
    expect(heard).toEqual(['durable 1 to 1', 'acknowledged'])
  })

  test('keeps positions and revisions when compacted', async () => {
    const log = openMemoryLog()
    await log.append([0, 1, 2, 3].map((revision) => record('a', revision)))
    const result = await log.compact({ mayDrop: ({ revision }) => revision < 3 && revision !== 1 })
    expect(result).toMatchObject({ dropped: 2, isComplete: true })
    expect(revisions(log, 'a', 0, 'forwards')).toEqual([1, 3])
    expect(revisions(log, 'a', 2, 'backwards')).toEqual([1])
    expect(log.head('a')).toMatchObject({ revision: 3, position: 3 })
    expect(log.stats()).toMatchObject({ records: 2, streams: 1 })
  })

  test('fails for good when it cannot commit', async () => {
    const log = openMemoryLog({ commit: () => Promise.reject(new Error('no space left')) })
    await expect(log.append([record('a', 0)])).rejects.toThrow('no space left')
    await expect(log.append([record('b', 0)])).rejects.toThrow('no space left')
    expect((await log.failed).message).toBe('no space left')
    expect(log.durableEnd).toBe(0)
  })
})
