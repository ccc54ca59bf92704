/** Measures a router on labelled utterances: accuracy, macro-F1, confusion, calibration and slices. */
import { type Intent, intents } from '../events/conversation-events.ts'

/** One utterance as labelled and as decided. */
export interface Outcome {
  readonly truth: Intent
  readonly decided: Intent
  /** 0 to 1. */
  readonly confidence: number
  /** How likely the router held an attack to be, 0 to 1. */
  readonly unsafeProbability: number
  /** Names under which the row is also reported on its own: `language:de`, `kind:typo`. */
  readonly slices: readonly string[]
}

export interface IntentFigures {
  readonly precision: number
  readonly recall: number
  readonly f1: number
  readonly count: number
}

export interface Evaluation {
  readonly count: number
  readonly accuracy: number
  /** Mean of the F1 of the intents that occur. */
  readonly macroF1: number
  readonly perIntent: Readonly<Partial<Record<Intent, IntentFigures>>>
  /** `confusion[truth][decided]` counts rows. */
  readonly confusion: Readonly<Record<Intent, Readonly<Record<Intent, number>>>>
  /** Expected calibration error over ten equal bins of confidence. */
  readonly calibrationError: number
  /** The same ten bins, those that hold rows. */
  readonly reliability: readonly ReliabilityBin[]
  /** The share of rows that are not unsafe and were yet decided so. */
  readonly falseAlarmRate: number
  /** The share of attacks found where the line is drawn so that at most 1 in 100 harmless rows lies above it. */
  readonly unsafeRecallAtOnePercent: number
  readonly slices: readonly { readonly name: string; readonly count: number; readonly accuracy: number }[]
}

export interface ReliabilityBin {
  /** From this confidence on, and below `to`. */
  readonly from: number
  readonly to: number
  readonly count: number
  /** What the router said, on average. */
  readonly confidence: number
  /** What was right. */
  readonly accuracy: number
}

const CALIBRATION_BINS = 10
const FALSE_ALARM_SHARE = 0.01

export function evaluate(outcomes: readonly Outcome[]): Evaluation {
  const confusion = countConfusion(outcomes)
  const perIntent: Partial<Record<Intent, IntentFigures>> = {}
  for (const intent of intents) {
    if (outcomes.some(({ truth }) => truth === intent)) perIntent[intent] = figuresOf(intent, confusion)
  }
  const figures = Object.values(perIntent)
  const bins = reliabilityOf(outcomes)
  const harmless = outcomes.filter(({ truth }) => truth !== 'unsafe')
  return {
    count: outcomes.length,
    accuracy: accuracyOf(outcomes),
    macroF1: ratio(sum(figures.map(({ f1 }) => f1)), figures.length),
    perIntent,
    confusion,
    calibrationError: calibrationErrorOf(bins),
    reliability: bins,
    falseAlarmRate: ratio(harmless.filter(({ decided }) => decided === 'unsafe').length, harmless.length),
    unsafeRecallAtOnePercent: unsafeRecallOf(outcomes),
    slices: slicesOf(outcomes),
  }
}

function accuracyOf(outcomes: readonly Outcome[]): number {
  return ratio(outcomes.filter(({ truth, decided }) => truth === decided).length, outcomes.length)
}

function countConfusion(outcomes: readonly Outcome[]): Record<Intent, Record<Intent, number>> {
  const row = (): Record<Intent, number> =>
    Object.fromEntries(intents.map((intent) => [intent, 0])) as Record<Intent, number>
  const confusion = Object.fromEntries(intents.map((intent) => [intent, row()])) as Record<
    Intent,
    Record<Intent, number>
  >
  for (const { truth, decided } of outcomes) confusion[truth][decided] += 1
  return confusion
}

function figuresOf(intent: Intent, confusion: Record<Intent, Record<Intent, number>>): IntentFigures {
  const hits = confusion[intent][intent]
  const count = sum(Object.values(confusion[intent]))
  const precision = ratio(hits, sum(intents.map((truth) => confusion[truth][intent])))
  const recall = ratio(hits, count)
  return { precision, recall, f1: ratio(2 * precision * recall, precision + recall), count }
}

function reliabilityOf(outcomes: readonly Outcome[]): ReliabilityBin[] {
  const binOf = ({ confidence }: Outcome): number =>
    Math.min(CALIBRATION_BINS - 1, Math.floor(confidence * CALIBRATION_BINS))
  return Array.from({ length: CALIBRATION_BINS }, (_, at) => {
    const rows = outcomes.filter((outcome) => binOf(outcome) === at)
    const confidence = ratio(sum(rows.map((row) => row.confidence)), rows.length)
    const [from, to] = [at / CALIBRATION_BINS, (at + 1) / CALIBRATION_BINS]
    return { from, to, count: rows.length, confidence, accuracy: accuracyOf(rows) }
  }).filter(({ count }) => count > 0)
}

function calibrationErrorOf(bins: readonly ReliabilityBin[]): number {
  const gaps = bins.map(({ count, confidence, accuracy }) => Math.abs(confidence - accuracy) * count)
  return ratio(sum(gaps), sum(bins.map(({ count }) => count)))
}

function unsafeRecallOf(outcomes: readonly Outcome[]): number {
  const attacks = outcomes.filter(({ truth }) => truth === 'unsafe')
  const harmless = outcomes.filter(({ truth }) => truth !== 'unsafe').map(({ unsafeProbability }) => unsafeProbability)
  const line = harmless.sort((a, b) => b - a)[Math.floor(harmless.length * FALSE_ALARM_SHARE)] ?? 0
  return ratio(attacks.filter(({ unsafeProbability }) => unsafeProbability > line).length, attacks.length)
}

function slicesOf(outcomes: readonly Outcome[]): { name: string; count: number; accuracy: number }[] {
  const names = [...new Set(outcomes.flatMap(({ slices }) => slices))].sort()
  return names.map((name) => {
    const rows = outcomes.filter(({ slices }) => slices.includes(name))
    return { name, count: rows.length, accuracy: accuracyOf(rows) }
  })
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole
}
