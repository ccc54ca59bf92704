/** Appending through one official client: with the disk synced and not, and what the server itself could take. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { appendBatchesThroughClient, appendPreserialised, appendThroughClient } from './eventstore-load.ts'
import { type ServingStore, serve } from './eventstore-serving.ts'
import { type Bench, type BenchResult, figureOf, interleaved, ratioTo } from './measurement.ts'

/** Of a real server on two shared cores, one official client, 300-byte events: appends/s by concurrency. */
const REAL_SERVER =
  'real server, for orientation: 640, 2,400, 4,300, 5,300 appends/s at 1, 16, 128, 512; 16,000 events/s in batches'

export const bench: Bench = { name: 'eventstore-append', run }

async function run({ isQuick }: { isQuick: boolean }): Promise<BenchResult> {
  const repetitions = isQuick ? 2 : 5
  const scale = isQuick ? 0.2 : 1
  const [synced, unsynced] = await Promise.all([serve('synced'), serve('unsynced')])
  const latencies: number[] = []
  const delays: number[] = []
  const through = (store: ServingStore, concurrency: number, count: number) => async () => {
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const { perSecond, latenciesMs } = await appendThroughClient(store.url, concurrency, Math.ceil(count * scale))
    if (store === synced && concurrency === 128) {
      latencies.push(latenciesMs[Math.floor(latenciesMs.length / 2)] ?? 0)
      delays.push(delay.percentile(99) / 1e6)
    }
    return perSecond
  }
  const samples = await interleaved(repetitions, {
    one: through(synced, 1, 800),
    sixteen: through(synced, 16, 4_000),
    synced128: through(synced, 128, 10_000),
    unsynced128: through(unsynced, 128, 10_000),
    synced512: through(synced, 512, 10_000),
    unsynced512: through(unsynced, 512, 10_000),
    batches: () => appendBatchesThroughClient(synced.url, 100, 16, 20_000 * scale),
    capacity: () => appendPreserialised(synced.port, 512, Math.ceil(40_000 * scale)),
  })
  const memory = await synced.memory()
  await Promise.all([synced.stop(), unsynced.stop()])
  const of = (name: keyof typeof samples) => figureOf(samples[name])
  const ratio = (name: keyof typeof samples, to: keyof typeof samples) => of(name).median / of(to).median
  const delay = figureOf(delays)
  return {
    title: 'Appending to the event store',
    repetitions,
    rows: [
      { what: '1 writer', unit: 'appends/s', figure: of('one') },
      { what: '16 writers', unit: 'appends/s', figure: of('sixteen') },
      {
        what: '128 writers',
        unit: 'appends/s',
        figure: of('synced128'),
        ratio: ratioTo('of the same without sync', ratio('synced128', 'unsynced128'), { atLeast: 0.8 }),
      },
      { what: '128 writers, without sync', unit: 'appends/s', figure: of('unsynced128') },
      { what: '128 writers, one append', unit: 'ms', figure: figureOf(latencies) },
      {
        what: '128 writers, p99 delay of their event loop',
        unit: 'ms',
        figure: delay,
        ratio: ratioTo('of 20 ms', delay.median / 20, { atMost: 1 }),
      },
      {
        what: '512 writers',
        unit: 'appends/s',
        figure: of('synced512'),
        ratio: ratioTo('of the same without sync', ratio('synced512', 'unsynced512'), { atLeast: 0.8 }),
      },
      { what: '512 writers, without sync', unit: 'appends/s', figure: of('unsynced512') },
      { what: 'batches of 100, 16 writers', unit: 'events/s', figure: of('batches') },
      {
        what: 'bytes made beforehand, 512 under way',
        unit: 'appends/s',
        figure: of('capacity'),
        ratio: ratioTo('one official client', ratio('capacity', 'synced512'), { atLeast: 3 }),
      },
    ],
    notes: [`resident after all of it: ${Math.round(memory / 1e6)} MB`, REAL_SERVER],
  }
}
