/** How long the latest answers took, as the statistics that EventStoreDB names. Pure. */

/** Milliseconds by name of the measure. */
export type Latencies = ReadonlyMap<string, number>

const QUANTILES: readonly (readonly [name: string, quantile: number])[] = [
  ['Quintile 1', 0.2],
  ['Quintile 2', 0.4],
  ['Quintile 3', 0.6],
  ['Quintile 4', 0.8],
  ['Quintile 5', 1],
  ['90%', 0.9],
  ['95%', 0.95],
  ['99%', 0.99],
  ['99.5%', 0.995],
  ['99.9%', 0.999],
]

/** Keeps the latest `size` values and forgets the others. */
export class LatencyWindow {
  readonly #values: number[] = []
  readonly #size: number
  #next = 0

  constructor(size: number) {
    this.#size = size
  }

  add(ms: number): void {
    this.#values[this.#next] = Math.max(0, Math.round(ms))
    this.#next = (this.#next + 1) % this.#size
  }

  summary(): Latencies {
    const sorted = [...this.#values].sort((a, b) => a - b)
    const at = (quantile: number) => sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)] ?? 0
    const mean = sorted.reduce((sum, ms) => sum + ms, 0) / Math.max(1, sorted.length)
    return new Map([
      ['Mean', Math.round(mean)],
      ['Median', at(0.5)],
      ['Fastest', at(0)],
      ...QUANTILES.map(([name, quantile]) => [name, at(quantile)] as const),
      ['Highest', at(1)],
    ])
  }
}
