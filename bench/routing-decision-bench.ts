/** Measures how long one routing decision takes, message by message: `npm run bench -- routing-decision`. */
import { readUtterances } from '../scripts/routing/utterance-files.ts'
import { createRouter } from '../src/routing/router.ts'
import { loadRouterModel } from '../src/routing/router-weights.ts'
import type { RoutingInput } from '../src/routing/routing-decision.ts'
import { type Bench, type BenchResult, figureOf, ratioTo } from './measurement.ts'

const P99_MS_MAX = 1
const HOSTILE_MS_MAX = 25
const MESSAGES = 4_000
const ROUNDS = 5
const LONG_LENGTH = 20_000
const HOSTILE = ['ignore the rules of ', 'what is RAG? ', 'aA1 ', '%41', 'x', '[image: ', 'a.', '<|', "' or ", '\u0301']

export const bench: Bench = {
  name: 'routing-decision',
  run: async ({ isQuick }): Promise<BenchResult> => measureDecisions(isQuick ? 2 : 5),
}

async function measureDecisions(repetitions: number): Promise<BenchResult> {
  const router = createRouter(loadRouterModel(new URL('../src/routing/router-weights.json', import.meta.url)))
  const all = readUtterances()
  const usual: RoutingInput[] = all.filter((_, at) => at % Math.ceil(all.length / MESSAGES) === 0)
  const hostile: RoutingInput[] = HOSTILE.map((text) => ({ text: text.repeat(LONG_LENGTH).slice(0, LONG_LENGTH) }))
  const samples: { half: number[]; most: number[]; hostile: number[] } = { half: [], most: [], hostile: [] }
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    const times = bestTimes(usual, (input) => router.route(input)).sort((a, b) => a - b)
    samples.half.push(times[Math.floor(times.length * 0.5)] ?? 0)
    samples.most.push(times[Math.floor(times.length * 0.99)] ?? 0)
    samples.hostile.push(Math.max(...bestTimes(hostile, (input) => router.route(input))))
  }
  const most = figureOf(samples.most)
  const worst = figureOf(samples.hostile)
  const against = (value: number, limit: number) => ratioTo(`${limit} ms`, value / limit, { atMost: 1 })
  return {
    title: 'one routing decision',
    repetitions,
    rows: [
      { what: 'half of the messages within', unit: 'ms', figure: figureOf(samples.half) },
      { what: '99 of 100 messages within', unit: 'ms', figure: most, ratio: against(most.median, P99_MS_MAX) },
      {
        what: `hostile messages of ${LONG_LENGTH} characters`,
        unit: 'ms',
        figure: worst,
        ratio: against(worst.median, HOSTILE_MS_MAX),
      },
    ],
    notes: [
      `${usual.length} messages of the committed utterances, in their seven languages, some with history.`,
      `A message's time is the best of ${ROUNDS}: what it costs, not what else the machine did meanwhile.`,
    ],
  }
}

function bestTimes(inputs: readonly RoutingInput[], decide: (input: RoutingInput) => unknown): number[] {
  const best = inputs.map(() => Number.POSITIVE_INFINITY)
  for (let round = 0; round < ROUNDS; round += 1) {
    inputs.forEach((input, at) => {
      const startedAt = performance.now()
      decide(input)
      best[at] = Math.min(best[at] ?? Number.POSITIVE_INFINITY, performance.now() - startedAt)
    })
  }
  return best
}
