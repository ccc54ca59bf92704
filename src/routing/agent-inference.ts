/** Tells which agent an unsigned assistant message came from, by its own words and by what the person had asked for before it. */
import type { AgentName } from './intents.ts'
import { type LinearModel, predict, weighFeatures } from './linear-model.ts'
import { readLinks } from './link-rules.ts'
import { type FeatureBlocks, featuresOf } from './text-features.ts'
import { normalizeText } from './text-normalizer.ts'

/** An agent is inferred only when this likely. */
const PROBABILITY_MIN = 0.4
/** What the person asked for says less than what the assistant said: it may itself have been an answer. */
const REQUEST_SHARE = 0.7
const PROBABILITY_FLOOR = 0.02
const LENGTH_MAX = 600

interface InferenceModels {
  readonly intents: LinearModel
  readonly askers: LinearModel
}

export interface InferredAgent {
  readonly agent: AgentName
  /** 0 to 1. */
  readonly probability: number
}

/** Returns undefined when the texts give no hint, or contradicting ones. */
export function inferAgent(
  models: InferenceModels,
  assistantText: string,
  userText: string,
): InferredAgent | undefined {
  const { labels } = models.askers
  const scores = labels.map(() => 0)
  if (assistantText !== '') {
    const said = predict(models.askers, weighFeatures(models.askers, askerFeatures(assistantText))).probabilities
    said.forEach((probability, at) => {
      scores[at]! += Math.log(Math.max(probability, PROBABILITY_FLOOR))
    })
  }
  if (userText !== '') {
    const blocks = featuresOf(normalizeText(readLinks(userText.slice(0, LENGTH_MAX)).rest))
    const asked = predict(models.intents, weighFeatures(models.intents, blocks)).probabilities
    labels.forEach((label, at) => {
      const probability = asked[models.intents.labels.indexOf(label)] ?? 0
      scores[at]! += REQUEST_SHARE * Math.log(Math.max(probability, PROBABILITY_FLOOR))
    })
  }
  const powers = scores.map((score) => Math.exp(score))
  const sum = powers.reduce((total, power) => total + power, 0)
  const best = powers.indexOf(Math.max(...powers))
  const probability = powers[best]! / sum
  return probability >= PROBABILITY_MIN ? { agent: labels[best] as AgentName, probability } : undefined
}

/** The features by which an agent is recognised. */
export function askerFeatures(assistantText: string): FeatureBlocks {
  return featuresOf(normalizeText(assistantText.slice(0, LENGTH_MAX)))
}
