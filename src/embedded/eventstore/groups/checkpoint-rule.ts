/** Knows how far a group has come without a gap, and when that is worth writing down. Pure; time is given. */

export interface CheckpointSettings {
  readonly checkpointAfterMs: number
  readonly checkpointCountMin: number
  readonly checkpointCountMax: number
  /** Events passed over by a filter after which the place is written down although none was handled. */
  readonly passedMax: number
}

/** How far something reaches: up to a place, and over how many events that count and events passed over. */
interface Reach {
  readonly place: number | undefined
  readonly count: number
  readonly passed: number
}

export class CheckpointRule {
  readonly #settings: CheckpointSettings
  /** Not handled yet, in the order of their places, each with what lies before it. */
  readonly #open = new Map<number, Reach>()
  /** Everything that was read. */
  #read: Reach
  #written: Reach
  #writtenMs: number

  /** `place` is where an earlier life of the group had come to. */
  constructor(settings: CheckpointSettings, place: number | undefined, nowMs: number) {
    this.#settings = settings
    this.#read = { place, count: 0, passed: 0 }
    this.#written = this.#read
    this.#writtenMs = nowMs
  }

  /** The last place up to which nothing is missing. */
  get done(): number | undefined {
    return this.#done.place
  }

  /**
   * An event was read, and is to be handled. Places rise. What comes of checkpoints themselves does not count: each would
   * make for another one, for ever.
   */
  enter(place: number, isCounted = true): void {
    this.#open.set(place, this.#read)
    this.#read = { ...this.#read, place, count: this.#read.count + (isCounted ? 1 : 0) }
  }

  /** Events up to a place were looked at, and so many are not for this group. */
  pass(place: number, count: number): void {
    this.#read = { ...this.#read, place, passed: this.#read.passed + count }
  }

  /** An event was handled, or parked. */
  leave(place: number): void {
    this.#open.delete(place)
  }

  /** The place to write down now; undefined when there is none, or it is not time. */
  due(nowMs: number): number | undefined {
    const { checkpointAfterMs, checkpointCountMax, passedMax } = this.#settings
    const done = this.#done
    const gained = done.count - this.#written.count
    const isMuch = gained >= Math.max(1, checkpointCountMax) || done.passed - this.#written.passed >= passedMax
    const isTime = gained >= this.#countMin && nowMs >= this.#writtenMs + checkpointAfterMs
    return isMuch || isTime ? done.place : undefined
  }

  /** When a checkpoint may become due by the passing of time; undefined when nothing waits for that. */
  get nextDueMs(): number | undefined {
    const isEnough = this.#done.count - this.#written.count >= this.#countMin
    return isEnough ? this.#writtenMs + this.#settings.checkpointAfterMs : undefined
  }

  /** What would be lost by ending now; undefined when nothing was handled since the last checkpoint. */
  get unwritten(): number | undefined {
    const done = this.#done
    return done.count > this.#written.count ? done.place : undefined
  }

  /** What is done is being written. */
  noteWritten(nowMs: number): void {
    this.#written = this.#done
    this.#writtenMs = nowMs
  }

  get #done(): Reach {
    for (const [, before] of this.#open) return before
    return this.#read
  }

  get #countMin(): number {
    return Math.max(1, this.#settings.checkpointCountMin)
  }
}
