/** Reading through one official client, against the same client reading the same events from a canned responder. */
import { appendBatchesThroughClient, readThroughClient } from './eventstore-load.ts'
import { CANNED_EVENTS, serve } from './eventstore-serving.ts'
import { type Bench, type BenchResult, figureOf, interleaved, ratioTo } from './measurement.ts'

export const bench: Bench = { name: 'eventstore-catch-up', run }

async function run({ isQuick }: { isQuick: boolean }): Promise<BenchResult> {
  const repetitions = isQuick ? 2 : 5
  const count = isQuick ? CANNED_EVENTS / 5 : CANNED_EVENTS
  const [store, canned] = await Promise.all([serve('synced'), serve('canned')])
  await appendBatchesThroughClient(store.url, 500, 4, count)
  const samples = await interleaved(repetitions, {
    catchUp: () => readThroughClient(store.url, 'subscribe', count),
    canned: () => readThroughClient(canned.url, 'subscribe', count),
    readAll: () => readThroughClient(store.url, 'read', count),
  })
  const memory = await store.memory()
  await Promise.all([store.stop(), canned.stop()])
  const [catchUp, most] = [figureOf(samples.catchUp), figureOf(samples.canned)]
  return {
    title: 'Catching up through the official client',
    repetitions,
    rows: [
      {
        what: `subscription over ${count} events`,
        unit: 'events/s',
        figure: catchUp,
        ratio: ratioTo('of a canned responder', catchUp.median / most.median, { atLeast: 0.7 }),
      },
      { what: 'the same from a canned responder', unit: 'events/s', figure: most },
      { what: 'readAll', unit: 'events/s', figure: figureOf(samples.readAll) },
    ],
    notes: [
      `resident after all of it: ${Math.round(memory / 1e6)} MB`,
      'real server on two shared cores, for orientation: catch-up 22,000, readAll 25,000 events/s',
    ],
  }
}
