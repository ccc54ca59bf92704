/** Checks the engine behind the router on public sets: the same features and the same training, on other people's labels. */
import { type LinearModel, predict, weighFeatures } from './linear-model.ts'
import { trainLinearModel } from './linear-trainer.ts'
import { seededRandom } from './seeded-random.ts'
import { featuresOf } from './text-features.ts'
import { normalizeText } from './text-normalizer.ts'

export type LabelledText = readonly [text: string, label: string]

export interface PublicSets {
  /** CLINC150 (Larson et al., 2019): `train`, `test`, `oos_train`, `oos_test`. */
  readonly clinc: Readonly<Record<string, readonly LabelledText[]>>
  /** BANKING77 (Casanueva et al., 2020). */
  readonly banking: { readonly train: readonly LabelledText[]; readonly test: readonly LabelledText[] }
}

/** One figure with the published one it is held to, both 0 to 1. */
export interface EngineCheck {
  readonly what: string
  readonly value: number
  readonly atLeast: number
}

const OUT_OF_SCOPE = 'oos'
const settings = {
  blockWeights: { words: 1, letters: 1, senses: 0, marks: 1 },
  penalty: 1,
  rounds: 12,
  rowsPerFeatureMin: 1,
}

/** Gives the figures set by set; between two sets the caller may do something else. Training is seeded: the same figures every time. */
export function* checkEngine(
  sets: PublicSets,
): Generator<{ readonly done: number; readonly total: number; readonly result?: readonly EngineCheck[] }> {
  yield { done: 0, total: 2 }
  yield { done: 1, total: 2, result: checkBanking(sets.banking) }
  yield { done: 2, total: 2, result: checkClinc(sets.clinc) }
}

export function checkBanking({ train, test }: PublicSets['banking']): EngineCheck[] {
  const model = trainOn(train)
  const right = test.filter(([text, label]) => read(model, text).guess === label).length
  return [{ what: 'BANKING77, accuracy', value: right / test.length, atLeast: 0.91 }]
}

/** With the out-of-scope training rows as a class of their own. */
export function checkClinc(sets: PublicSets['clinc']): EngineCheck[] {
  const { train = [], test = [], oos_train: outsideTrain = [], oos_test: outsideTest = [] } = sets
  const model = trainOn([...train, ...outsideTrain])
  const inScope = test.map(([text, label]) => ({ ...read(model, text), label }))
  const outOfScope = outsideTest.map(([text]) => read(model, text).certainty)
  const right = inScope.filter(({ guess, label }) => guess === label).length
  const certainties = inScope.map(({ certainty }) => certainty)
  return [
    { what: 'CLINC150, accuracy in scope', value: right / inScope.length, atLeast: 0.925 },
    { what: 'CLINC150, AUROC out of scope', value: areaUnderCurve(certainties, outOfScope), atLeast: 0.955 },
  ]
}

function trainOn(rows: readonly LabelledText[]): LinearModel {
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
