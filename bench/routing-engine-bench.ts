/** Measures the router's engine on the public CLINC150 and BANKING77 sets: `npm run bench -- routing-engine [--data=<folder>]`. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { trainLinearModel } from '../scripts/routing/linear-trainer.ts'
import { seededRandom } from '../scripts/routing/seeded-random.ts'
import { type LinearModel, predict, weighFeatures } from '../src/routing/linear-model.ts'
import { featuresOf } from '../src/routing/text-features.ts'
import { normalizeText } from '../src/routing/text-normalizer.ts'
import { type Bench, type BenchResult, figureOf, type Row, ratioTo } from './measurement.ts'

type LabelledText = readonly [text: string, label: string]

const OUT_OF_SCOPE = 'oos'
const CLINC_FILE = 'clinc150-full.json'
const settings = { blockWeights: { words: 1, letters: 1, marks: 1 }, penalty: 1, rounds: 12, rowsPerFeatureMin: 1 }
const title = "the router's engine on public sets"

/** The sets are not part of the project; without them the benchmark says so and that is no failure. */
export const bench: Bench = {
  name: 'routing-engine',
  run: async ({ isQuick }): Promise<BenchResult> => {
    const folder = findFolder()
    if (folder === undefined) {
      const skipped = `no folder with ${CLINC_FILE} and banking77-*.csv; name one with --data=<folder>`
      return { title, repetitions: 0, rows: [], notes: [], skipped }
    }
    const rows = [...measureBanking(folder), ...(isQuick ? [] : measureClinc(folder))]
    const notes = [
      'One run: training is seeded, the figures come out the same every time.',
      'Limits are the published figures the engine is held to.',
    ]
    return { title, repetitions: 1, rows, notes }
  },
}

function findFolder(): string | undefined {
  const named = process.argv.find((arg) => arg.startsWith('--data='))?.slice('--data='.length)
  const beside = ['../../shared/data/benchmarks', '../shared/data/benchmarks'].map((place) =>
    join(import.meta.dirname, place),
  )
  return [named, ...beside].find((place) => place !== undefined && existsSync(join(place, CLINC_FILE)))
}

function measureClinc(folder: string): Row[] {
  const sets = JSON.parse(readFileSync(join(folder, CLINC_FILE), 'utf8')) as Record<string, LabelledText[]>
  const model = train([...sets['train']!, ...sets['oos_train']!])
  const inScope = sets['test']!.map(([text, label]) => ({ ...read(model, text), label }))
  const outOfScope = sets['oos_test']!.map(([text]) => read(model, text).certainty)
  const right = inScope.filter(({ guess, label }) => guess === label).length
  const area = areaUnderCurve(
    inScope.map(({ certainty }) => certainty),
    outOfScope,
  )
  return [
    rowOf('CLINC150, accuracy in scope', right / inScope.length, 0.925),
    rowOf('CLINC150, AUROC out of scope', area, 0.955),
  ]
}

function measureBanking(folder: string): Row[] {
  const model = train(readCsv(join(folder, 'banking77-train.csv')))
  const test = readCsv(join(folder, 'banking77-test.csv'))
  const right = test.filter(([text, label]) => read(model, text).guess === label).length
  return [rowOf('BANKING77, accuracy', right / test.length, 0.91)]
}

function rowOf(what: string, value: number, limit: number): Row {
  return { what, unit: '%', figure: figureOf([value * 100]), ratio: ratioTo('of all', value, { atLeast: limit }) }
}

function train(rows: readonly LabelledText[]): LinearModel {
  const labels = [...new Set(rows.map(([, label]) => label))].sort()
  return trainLinearModel(
    rows.map(([text, label]) => ({ blocks: featuresOf(normalizeText(text)), label: labels.indexOf(label), cost: 1 })),
    { ...settings, labels, random: seededRandom(1) },
  )
}

/** The best in-scope label, and how far it stands above out-of-scope and above chance. */
function read(model: LinearModel, text: string): { guess: string; certainty: number } {
  const { scores } = predict(model, weighFeatures(model, featuresOf(normalizeText(text))))
  const outside = model.labels.indexOf(OUT_OF_SCOPE)
  let best = -1
  scores.forEach((score, label) => {
    if (label !== outside && (best === -1 || score > scores[best]!)) best = label
  })
  return { guess: model.labels[best]!, certainty: scores[best]! - (outside === -1 ? 0 : scores[outside]!) }
}

/** The chance that a row in scope is read with more certainty than one out of scope (Mann–Whitney). */
function areaUnderCurve(inside: readonly number[], outside: readonly number[]): number {
  const ranked = [
    ...inside.map((value) => ({ value, isInside: true })),
    ...outside.map((value) => ({ value, isInside: false })),
  ].sort((a, b) => a.value - b.value)
  const ranks = ranked.reduce((sum, { isInside }, at) => (isInside ? sum + at + 1 : sum), 0)
  return (ranks - (inside.length * (inside.length + 1)) / 2) / (inside.length * outside.length)
}

function readCsv(file: string): LabelledText[] {
  const fields = [...readFileSync(file, 'utf8').matchAll(/(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r?\n|$)/g)]
  const cells = fields.map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '')
  const rows: LabelledText[] = []
  for (let at = 2; at + 1 < cells.length; at += 2) rows.push([cells[at]!, cells[at + 1]!])
  return rows.filter(([text]) => text !== '')
}
