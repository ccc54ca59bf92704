/** Puts a decision together: the intent, calibrated candidates that agree with it, and the strongest reasons for and against. */

import type { Intent } from '../events/conversation-events.ts'
import type { GuardFinding } from './guard.ts'
import { agentFor, type RoutingMethod } from './intents.ts'
import { contributions, type Prediction, type WeighedFeature } from './linear-model.ts'
import type { LinkReading } from './link-rules.ts'
import type { RouterModel } from './router-weights.ts'
import {
  type Candidate,
  EVIDENCE_MAX,
  type Evidence,
  type RoutingDecision,
  type UsedContext,
} from './routing-decision.ts'
import type { TurnContext } from './turn-context.ts'

/** Everything the router found out about one message. */
export interface Reading {
  readonly model: RouterModel
  readonly finding: GuardFinding
  readonly links: LinkReading
  readonly context: TurnContext
  readonly features: readonly WeighedFeature[]
  readonly prediction: Prediction
}

interface Verdict {
  readonly method: RoutingMethod
  /** Left out when the model decides. */
  readonly intent?: Intent
  readonly confidence?: number
  readonly rule?: string | undefined
}

/** A rule counts as much as a feature could at most. */
const RULE_WEIGHT = 1
const FEATURES_FOR_MAX = 6
const FEATURES_AGAINST_MAX = 3
const CONTINUATION_CONFIDENCE_MIN = 0.85
const CONTINUATION_CONFIDENCE_MAX = 0.97

export function decisionFrom(reading: Reading, verdict: Verdict): RoutingDecision {
  const { model } = reading
  const candidates = candidatesFor(reading, verdict)
  const best = candidates[0]!
  const second = candidates[1]!
  const isUnsure =
    verdict.method === 'fallback' || (verdict.method === 'model' && best.probability < model.clarifyProbabilityMax)
  return {
    intent: best.intent,
    agent: agentFor(best.intent),
    method: verdict.method,
    confidence: best.probability,
    candidates,
    evidence: evidenceFor(reading, verdict, best.intent),
    guard: reading.finding.verdict === 'clear' && verdict.method === 'guard' ? 'blocked' : reading.finding.verdict,
    context: usedContext(reading.context),
    routerVersion: model.version,
    ...(isUnsure ? { clarify: [best.intent, second.intent] as const } : {}),
  }
}

function usedContext({ messages, agent, agentProbability, isAsked }: TurnContext): UsedContext {
  return { messages, agent: agent ?? null, agentProbability, isAsked }
}

/** The more the model agrees that the message continues, the surer; never surer than of who had asked. */
export function continuationConfidence(reading: Reading, intent: Intent): number {
  const agreement = reading.prediction.probabilities[reading.model.intents.labels.indexOf(intent)] ?? 0
  const sure = CONTINUATION_CONFIDENCE_MIN + (CONTINUATION_CONFIDENCE_MAX - CONTINUATION_CONFIDENCE_MIN) * agreement
  return sure * reading.context.agentProbability
}

/** A rule's intent gets the rule's confidence; the others share the rest as the model would divide it. */
function candidatesFor({ model, links, finding, prediction }: Reading, verdict: Verdict): Candidate[] {
  const mayBe = (intent: Intent): boolean => {
    if (intent === verdict.intent) return true
    // A question about security that the rules let through is not blocked by the model after all.
    if (intent === 'unsafe' && finding.verdict === 'learning-about-security') return false
    return !links.excluded.includes(intent)
  }
  const shares = model.intents.labels.map((label, at) => {
    const intent = label as Intent
    return { intent, share: mayBe(intent) && intent !== verdict.intent ? prediction.probabilities[at]! : 0 }
  })
  const chosen = verdict.intent === undefined ? 0 : (verdict.confidence ?? 0)
  const sum = shares.reduce((total, { share }) => total + share, 0)
  const rest = sum === 0 ? 0 : (1 - chosen) / sum
  return shares
    .map(({ intent, share }) => ({ intent, probability: intent === verdict.intent ? chosen : share * rest }))
    .sort(
      (a, b) =>
        Number(b.intent === verdict.intent) - Number(a.intent === verdict.intent) || b.probability - a.probability,
    )
}

function evidenceFor(reading: Reading, verdict: Verdict, intent: Intent): Evidence[] {
  const rules = [...(verdict.rule === undefined ? [] : [verdict.rule]), ...reading.finding.rules]
  const weighed = contributions(reading.model.intents, reading.features, reading.model.intents.labels.indexOf(intent))
  const strongest = [
    ...weighed.filter(({ weight }) => weight > 0).slice(0, FEATURES_FOR_MAX),
    ...weighed.filter(({ weight }) => weight < 0).slice(0, FEATURES_AGAINST_MAX),
  ]
  return [
    ...[...new Set(rules)].map((name) => ({ kind: 'rule' as const, name, weight: RULE_WEIGHT })),
    ...strongest.map(({ name, weight }) => ({
      kind: kindOf(name),
      name: name.slice(2),
      weight: Math.round(weight * 1000) / 1000,
    })),
  ].slice(0, EVIDENCE_MAX)
}

function kindOf(featureName: string): Evidence['kind'] {
  if (featureName.startsWith('x:')) return 'context'
  return featureName.startsWith('s:') ? 'sense' : 'feature'
}
