/** Fits the linear model: one squared-hinge separator per label by dual coordinate descent, the same result on every run. */
import type { BlockWeights, LinearModel } from './linear-model.ts'
import { softmax, weighFeatures } from './linear-model.ts'
import { type Random, shuffle } from './seeded-random.ts'
import type { FeatureBlocks } from './text-features.ts'

export interface TrainingRow {
  readonly blocks: FeatureBlocks
  readonly label: number
  /** How much a mistake on this row costs; 1 for an ordinary row. */
  readonly cost: number
}

export interface TrainingOptions {
  readonly labels: readonly string[]
  readonly blockWeights: BlockWeights
  /** The price of a mistake against the price of large weights. */
  readonly penalty: number
  readonly rounds: number
  /** A feature seen in fewer rows than this is left out. */
  readonly rowsPerFeatureMin: number
  /** When there are more features than this, the ones with the least say are dropped and the rest is trained afresh. */
  readonly featuresMax?: number
  readonly random: Random
}

interface SparseRow {
  readonly rows: Int32Array
  readonly values: Float32Array
  readonly squares: number
}

/**
 * Trains on all rows; the temperature is left at 1 and fitted later, on rows not trained on.
 * The algorithm is the dual coordinate descent for L2-loss linear SVM of Hsieh et al., ICML 2008.
 */
export function trainLinearModel(rows: readonly TrainingRow[], options: TrainingOptions): LinearModel {
  const vocabulary = buildVocabulary(rows, options.rowsPerFeatureMin)
  const model = fitWeights(rows, vocabulary, options)
  const featuresMax = options.featuresMax ?? Number.POSITIVE_INFINITY
  return vocabulary.names.length <= featuresMax
    ? model
    : fitWeights(rows, withMostSay(vocabulary, model, featuresMax), options)
}

interface Vocabulary {
  readonly names: readonly string[]
  readonly rarities: Float32Array
}

function fitWeights(
  rows: readonly TrainingRow[],
  { names, rarities }: Vocabulary,
  options: TrainingOptions,
): LinearModel {
  const { labels, blockWeights } = options
  const vocabulary = new Map(names.map((name, row) => [name, row]))
  const sparseRows = rows.map(({ blocks }) => toSparse(blocks, { vocabulary, rarities, blockWeights }))
  const weights = new Float32Array(names.length * labels.length)
  const biases: number[] = []
  for (let label = 0; label < labels.length; label++) {
    const separator = separate(sparseRows, rows, label, { ...options, featureCount: names.length })
    separator.weights.forEach((weight, feature) => {
      weights[feature * labels.length + label] = weight
    })
    biases.push(separator.bias)
  }
  return { labels, vocabulary, rarities, weights, biases, blockWeights, temperature: 1 }
}

const COMMONNESS_POWER = 0.25

/** A feature's say is the most it can add to a label's score, its largest weight times its rarity, and how often it gets to say it. */
function withMostSay(
  { names, rarities }: Vocabulary,
  { weights, labels }: LinearModel,
  featuresMax: number,
): Vocabulary {
  const says = names.map((_, row) => {
    const largest = weights
      .subarray(row * labels.length, (row + 1) * labels.length)
      .reduce((most, weight) => Math.max(most, Math.abs(weight)), 0)
    const share = Math.exp(1 - rarities[row]!)
    return { row, say: largest * rarities[row]! * share ** COMMONNESS_POWER }
  })
  const kept = says
    .sort((a, b) => b.say - a.say || a.row - b.row)
    .slice(0, featuresMax)
    .map(({ row }) => row)
    .sort((a, b) => a - b)
  return { names: kept.map((row) => names[row]!), rarities: Float32Array.from(kept, (row) => rarities[row]!) }
}

/** Finds the temperature with the least log loss on scored rows, by golden-section search between 0.02 and 3. */
export function fitTemperature(scored: readonly { scores: Float64Array; label: number }[]): number {
  const loss = (temperature: number): number =>
    scored.reduce(
      (sum, { scores, label }) => sum - Math.log(Math.max(softmax(scores, temperature)[label] ?? 0, 1e-9)),
      0,
    )
  const ratio = (Math.sqrt(5) - 1) / 2
  let [low, high] = [0.02, 3]
  while (high - low > 0.0005) {
    const left = high - ratio * (high - low)
    const right = low + ratio * (high - low)
    if (loss(left) < loss(right)) high = right
    else low = left
  }
  return (low + high) / 2
}

function buildVocabulary(rows: readonly TrainingRow[], rowsPerFeatureMin: number): Vocabulary {
  const rowsWith = new Map<string, number>()
  for (const { blocks } of rows) {
    for (const counts of [blocks.words, blocks.letters, blocks.senses, blocks.marks]) {
      for (const name of counts.keys()) rowsWith.set(name, (rowsWith.get(name) ?? 0) + 1)
    }
  }
  const kept = [...rowsWith].filter(([, seen]) => seen >= rowsPerFeatureMin).sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    names: kept.map(([name]) => name),
    rarities: Float32Array.from(kept, ([, seen]) => Math.log((1 + rows.length) / (1 + seen)) + 1),
  }
}

function toSparse(
  blocks: FeatureBlocks,
  model: Pick<LinearModel, 'vocabulary' | 'rarities' | 'blockWeights'>,
): SparseRow {
  const features = weighFeatures(model, blocks)
  const values = Float32Array.from(features, ({ value }) => value)
  // The bias is learnt as one more feature whose value is always 1.
  const squares = values.reduce((sum, value) => sum + value * value, 1)
  return { rows: Int32Array.from(features, ({ row }) => row), values, squares }
}

function separate(
  sparseRows: readonly SparseRow[],
  rows: readonly TrainingRow[],
  label: number,
  options: TrainingOptions & { featureCount: number },
): { weights: Float32Array; bias: number } {
  const weights = new Float32Array(options.featureCount)
  const duals = new Float64Array(rows.length)
  const order = rows.map((_, at) => at)
  let bias = 0
  for (let round = 0; round < options.rounds; round++) {
    shuffle(order, options.random)
    for (const at of order) {
      const sparse = sparseRows[at]!
      const { cost, label: truth } = rows[at]!
      const side = truth === label ? 1 : -1
      const slack = 1 / (2 * options.penalty * cost)
      const before = duals[at]!
      const gradient = side * (dot(weights, sparse) + bias) - 1 + slack * before
      const after = Math.max(before - gradient / (sparse.squares + slack), 0)
      if (after === before) continue
      duals[at] = after
      const step = (after - before) * side
      addScaled(weights, sparse, step)
      bias += step
    }
  }
  return { weights, bias }
}

function dot(weights: Float32Array, { rows, values }: SparseRow): number {
  let sum = 0
  for (let at = 0; at < rows.length; at++) sum += weights[rows[at]!]! * values[at]!
  return sum
}

function addScaled(weights: Float32Array, { rows, values }: SparseRow, step: number): void {
  for (let at = 0; at < rows.length; at++) weights[rows[at]!]! += step * values[at]!
}
