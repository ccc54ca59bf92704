/** Fits the router's two linear models on utterances and finds the settings that go with them. */
import { intents } from '../../src/events/conversation-events.ts'
import { askerFeatures, type InferredAgent, inferAgent } from '../../src/routing/agent-inference.ts'
import type { AgentName } from '../../src/routing/intents.ts'
import { type LinearModel, predict, softmax, weighFeatures } from '../../src/routing/linear-model.ts'
import { fitTemperature, type TrainingRow, trainLinearModel } from '../../src/routing/linear-trainer.ts'
import { readLinks } from '../../src/routing/link-rules.ts'
import type { RouterSettings } from '../../src/routing/router-weights.ts'
import type { PastMessage } from '../../src/routing/routing-decision.ts'
import { seededRandom } from '../../src/routing/seeded-random.ts'
import { type FeatureBlocks, featuresOf } from '../../src/routing/text-features.ts'
import { normalizeText } from '../../src/routing/text-normalizer.ts'
import { contextMarks, readContext } from '../../src/routing/turn-context.ts'
import type { Utterance } from './template-expander.ts'

export const trainingSettings = {
  blockWeights: { words: 1.3, letters: 1, senses: 0.8, marks: 1.5 },
  penalty: 0.6,
  rounds: 10,
  rowsPerFeatureMin: 2,
  featuresMax: 68_000,
  seed: 20_251_226,
  /** A family of n rows weighs n to this power, so that a prolific template does not outvote a short list. */
  familyPower: 0.8,
} as const

const AGENTS: readonly AgentName[] = ['learning', 'discovery', 'creation', 'image', 'profile', 'support', 'smalltalk']

type Infer = (assistantText: string, userText: string) => InferredAgent | undefined

/** The features of a row, as the router will see them at run time. */
function blocksOf(utterance: Utterance, infer: Infer): FeatureBlocks {
  const normalized = normalizeText(readLinks(utterance.text).rest)
  return featuresOf(normalized, contextMarks(readContext(utterance.history, infer), normalized))
}

/** Trains on signed histories only: who spoke is known, so nothing need be inferred. */
export function trainIntents(utterances: readonly Utterance[]): LinearModel {
  const familySizes = new Map<string, number>()
  for (const { family } of utterances) familySizes.set(family, (familySizes.get(family) ?? 0) + 1)
  const rows: TrainingRow[] = utterances.map((utterance) => ({
    blocks: blocksOf(utterance, () => undefined),
    label: intents.indexOf(utterance.intent),
    cost: (familySizes.get(utterance.family) ?? 1) ** (trainingSettings.familyPower - 1) * 4,
  }))
  return trainLinearModel(rows, { ...trainingSettings, labels: intents, random: seededRandom(trainingSettings.seed) })
}

/** Learns to recognise the speaker of an assistant message from the signed histories and from `turns` written for it. */
export function trainAskers(utterances: readonly Utterance[], turns: readonly PastMessage[]): LinearModel {
  const seen = new Map<string, TrainingRow>()
  for (const { agent, text } of turns) {
    if (agent !== undefined) seen.set(text, { blocks: askerFeatures(text), label: AGENTS.indexOf(agent), cost: 1 })
  }
  for (const { history } of utterances) {
    const assistant = history?.findLast(({ role }) => role === 'assistant')
    if (assistant?.agent === undefined) continue
    const label = AGENTS.indexOf(assistant.agent)
    seen.set(assistant.text, { blocks: askerFeatures(assistant.text), label, cost: 1 })
  }
  const model = trainLinearModel([...seen.values()], {
    ...trainingSettings,
    rowsPerFeatureMin: 1,
    labels: AGENTS,
    random: seededRandom(trainingSettings.seed),
  })
  return { ...model, temperature: 0.35 }
}

/** A row's scores from a model that has not seen it. */
export interface ScoredRow {
  readonly scores: Float64Array
  readonly label: number
}

export function scoreRows(model: LinearModel, utterances: readonly Utterance[], askers: LinearModel): ScoredRow[] {
  const infer: Infer = (assistantText, userText) => inferAgent({ intents: model, askers }, assistantText, userText)
  return utterances.map((utterance) => ({
    scores: predict(model, weighFeatures(model, blocksOf(utterance, infer))).scores,
    label: intents.indexOf(utterance.intent),
  }))
}

/** The share of harmless rows that the model alone may take for an attack. */
const FALSE_ALARM_SHARE_MAX = 0.004
const UNSAFE_PROBABILITY_LEAST = 0.5

export function fitSettings(scored: readonly ScoredRow[]): {
  temperature: number
  settings: RouterSettings
  accuracy: number
} {
  const temperature = fitTemperature(scored)
  const unsafe = intents.indexOf('unsafe')
  const harmless = scored
    .filter(({ label }) => label !== unsafe)
    .map(({ scores }) => softmax(scores, temperature)[unsafe]!)
    .sort((a, b) => b - a)
  const unsafeProbabilityMin = Math.max(
    UNSAFE_PROBABILITY_LEAST,
    harmless[Math.floor(harmless.length * FALSE_ALARM_SHARE_MAX)]!,
  )
  const right = scored.filter(({ scores, label }) => scores.indexOf(Math.max(...scores)) === label)
  return {
    temperature,
    settings: {
      unsafeProbabilityMin: Math.round(unsafeProbabilityMin * 1000) / 1000,
      clarifyProbabilityMax: 0.5,
      fallbackConfidence: 0.3,
    },
    accuracy: right.length / scored.length,
  }
}
