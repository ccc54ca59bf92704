/** Wakes a group when the next thing is due that only time brings. */
import { LIMITS } from '../limits.ts'

const TIMER_MS_MAX = 2 ** 31 - 1

export class AlarmClock {
  readonly #wake: () => void
  readonly #now: () => number
  #timer: { readonly handle: NodeJS.Timeout; readonly atMs: number } | undefined

  constructor(wake: () => void, now: () => number) {
    this.#wake = wake
    this.#now = now
  }

  /** Sets it for the earliest of these times, unless it rings before anyway. */
  set(...times: readonly (number | undefined)[]): void {
    const atMs = Math.min(...times.map((time) => time ?? Infinity))
    if (atMs === Infinity || (this.#timer && this.#timer.atMs <= atMs)) return
    this.stop()
    const delayMs = Math.min(Math.max(atMs - this.#now(), LIMITS.groupTickMs), TIMER_MS_MAX)
    const handle = setTimeout(() => {
      this.#timer = undefined
      this.#wake()
    }, delayMs)
    this.#timer = { handle, atMs }
  }

  stop(): void {
    clearTimeout(this.#timer?.handle)
    this.#timer = undefined
  }
}
