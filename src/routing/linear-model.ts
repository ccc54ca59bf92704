/** A linear classifier over named features: gives every label a calibrated probability and can say which feature spoke for what. */
import { assert } from '../shared/assert.ts'
import type { FeatureBlocks, FeatureCounts } from './text-features.ts'

/** How much each block of features may say, relative to the others. */
export interface BlockWeights {
  readonly words: number
  readonly letters: number
  readonly senses: number
  readonly marks: number
}

export interface LinearModel {
  readonly labels: readonly string[]
  /** Feature name → row of `weights` and `rarities`. Features that are not listed say nothing. */
  readonly vocabulary: ReadonlyMap<string, number>
  /** Inverse document frequency of each feature. */
  readonly rarities: Float32Array
  /** One row of `labels.length` weights per feature. */
  readonly weights: Float32Array
  readonly biases: readonly number[]
  readonly blockWeights: BlockWeights
  /** Scores are divided by this before the softmax; fitted on texts the weights have not seen. */
  readonly temperature: number
}

/** One known feature of a text with its share after weighting by rarity and bringing its block to unit length. */
export interface WeighedFeature {
  readonly name: string
  readonly row: number
  readonly value: number
}

export interface Prediction {
  readonly scores: Float64Array
  readonly probabilities: Float64Array
}

/** TF-IDF with a logarithm of the count, each block at unit length: what the trainer and the model both see of a text. */
export function weighFeatures(
  model: Pick<LinearModel, 'vocabulary' | 'rarities' | 'blockWeights'>,
  blocks: FeatureBlocks,
): WeighedFeature[] {
  return [
    ...weighBlock(model, blocks.words, model.blockWeights.words),
    ...weighBlock(model, blocks.letters, model.blockWeights.letters),
    ...weighBlock(model, blocks.senses, model.blockWeights.senses),
    ...weighBlock(model, blocks.marks, model.blockWeights.marks),
  ]
}

export function predict(model: LinearModel, features: readonly WeighedFeature[]): Prediction {
  const labelCount = model.labels.length
  const scores = Float64Array.from(model.biases)
  for (const { row, value } of features) {
    const start = row * labelCount
    for (let label = 0; label < labelCount; label++) scores[label]! += model.weights[start + label]! * value
  }
  return { scores, probabilities: softmax(scores, model.temperature) }
}

/** What each feature adds to the score of `label` above the mean of all labels, strongest first, either sign. */
export function contributions(
  model: LinearModel,
  features: readonly WeighedFeature[],
  label: number,
): { name: string; weight: number }[] {
  const labelCount = model.labels.length
  assert(label >= 0 && label < labelCount, 'a label of this model')
  return features
    .map(({ name, row, value }) => {
      const weights = model.weights.subarray(row * labelCount, (row + 1) * labelCount)
      const mean = weights.reduce((sum, weight) => sum + weight, 0) / labelCount
      return { name, weight: (weights[label]! - mean) * value }
    })
    .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight) || (a.name < b.name ? -1 : 1))
}

export function softmax(scores: Float64Array, temperature: number): Float64Array {
  const largest = scores.reduce((most, score) => Math.max(most, score), -Infinity)
  const powers = scores.map((score) => Math.exp((score - largest) / temperature))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map((power) => power / sum)
}

function weighBlock(
  model: Pick<LinearModel, 'vocabulary' | 'rarities'>,
  counts: FeatureCounts,
  blockWeight: number,
): WeighedFeature[] {
  const features: { name: string; row: number; value: number }[] = []
  let squares = 0
  for (const [name, count] of counts) {
    const row = model.vocabulary.get(name)
    if (row === undefined) continue
    const value = (1 + Math.log(count)) * model.rarities[row]!
    features.push({ name, row, value })
    squares += value * value
  }
  const scale = squares === 0 ? 0 : blockWeight / Math.sqrt(squares)
  for (const feature of features) feature.value *= scale
  return features
}
