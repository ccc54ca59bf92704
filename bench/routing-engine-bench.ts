/** Measures the router's engine on the public CLINC150 and BANKING77 sets: `npm run bench -- routing-engine [--data=<folder>]`. */
import { findBenchmarks, readBenchmarks } from '../src/cli/benchmark-files.ts'
import { checkBanking, checkClinc } from '../src/routing/engine-check.ts'
import { type Bench, type BenchResult, figureOf, ratioTo } from './measurement.ts'

const title = "the router's engine on public sets"

/** The sets are not part of the project; without them the benchmark says so and that is no failure. */
export const bench: Bench = {
  name: 'routing-engine',
  run: async ({ isQuick }): Promise<BenchResult> => {
    const named = process.argv.find((arg) => arg.startsWith('--data='))?.slice('--data='.length)
    const folder = findBenchmarks(named)
    if (folder === undefined) {
      const skipped = 'no folder with clinc150-full.json and banking77-*.csv; name one with --data=<folder>'
      return { title, repetitions: 0, rows: [], notes: [], skipped }
    }
    const sets = readBenchmarks(folder)
    const checks = [...checkBanking(sets.banking), ...(isQuick ? [] : checkClinc(sets.clinc))]
    const notes = [
      'One run: training is seeded, the figures come out the same every time.',
      'Limits are the published figures the engine is held to.',
    ]
    const rows = checks.map(({ what, value, atLeast }) => ({
      ...{ what, unit: '%', figure: figureOf([value * 100]), ratio: ratioTo('of all', value, { atLeast }) },
    }))
    return { title, repetitions: 1, rows, notes }
  },
}
