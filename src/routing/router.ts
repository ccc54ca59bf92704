/** Decides which agent answers a message, says why, and always decides the same for the same input. */

import type { Intent } from '../events/conversation-events.ts'
import { inferAgent } from './agent-inference.ts'
import { answersTheQuestion } from './continuation-rule.ts'
import { continuationConfidence, decisionFrom, type Reading } from './decision-builder.ts'
import { inspect, isLessonAboutSecurity } from './guard.ts'
import { intentOf } from './intents.ts'
import { predict, type WeighedFeature, weighFeatures } from './linear-model.ts'
import { type LinkReading, readLinks } from './link-rules.ts'
import { isReaction } from './reaction-rule.ts'
import type { RouterModel } from './router-weights.ts'
import type { RoutingDecision, RoutingInput } from './routing-decision.ts'
import { requestAfterStatement } from './self-description-rule.ts'
import { firstOfSeveralWishes } from './several-wishes-rule.ts'
import { featuresOf } from './text-features.ts'
import { normalizeText } from './text-normalizer.ts'
import { contextMarks, noContext, readContext, type TurnContext } from './turn-context.ts'

export interface Router {
  /** Version and hash of the weights, as in every decision. */
  readonly version: string
  /** Never throws, whatever the text; reads at most `TEXT_LENGTH_MAX` characters of it. */
  route(input: RoutingInput): RoutingDecision
}

/** Where harmless words may look like an attack, the model alone must be this sure. */
const SURE_UNSAFE_PROBABILITY_MIN = 0.9
/** How sure a rule is of itself: the share of its decisions that were right on tuning rows, rounded down. */
const OVERRIDE_CONFIDENCE = 1
const GUARD_CONFIDENCE = 0.97
const LINK_CONFIDENCE = 0.95
const REACTION_CONFIDENCE = 0.95
/** The first of several wishes decides when it alone is read this clearly. */
const FIRST_WISH_PROBABILITY_MIN = 0.6
/** A message without a known word is read by its letter groups when enough of them are known and the reading is this clear. */
const KNOWN_FEATURES_MIN = 4
const WORDLESS_PROBABILITY_MIN = 0.65
/** A request after a self-description decides when it alone is read this clearly. */
const REQUEST_PROBABILITY_MIN = 0.35

/**
 * Guard, then override, then continuation, then reactions, then links and uploads, then the linear model; when the model knows no word of
 * the message, the fallback. `model` comes from `loadRouterModel`.
 */
export function createRouter(model: RouterModel): Router {
  return { version: model.version, route: (input) => route(model, input) }
}

function route(model: RouterModel, input: RoutingInput): RoutingDecision {
  const finding = inspect(input.text)
  const links = readLinks(input.text)
  const normalized = normalizeText(links.rest)
  const context = readContext(input.history, (assistant, user) => inferAgent(model, assistant, user))
  const features = weighMessage(model, normalized, context)
  const reading: Reading = { model, finding, links, context, features, prediction: predict(model.intents, features) }
  const unsafe = probabilityOf(reading, 'unsafe')

  if (finding.verdict === 'blocked') {
    return decisionFrom(reading, {
      intent: 'unsafe',
      method: 'guard',
      confidence: GUARD_CONFIDENCE,
      rule: finding.rules[0],
    })
  }
  // The name of a project, or a question about attackers, may look like an attack and is none.
  const mayLookLikeOne = context.isAskedForWords || isLessonAboutSecurity(normalized)
  if (
    finding.verdict === 'clear' &&
    unsafe >= (mayLookLikeOne ? SURE_UNSAFE_PROBABILITY_MIN : model.unsafeProbabilityMin)
  ) {
    return decisionFrom(reading, { intent: 'unsafe', method: 'guard', confidence: unsafe, rule: 'model-reads-attack' })
  }
  if (input.override !== undefined) {
    return decisionFrom(reading, {
      intent: input.override,
      method: 'override',
      confidence: OVERRIDE_CONFIDENCE,
      rule: 'chosen-by-person',
    })
  }
  return routeByContent(reading, normalized, input.text)
}

function routeByContent(reading: Reading, normalized: string, text: string): RoutingDecision {
  const { model, links, context } = reading
  if (context.isAsked && context.agent !== undefined && context.agent !== 'guard') {
    const alone = readAlone(model, normalized, links)
    if (answersTheQuestion(normalized, context, alone)) {
      const intent = intentOf(context.agent)
      return decisionFrom(reading, {
        intent,
        method: 'continuation',
        confidence: continuationConfidence(reading, intent),
        rule: 'answers-the-question',
      })
    }
  }
  if (isReaction(text)) {
    return decisionFrom(reading, {
      intent: 'smalltalk',
      method: 'rule',
      confidence: REACTION_CONFIDENCE,
      rule: 'only-a-reaction',
    })
  }
  if (links.rule !== undefined) {
    return decisionFrom(reading, {
      intent: links.rule.intent,
      method: 'rule',
      confidence: LINK_CONFIDENCE,
      rule: links.rule.name,
    })
  }
  const first = firstOfSeveralWishes(normalized)
  if (first !== undefined) {
    const alone = readAlone(model, first, links)
    if (alone.intent !== 'unsafe' && alone.probability >= FIRST_WISH_PROBABILITY_MIN) {
      const { intent, probability: confidence } = alone
      return decisionFrom(reading, { intent, method: 'rule', confidence, rule: 'first-of-several-wishes' })
    }
  }
  const asked = questionInsteadOfProfile(reading, normalized)
  if (asked !== undefined) return asked
  const knowsSomeWord = reading.features.some(({ name }) => name.startsWith('w:') && !name.includes(' '))
  const best = Math.max(...reading.prediction.probabilities)
  const knowsLittle = best < WORDLESS_PROBABILITY_MIN || reading.features.length < KNOWN_FEATURES_MIN
  if (!knowsSomeWord && context.agent === undefined && knowsLittle) {
    return decisionFrom(reading, {
      intent: 'support',
      method: 'fallback',
      confidence: model.fallbackConfidence,
      rule: 'no-known-word',
    })
  }
  return decisionFrom(reading, { method: 'model' })
}

/** Routing must not turn a question into a profile fact: the request is read without the self-description before it. */
function questionInsteadOfProfile(reading: Reading, normalized: string): RoutingDecision | undefined {
  const { model, links, prediction } = reading
  const profile = probabilityOf(reading, 'profile')
  if (prediction.probabilities.some((probability) => probability > profile)) return undefined
  const request = requestAfterStatement(normalized)
  if (request === undefined) return undefined
  const alone = readAlone(model, request, links)
  if (alone.intent === 'profile' || alone.intent === 'unsafe' || alone.probability < REQUEST_PROBABILITY_MIN)
    return undefined
  const { intent, probability: confidence } = alone
  return decisionFrom(reading, { intent, method: 'rule', confidence, rule: 'question-after-self-description' })
}

function weighMessage(model: RouterModel, normalized: string, context: TurnContext): WeighedFeature[] {
  return weighFeatures(model.intents, featuresOf(normalized, contextMarks(context, normalized)))
}

function readAlone(
  model: RouterModel,
  normalized: string,
  links: LinkReading,
): { intent: Intent; probability: number } {
  const { probabilities } = predict(model.intents, weighMessage(model, normalized, noContext))
  const label = probabilities.indexOf(Math.max(...probabilities))
  const intent = model.intents.labels[label] as Intent
  return links.rule === undefined
    ? { intent, probability: probabilities[label]! }
    : { intent: links.rule.intent, probability: LINK_CONFIDENCE }
}

function probabilityOf(reading: Reading, intent: Intent): number {
  return reading.prediction.probabilities[reading.model.intents.labels.indexOf(intent)] ?? 0
}
