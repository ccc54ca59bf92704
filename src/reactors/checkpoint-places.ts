/** Places outside that are handed every checkpoint, so that the operator alone cannot take one back. */
import type { Checkpoint } from '../ledger/checkpoint.ts'
import type { Logger } from '../shared/logger.ts'
import { pause } from '../shared/waiting.ts'

export interface PublishedHead extends Checkpoint {
  readonly note: string
  /** Hashes that show the tree of `from` leaves to be the beginning of this one. */
  readonly consistencyFrom: (from: number) => Promise<readonly Buffer[]>
}

export interface CheckpointPlace {
  /** As people know it; without secrets. */
  readonly name: string
  /** Resolves when the place has it, with signature lines of its own for the note, if any. Throws otherwise. */
  readonly hand: (head: PublishedHead, signal: AbortSignal) => Promise<string>
}

export interface PlaceStatus {
  readonly name: string
  /** Size of the last checkpoint it took; undefined before the first. */
  readonly size: number | undefined
  /** Why it did not take the last one it was offered; undefined when it did. */
  readonly failure: string | undefined
}

const TRIES_MAX = 3
const RETRY_MS = 500
/** One try of one place. */
const HAND_MS_MAX = 5_000
/** What is under way at a stop gets so long to end. */
const FINISH_MS_MAX = 3_000

/** Hands checkpoints to all places, each at its own pace: a slow or failing one holds up nothing, and gets the next one. */
export class CheckpointHandout {
  readonly #places: readonly CheckpointPlace[]
  readonly #logger: Logger
  readonly #status: PlaceStatus[]
  readonly #running = new Map<CheckpointPlace, Promise<void>>()
  readonly #ending = new AbortController()

  constructor(places: readonly CheckpointPlace[], logger: Logger) {
    this.#places = places
    this.#logger = logger
    this.#status = places.map(({ name }) => ({ name, size: undefined, failure: undefined }))
  }

  status(): readonly PlaceStatus[] {
    return [...this.#status]
  }

  /** Does not wait. `onSigned` is told of signatures that a place adds. */
  offer(head: PublishedHead, onSigned: (lines: string) => Promise<void>): void {
    for (const [index, place] of this.#places.entries()) {
      if (this.#running.has(place)) continue // Still busy with an earlier one; the next one covers this one too.
      const work = this.#hand(place, index, head, onSigned).finally(() => this.#running.delete(place))
      this.#running.set(place, work)
    }
  }

  async finish(): Promise<void> {
    const waited = new AbortController()
    await Promise.race([Promise.all(this.#running.values()), pause(FINISH_MS_MAX, waited.signal)])
    waited.abort()
    this.#ending.abort()
    await Promise.all(this.#running.values())
  }

  async #hand(
    place: CheckpointPlace,
    index: number,
    head: PublishedHead,
    onSigned: (lines: string) => Promise<void>,
  ): Promise<void> {
    for (let tries = 1; tries <= TRIES_MAX && !this.#ending.signal.aborted; tries += 1) {
      try {
        const lines = await place.hand(head, AbortSignal.any([this.#ending.signal, AbortSignal.timeout(HAND_MS_MAX)]))
        if (lines !== '') await onSigned(lines)
        this.#status[index] = { name: place.name, size: head.size, failure: undefined }
        return
      } catch (error) {
        this.#status[index] = { name: place.name, size: this.#status[index]?.size, failure: String(error) }
        this.#logger.warn(
          { place: place.name, size: head.size, tries, error: String(error) },
          'checkpoint not handed out',
        )
      }
      if (tries < TRIES_MAX) await pause(RETRY_MS * tries, this.#ending.signal)
    }
  }
}
