/** Finds where a recent event id was appended, in a fixed amount of memory: twelve bytes for each id it can keep. */
import { LOG_LIMITS } from './event-log.ts'

/** A power of two not below `LOG_LIMITS.recentIdsMax`. */
const WINDOW = 2 ** Math.ceil(Math.log2(LOG_LIMITS.recentIdsMax))
const WORD = 2 ** 32

/**
 * Chains of positions by hash, as compressors use them: each place of the window belongs to one position, and a new
 * position overwrites the one that is a whole window older. Chains run from newer to older, so one that leaves the
 * window has ended. Only hashes are kept: the caller looks at the record itself. Untouched pages of the arrays take no memory.
 */
export class RecentIds {
  /** By hash: the newest position with it, as the low 32 bits of position + 1; 0 for none. */
  readonly #newest = new Uint32Array(WINDOW)
  /** By place in the window: the next older position of its chain, in the same form. */
  readonly #older = new Uint32Array(WINDOW)
  readonly #hashes = new Uint32Array(WINDOW)
  #end = 0

  /** Positions rise from call to call; some may be missing. */
  add(position: number, hash: number): void {
    const place = position % WINDOW
    const chain = hash % WINDOW
    this.#older[place] = this.#newest[chain] as number
    this.#hashes[place] = hash
    this.#newest[chain] = (position + 1) % WORD
    this.#end = position + 1
  }

  /** The newest position with that hash that `isIt` confirms. */
  find(hash: number, isIt: (position: number) => boolean): number | undefined {
    let stored = this.#newest[hash % WINDOW] as number
    let newer = this.#end + 1
    while (stored !== 0) {
      // The distance from the end gives back the high bits of the position.
      const position = this.#end - ((((this.#end % WORD) - stored + WORD) % WORD) + 1)
      if (position < 0 || position < this.#end - WINDOW || position >= newer) return undefined
      if (this.#hashes[position % WINDOW] === hash && isIt(position)) return position
      newer = position
      stored = this.#older[position % WINDOW] as number
    }
    return undefined
  }
}
