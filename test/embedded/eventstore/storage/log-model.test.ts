import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openDurableLog } from '../../../../src/embedded/eventstore/storage/durable-log.ts'
import type {
  DurableEventLog,
  EventLog,
  LogRecord,
  NewRecord,
  RecordHeader,
} from '../../../../src/embedded/eventstore/storage/event-log.ts'
import { verifyLog } from '../../../../src/embedded/eventstore/storage/log-verification.ts'
import { openMemoryLog } from '../../../../src/embedded/eventstore/storage/memory-log.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** Small enough that a run of a few dozen appends fills several segments. */
const SMALL = { segmentBytesMax: 6_000, cacheBytesMax: 130_000 }

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      streams: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 7 }),
      bodyBytes: fc.integer({ min: 0, max: 300 }),
      isAwaited: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restore' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const), keeps: fc.integer({ min: 1, max: 5 }) }) },
)

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

describe('the log on disk', () => {
  test('answers every read as the log in memory does, over appends, restarts, compactions and backups', {
    timeout: 120_000,
  }, async () => {
    expect.hasAssertions()
    const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
      const pair: Pair = { directory: temporaryDirectory(), model: openMemoryLog(), log: openMemoryLog() }
      pair.log = await openDurableLog({ directory: pair.directory, ...SMALL })
      try {
        for (const [i, next] of steps.entries()) await take(next, i, pair)
        await Promise.all([settled(pair.log), settled(pair.model)])
        expectSame(pair.log, pair.model)
      } finally {
        await pair.log.close()
      }
      expect(await verifyLog({ directory: pair.directory })).toMatchObject({
        isSound: true,
        staleIndexes: [],
        records: pair.model.stats().records,
      })
    })
    await fc.assert(property, { numRuns: 30 })
  })
})

interface Pair {
  directory: string
  log: EventLog
  readonly model: EventLog
}

async function take(next: Step, i: number, pair: Pair): Promise<void> {
  if (next.kind === 'append') return appendToBoth(pair.log, pair.model, next, i)
  if (next.kind === 'compact') {
    await Promise.all([settled(pair.log), settled(pair.model)])
    // Heads of streams stay, whoever asks; of the others every so-many-th.
    const heads = new Map([0, 1, 2, 3, 4, 5].map((n) => [`stream-${n}`, pair.model.head(`stream-${n}`)?.position]))
    const mayDrop = ({ stream, position }: RecordHeader) =>
      position % next.keeps !== 0 && heads.get(stream) !== position
    const [result, expected] = await Promise.all([pair.log.compact({ mayDrop }), pair.model.compact({ mayDrop })])
    expect(result).toMatchObject({ dropped: expected.dropped, isComplete: true })
  } else {
    if (next.kind === 'restore') {
      await Promise.all([settled(pair.log), settled(pair.model)])
      const copy = temporaryDirectory()
      await (pair.log as DurableEventLog).backup(copy)
      await pair.log.close()
      pair.directory = copy
    } else {
      await pair.log.close()
    }
    pair.log = await openDurableLog({ directory: pair.directory, ...SMALL })
  }
  expectSame(pair.log, pair.model)
}

async function appendToBoth(log: EventLog, model: EventLog, next: Extract<Step, { kind: 'append' }>, i: number) {
  const heads = new Map<number, number>()
  const records = next.streams.map((stream, at): NewRecord => {
    const revision = (heads.get(stream) ?? model.head(`stream-${stream}`)?.revision ?? -1) + 1
    heads.set(stream, revision)
    return {
      stream: `stream-${stream}`,
      revision,
      type: `typ-${stream % 3}-ü`,
      eventId: `00000000-0000-4000-8000-${String(i * 100 + at).padStart(12, '0')}`,
      createdMs: 1_700_000_000_000 + i,
      flags: stream === 5 ? 1 : 0,
      body: Buffer.alloc(next.bodyBytes, i),
    }
  })
  const durable = Promise.all([log.append(records), model.append(records)])
  expect(log.nextPosition).toBe(model.nextPosition)
  expect(readStreams(log, true)).toEqual(readStreams(model, true))
  if (next.isAwaited) await durable
}

/** Waits until everything decided so far is durable, without adding anything. */
async function settled(log: EventLog): Promise<void> {
  while (log.durableEnd < log.nextPosition) {
    await new Promise<void>((resolve) => {
      const stop = log.onDurable(() => {
        stop()
        resolve()
      })
    })
  }
}

function expectSame(log: EventLog, model: EventLog): void {
  expect(log.durableEnd).toBe(model.durableEnd)
  expect(readStreams(log, false)).toEqual(readStreams(model, false))
  expect(readAllWays(log)).toEqual(readAllWays(model))
  for (const { position } of log.readAll({
    from: 0,
    direction: 'forwards',
    countMax: 9,
    bytesMax: 1e9,
    consideredMax: 9,
  }).records) {
    const [record] = model.readAll({
      from: position,
      direction: 'forwards',
      countMax: 1,
      bytesMax: 1,
      consideredMax: 1,
    }).records
    const { stream, eventId, revision } = record as LogRecord
    expect(log.findRecent(stream, eventId)).toEqual({ revision, position })
    expect(log.findRecent(`${stream}x`, eventId)).toBeUndefined()
  }
  const { records, streams } = model.stats()
  expect(log.stats()).toMatchObject({ records, streams })
}

function readStreams(log: EventLog, pending: boolean) {
  return [0, 1, 2, 3, 4, 5, 6].map((i) => {
    const stream = `stream-${i}`
    const reads = (['forwards', 'backwards'] as const).flatMap((direction) =>
      [0, 1, 3, 1000].map((from) =>
        log.readStream(stream, {
          from,
          direction,
          countMax: from === 3 ? 2 : 500,
          bytesMax: from === 1 ? 200 : 1e6,
          pending,
        }),
      ),
    )
    return { head: log.head(stream), durable: pending ? undefined : log.durableHead(stream), reads }
  })
}

function readAllWays(log: EventLog) {
  const middle = Math.floor(log.durableEnd / 2)
  return (['forwards', 'backwards'] as const).flatMap((direction) =>
    [-1, 0, 1, middle, log.durableEnd - 1, log.durableEnd, log.durableEnd + 7].flatMap((from) => [
      log.readAll({ from, direction, countMax: 1000, bytesMax: 1e9, consideredMax: 1e9 }),
      log.readAll({ from, direction, countMax: 5, bytesMax: 300, consideredMax: 9 }),
      log.readAll({
        from,
        direction,
        countMax: 5,
        bytesMax: 1e9,
        consideredMax: 30,
        matches: ({ stream, type, revision }) => stream.endsWith('2') || (type === 'typ-0-ü' && revision % 2 === 0),
      }),
    ]),
  )
}
