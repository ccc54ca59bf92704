/** Knows how far a group has come without a gap, and when that is worth writing down. Pure; time is given. */

export interface CheckpointSettings {
  readonly checkpointAfterMs: number
  readonly checkpointCountMin: number
  readonly checkpointCountMax: number
  /** Events passed over by a filter after which the place is written down although none was handled. */
  readonly passedMax: number
}

interface OpenEvent {
  /** The place before it: how far everything is done while it is the first that is not. */
  readonly previous: number | undefined
  /** False for events that come of checkpoints themselves: each would make for another one, for ever. */
  readonly isCounted: boolean
}

export class CheckpointRule {
  readonly #settings: CheckpointSettings
  /** Not handled yet, in the order of their places. */
  readonly #open = new Map<number, OpenEvent>()
  #last: number | undefined
  #written: number | undefined
  #writtenMs: number
  #handled = 0
  #passed = 0

  /** `place` is where an earlier life of the group had come to. */
  constructor(settings: CheckpointSettings, place: number | undefined, nowMs: number) {
    this.#settings = settings
    this.#last = place
    this.#written = place
    this.#writtenMs = nowMs
  }

  /** The last checkpoint written; undefined before the first. */
  get written(): number | undefined {
    return this.#written
  }

  /** The last place up to which nothing is missing. */
  get done(): number | undefined {
    for (const [, first] of this.#open) return first.previous
    return this.#last
  }

  /** An event was read, to be handled. Places rise. */
  enter(place: number, isCounted = true): void {
    this.#open.set(place, { previous: this.#last, isCounted })
    this.#last = place
  }

  /** Events up to a place were looked at, and none is for this group. */
  pass(place: number, count: number): void {
    this.#last = place
    this.#passed += count
  }

  /** An event was handled, or parked. */
  leave(place: number): void {
    const event = this.#open.get(place)
    if (!event) return
    this.#open.delete(place)
    if (event.isCounted) this.#handled += 1
  }

  /** The place to write down now; undefined when there is none, or it is not time. */
  due(nowMs: number): number | undefined {
    if (!this.#isDue(nowMs)) return undefined
    const { done } = this
    return done === this.#written ? undefined : done
  }

  /** When a checkpoint may become due by the passing of time; undefined when nothing waits for that. */
  get nextDueMs(): number | undefined {
    if (this.#handled < this.#countMin || this.done === this.#written) return undefined
    return this.#writtenMs + this.#settings.checkpointAfterMs
  }

  /** What would be lost by ending now; undefined when nothing was handled since the last checkpoint. */
  get unwritten(): number | undefined {
    const { done } = this
    return this.#handled > 0 && done !== this.#written ? done : undefined
  }

  /** The place is being written. */
  noteWritten(place: number, nowMs: number): void {
    this.#written = place
    this.#writtenMs = nowMs
    this.#handled = 0
    this.#passed = 0
  }

  get #countMin(): number {
    return Math.max(1, this.#settings.checkpointCountMin)
  }

  #isDue(nowMs: number): boolean {
    const { checkpointAfterMs, checkpointCountMax, passedMax } = this.#settings
    if (this.#handled >= Math.max(1, checkpointCountMax) || this.#passed >= passedMax) return true
    return this.#handled >= this.#countMin && nowMs >= this.#writtenMs + checkpointAfterMs
  }
}
