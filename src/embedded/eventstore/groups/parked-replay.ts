/** Brings parked messages back: which of them are to be handed out again, and which of those are not answered yet. Pure. */

export class ParkedReplay {
  /** Revision in the parked stream of the next one to hand out, and the one before which to stop. */
  #next = 0
  #end = 0
  readonly #open = new Set<number>()

  get isWaiting(): boolean {
    return this.#next < this.#end
  }

  /** Everything that was asked for has been handed out and answered. */
  get isDone(): boolean {
    return !this.isWaiting && this.#open.size === 0
  }

  get next(): number {
    return this.#next
  }

  get end(): number {
    return this.#end
  }

  /** The first one that is not answered. */
  get firstUnanswered(): number {
    for (const revision of this.#open) return revision
    return this.#next
  }

  /** Adds those from a revision on and before another, as far as they were not asked for yet. */
  extend(from: number, end: number): void {
    if (!this.isWaiting) this.#next = Math.max(from, this.#end)
    this.#end = Math.max(this.#end, end)
  }

  /** How many may be read now, beginning with `next`. */
  room(countMax: number): number {
    return Math.min(countMax, this.#end - this.#next)
  }

  handedOut(revision: number): void {
    this.#open.add(revision)
    this.#next = revision + 1
  }

  /** There is nothing more to be read of what was asked for. */
  skipToEnd(): void {
    this.#next = this.#end
  }

  answered(revision: number): void {
    this.#open.delete(revision)
  }
}
