/** Measures the router's engine on the public CLINC150 and BANKING77 sets: `node bench/routing-benchmarks.ts [--data <folder>]`. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { trainLinearModel } from '../scripts/routing/linear-trainer.ts'
import { seededRandom } from '../scripts/routing/seeded-random.ts'
import { type LinearModel, predict, weighFeatures } from '../src/routing/linear-model.ts'
import { featuresOf } from '../src/routing/text-features.ts'
import { normalizeText } from '../src/routing/text-normalizer.ts'

type LabelledText = readonly [text: string, label: string]

const OUT_OF_SCOPE = 'oos'
const settings = { blockWeights: { words: 1, letters: 1, marks: 1 }, penalty: 1, rounds: 12, rowsPerFeatureMin: 1 }

const { values } = parseArgs({ options: { data: { type: 'string' } } })
const folder = [
  values.data,
  join(import.meta.dirname, '../../shared/data/benchmarks'),
  join(import.meta.dirname, '../shared/data/benchmarks'),
].find((place) => place !== undefined && existsSync(join(place, 'clinc150-full.json')))
if (folder === undefined) {
  console.log('skipped: no folder with clinc150-full.json and banking77-*.csv; name one with --data')
} else {
  measureClinc(join(folder, 'clinc150-full.json'))
  measureBanking(join(folder, 'banking77-train.csv'), join(folder, 'banking77-test.csv'))
}

function measureClinc(file: string): void {
  const sets = JSON.parse(readFileSync(file, 'utf8')) as Record<string, LabelledText[]>
  const model = train([...sets['train']!, ...sets['oos_train']!])
  const inScope = sets['test']!.map(([text, label]) => ({ ...read(model, text), label }))
  const outOfScope = sets['oos_test']!.map(([text]) => read(model, text))
  report(
    'CLINC150 in-scope accuracy',
    share(inScope.filter(({ guess, label }) => guess === label).length, inScope.length),
    0.925,
  )
  report(
    'CLINC150 out-of-scope AUROC',
    areaUnderCurve(
      inScope.map(({ certainty }) => certainty),
      outOfScope.map(({ certainty }) => certainty),
    ),
    0.955,
  )
}

function measureBanking(trainFile: string, testFile: string): void {
  const model = train(readCsv(trainFile))
  const test = readCsv(testFile)
  report(
    'BANKING77 accuracy',
    share(test.filter(([text, label]) => read(model, text).guess === label).length, test.length),
    0.91,
  )
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
  return share(ranks - (inside.length * (inside.length + 1)) / 2, inside.length * outside.length)
}

function report(name: string, figure: number, target: number): void {
  console.log(`${name}: ${figure.toFixed(4)} (target ${target}) ${figure >= target ? 'met' : 'missed'}`)
}

function share(part: number, whole: number): number {
  return part / whole
}

function readCsv(file: string): LabelledText[] {
  const fields = [...readFileSync(file, 'utf8').matchAll(/(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r?\n|$)/g)]
  const cells = fields.map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '')
  const rows: LabelledText[] = []
  for (let at = 2; at + 1 < cells.length; at += 2) rows.push([cells[at]!, cells[at + 1]!])
  return rows.filter(([text]) => text !== '')
}
