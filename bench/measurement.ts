/** Measures fairly: alternatives interleaved in one run, medians with their range, ratios instead of absolute figures. */

export interface Figure {
  readonly median: number
  readonly min: number
  readonly max: number
}

export interface Row {
  readonly what: string
  readonly unit: string
  readonly figure: Figure
  /** What the figure is compared with in the same run, and the limit it should keep, in words. */
  readonly ratio?: { readonly to: string; readonly value: number; readonly wanted: string; readonly isKept: boolean }
}

export interface BenchResult {
  readonly title: string
  readonly repetitions: number
  readonly rows: readonly Row[]
  /** Conditions that a reader needs to judge the figures. */
  readonly notes: readonly string[]
  /** Set when the benchmark could not run here, with the reason; it is then no failure. */
  readonly skipped?: string
}

/** A benchmark: its name on the command line and how it runs. */
export interface Bench {
  readonly name: string
  readonly run: (options: { readonly isQuick: boolean }) => Promise<BenchResult>
}

export function figureOf(samples: readonly number[]): Figure {
  const sorted = samples.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const median =
    sorted.length % 2 === 1
      ? (sorted[Math.floor(middle)] ?? 0)
      : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
  return { median, min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0 }
}

/** Runs every alternative once per repetition, in turn, so that a drift of the machine's speed meets them all. */
export async function interleaved<Name extends string>(
  repetitions: number,
  alternatives: Readonly<Record<Name, () => Promise<number>>>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(alternatives) as Name[]
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    for (const name of names) samples[name].push(await alternatives[name]())
  }
  return samples
}

export function ratioTo(
  to: string,
  value: number,
  limit: { readonly atMost: number } | { readonly atLeast: number },
): Row['ratio'] & object {
  if ('atMost' in limit) return { to, value, wanted: `≤ ${limit.atMost}`, isKept: value <= limit.atMost }
  return { to, value, wanted: `≥ ${limit.atLeast}`, isKept: value >= limit.atLeast }
}

export function tableOf(result: BenchResult): string {
  if (result.skipped !== undefined) return `${result.title}: skipped, ${result.skipped}`
  const lines = result.rows.map(({ what, unit, figure, ratio }) => {
    const range = `${shown(figure.median)} ${unit} (${shown(figure.min)}–${shown(figure.max)})`
    const against =
      ratio && `${shown(ratio.value)}× ${ratio.to} (wanted ${ratio.wanted}) ${ratio.isKept ? 'kept' : 'NOT KEPT'}`
    return [`  ${what.padEnd(44)}`, range.padEnd(34), against ?? ''].join(' ').trimEnd()
  })
  const head = `${result.title}: median (range) of ${result.repetitions} interleaved repetitions`
  return [head, ...lines, ...result.notes.map((note) => `  ${note}`)].join('\n')
}

function shown(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toLocaleString('en', { maximumFractionDigits: digits })
}
