/** Finds where a recent event id was appended, in twelve bytes for each id it keeps and no more than it may keep. */
import { LOG_LIMITS } from './event-log.ts'

/** A power of two not below `LOG_LIMITS.recentIdsMax`. */
const WINDOW_MAX = 2 ** Math.ceil(Math.log2(LOG_LIMITS.recentIdsMax))
const WINDOW_MIN = 1024
const WORD = 2 ** 32

/**
 * Chains of positions by hash, as compressors use them: each place of the window belongs to one position, and a new
 * position overwrites the one that is a whole window older. Chains run from newer to older, so one that leaves the
 * window has ended. Only hashes are kept: the caller looks at the record itself. The window doubles until it has its full size.
 */
export class RecentIds {
  #window: number
  /**
   * By hash: the newest position with it, as the low 32 bits of position + 1. None is 0, which also stands for the last position
   * before a multiple of 2³²: what 0 leads to is looked at like anything else, and refused unless it is that one.
   */
  #newest: Uint32Array
  /** By place in the window: the next older position of its chain, in the same form. */
  #older: Uint32Array
  #hashes: Uint32Array
  #first: number | undefined
  #end = 0

  /** With room for so many at once, if it may keep so many. */
  constructor(expected = 0) {
    this.#window = Math.min(WINDOW_MAX, 2 ** Math.ceil(Math.log2(Math.max(WINDOW_MIN, expected))))
    this.#newest = new Uint32Array(this.#window)
    this.#older = new Uint32Array(this.#window)
    this.#hashes = new Uint32Array(this.#window)
  }

  /** Positions rise from call to call; some may be missing. */
  add(position: number, hash: number): void {
    this.#first ??= position
    while (position - this.#first >= this.#window && this.#window < WINDOW_MAX) this.#grow()
    const place = position % this.#window
    const chain = hash % this.#window
    this.#older[place] = this.#newest[chain] as number
    this.#hashes[place] = hash
    this.#newest[chain] = (position + 1) % WORD
    this.#end = position + 1
  }

  /** The newest position with that hash that `isIt` confirms. */
  find(hash: number, isIt: (position: number) => boolean): number | undefined {
    let stored = this.#newest[hash % this.#window] as number
    let newer = this.#end
    for (;;) {
      // The distance from the end gives back the high bits of the position.
      const position = this.#end - (((this.#end % WORD) - stored + WORD) % WORD) - 1
      if (position < 0 || position < this.#end - this.#window || position >= newer) return undefined
      if (this.#hashes[position % this.#window] === hash && isIt(position)) return position
      newer = position
      stored = this.#older[position % this.#window] as number
    }
  }

  /** Doubles the window and takes everything up again. A place of a missing position may bear an old hash: `isIt` refuses it. */
  #grow(): void {
    const [window, hashes, end] = [this.#window, this.#hashes, this.#end]
    const start = Math.max(this.#first as number, end - window)
    this.#window *= 2
    this.#newest = new Uint32Array(this.#window)
    this.#older = new Uint32Array(this.#window)
    this.#hashes = new Uint32Array(this.#window)
    for (let position = start; position < end; position += 1) this.add(position, hashes[position % window] as number)
  }
}
