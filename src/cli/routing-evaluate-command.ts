/** `emberlog routing evaluate`: how good a router is on labelled utterances, and how fast. */
import { readFileSync } from 'node:fs'
import { checkEngine, type EngineCheck } from '../routing/engine-check.ts'
import { type Evaluation, evaluate, type Outcome } from '../routing/evaluation.ts'
import { type LabelledUtterances, parseUtterances } from '../routing/labelled-utterances.ts'
import type { Router } from '../routing/router.ts'
import { outcomeOf } from '../routing/router-outcomes.ts'
import { Fault } from '../shared/failures.ts'
import { findBenchmarks, readBenchmarks } from './benchmark-files.ts'
import { exitCodes } from './exit-codes.ts'
import { progressLine, say, sayJson } from './output.ts'
import { type RouterChoice, routerOf } from './router-choice.ts'

export interface EvaluateOptions extends RouterChoice {
  /** A file of labelled utterances; the sealed rows of this project's own when left out. */
  readonly data?: string
  /** A folder with the public sets. */
  readonly benchmarks?: string
  /** Leaves the public sets out. */
  readonly engine?: boolean
  readonly accuracyMin?: string
  readonly json?: boolean
}

const OWN_DATA = new URL('../../data/routing/utterances.jsonl', import.meta.url)
const WARM_UP_ROWS = 200
const PROGRESS_EVERY_ROWS = 100

interface Latency {
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
}

/** Resolves with the exit code: 1 when the accuracy is below the one that was asked for. */
export async function evaluateRouter(options: EvaluateOptions): Promise<number> {
  const accuracyMin = shareOf(options.accuracyMin)
  const router = routerOf(options)
  const utterances = readLabelled(options.data)
  const { outcomes, latency } = decideAll(router, utterances)
  const figures = evaluate(outcomes)
  const engine = await engineChecks(options)
  if (options.json) {
    const { withoutTheirContext, withOtherLabels } = utterances
    sayJson({
      routerVersion: router.version,
      ...figures,
      withoutTheirContext,
      withOtherLabels,
      latencyMs: latency,
      engine,
    })
  } else {
    for (const line of evaluationLines(router.version, figures, utterances, latency)) say(line)
    for (const line of engineLines(engine)) say(line)
  }
  return accuracyMin !== undefined && figures.accuracy < accuracyMin ? exitCodes.foundWrong : exitCodes.success
}

function shareOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const share = Number(text)
  if (text.trim() === '' || !(share >= 0 && share <= 1)) throw new Fault('argument-invalid', { 'accuracy-min': text })
  return share
}

function readLabelled(path: string | undefined): LabelledUtterances {
  const utterances = parseUtterances(readText(path ?? OWN_DATA), path === undefined ? 'test' : undefined)
  if (utterances.rows.length === 0) throw new Fault('argument-invalid', { data: path ?? '', reason: 'no rows' })
  return utterances
}

function readText(path: string | URL): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new Fault('argument-invalid', { data: String(path) }, { cause })
  }
}

/** Every decision is timed once, after some that are not: the first ones pay for the compiler. */
function decideAll(router: Router, { rows }: LabelledUtterances): { outcomes: Outcome[]; latency: Latency } {
  for (const row of rows.slice(0, WARM_UP_ROWS)) outcomeOf(router, row)
  const line = progressLine()
  const times: number[] = []
  const outcomes = rows.map((row, at) => {
    if (at % PROGRESS_EVERY_ROWS === 0) line.show(`deciding ${at} of ${rows.length}`)
    const startedAt = performance.now()
    const outcome = outcomeOf(router, row)
    times.push(performance.now() - startedAt)
    return outcome
  })
  line.clear()
  times.sort((a, b) => a - b)
  const quantile = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0
  return { outcomes, latency: { p50: quantile(0.5), p99: quantile(0.99) } }
}

type EngineAnswer = { readonly skipped: string } | { readonly checks: readonly EngineCheck[] }

/** With utterances of one's own the public sets are left alone, unless they are named too: they take a minute or two. */
async function engineChecks({ data, benchmarks, engine = true }: EvaluateOptions): Promise<EngineAnswer> {
  if (!engine) return { skipped: 'left out with --no-engine' }
  if (data !== undefined && benchmarks === undefined) {
    return { skipped: 'not asked for beside --data; name the folder with --benchmarks <folder>' }
  }
  const folder = findBenchmarks(benchmarks)
  if (folder === undefined) {
    return { skipped: 'no folder with clinc150-full.json and banking77-*.csv; name one with --benchmarks <folder>' }
  }
  const line = progressLine()
  const checks: EngineCheck[] = []
  for (const check of checkEngine(readBenchmarks(folder))) {
    line.show(`training on public sets: ${check.done} of ${check.total}`)
    if (check.result !== undefined) checks.push(...check.result)
    // Lets the line be written and an interruption be heard between two long steps.
    await new Promise(setImmediate)
  }
  line.clear()
  return { checks }
}

function evaluationLines(
  version: string,
  figures: Evaluation,
  { withoutTheirContext, withOtherLabels }: LabelledUtterances,
  latency: Latency,
) {
  const { count, accuracy, macroF1, calibrationError, falseAlarmRate, unsafeRecallAtOnePercent } = figures
  const reasons = [
    ...(withoutTheirContext === 0 ? [] : [`${withoutTheirContext} left out: their context is not given`]),
    ...(withOtherLabels === 0 ? [] : [`${withOtherLabels} left out: none of the eight intents`]),
  ]
  const leftOut = reasons.map((reason) => `, ${reason}`).join('')
  return [
    `router ${version} on ${count} utterances${leftOut}`,
    `accuracy ${percent(accuracy)}  macro-F1 ${percent(macroF1)}  calibration error ${calibrationError.toFixed(3)}`,
    `attacks found at 1 % false alarms ${percent(unsafeRecallAtOnePercent)}  false alarms as decided ${percent(falseAlarmRate)}`,
    `a decision takes ${latency.p50.toFixed(2)} ms in the median, ${latency.p99.toFixed(2)} ms in 99 of 100`,
    '',
    ...confusionLines(figures),
    '',
    'sure        rows   said   right',
    ...figures.reliability.map(
      ({ from, to, count: rows, confidence, accuracy: right }) =>
        `${from.toFixed(1)} to ${to.toFixed(1)}  ${String(rows).padStart(5)}  ${percent(confidence).padStart(7)} ${percent(right).padStart(7)}`,
    ),
    '',
    'slice                        rows   right',
    ...figures.slices.map(
      (slice) => `${slice.name.padEnd(26)} ${String(slice.count).padStart(6)} ${percent(slice.accuracy).padStart(7)}`,
    ),
  ]
}

const COLUMN = 10

/** One line per intent as labelled, one column per intent as decided. */
function confusionLines({ perIntent, confusion }: Evaluation): string[] {
  const names = Object.keys(confusion) as (keyof typeof confusion)[]
  const cells = (values: readonly string[]): string => values.map((value) => value.padStart(COLUMN)).join('')
  return [
    `${'is \\ taken for'.padEnd(14)}${cells(names)}${cells(['precision', 'recall', 'F1'])}`,
    ...names.flatMap((truth) => {
      const figures = perIntent[truth]
      if (figures === undefined) return []
      const counts = names.map((decided) => String(confusion[truth][decided]))
      const shares = [figures.precision, figures.recall, figures.f1].map((share) => share.toFixed(3))
      return [`${truth.padEnd(14)}${cells(counts)}${cells(shares)}`]
    }),
  ]
}

function engineLines(engine: EngineAnswer): string[] {
  if ('skipped' in engine) return ['', `engine on public sets: skipped (${engine.skipped})`]
  return [
    '',
    ...engine.checks.map(
      ({ what, value, atLeast }) => `engine: ${what} ${percent(value)} (wanted ${percent(atLeast)})`,
    ),
  ]
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
