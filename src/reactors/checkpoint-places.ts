/** Places outside that are handed every checkpoint, so that the operator alone cannot take one back. */
import type { Checkpoint } from '../ledger/checkpoint.ts'
import type { Logger } from '../shared/logger.ts'
import { pause } from '../shared/waiting.ts'

export interface PublishedHead extends Checkpoint {
  readonly note: string
  /** Hashes that show the tree of `from` leaves to be the beginning of this one. */
  readonly consistencyFrom: (from: number) => Promise<readonly Buffer[]>
  /** Leaves of our tree by now. */
  readonly sizeNow: () => number
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

export interface HandoutLimits {
  /** One try of one place. */
  readonly handMsMax: number
  /** Pauses between tries grow from here … */
  readonly retryMsMin: number
  /** … to here, for as long as the place is away. */
  readonly retryMsMax: number
  /** What is under way at a stop gets so long to end. */
  readonly finishMsMax: number
}

const handoutLimits: HandoutLimits = { handMsMax: 5_000, retryMsMin: 500, retryMsMax: 60_000, finishMsMax: 3_000 }

type OnSigned = (lines: string) => Promise<void>

/** What a place is to get next, and where its work stands. */
interface Lane {
  readonly place: CheckpointPlace
  status: PlaceStatus
  next: { readonly head: PublishedHead; readonly onSigned: OnSigned } | undefined
  working: Promise<void> | undefined
  /** Ends the pause before the next try. */
  hurry: AbortController
}

/**
 * Hands checkpoints to all places, each at its own pace: a slow or failing one holds up nothing. One that was away or busy gets the
 * newest, which covers those before it; it is tried until it has that.
 */
export class CheckpointHandout {
  readonly #lanes: readonly Lane[]
  readonly #logger: Logger
  readonly #limits: HandoutLimits
  readonly #ending = new AbortController()
  #isFinishing = false

  constructor(places: readonly CheckpointPlace[], logger: Logger, limits: Partial<HandoutLimits> = {}) {
    this.#lanes = places.map((place) => ({
      place,
      status: { name: place.name, size: undefined, failure: undefined },
      next: undefined,
      working: undefined,
      hurry: new AbortController(),
    }))
    this.#logger = logger
    this.#limits = { ...handoutLimits, ...limits }
  }

  status(): readonly PlaceStatus[] {
    return this.#lanes.map(({ status }) => status)
  }

  /** Does not wait. `onSigned` is told of signatures that a place adds. */
  offer(head: PublishedHead, onSigned: OnSigned): void {
    for (const lane of this.#lanes) {
      lane.next = { head, onSigned }
      lane.hurry.abort()
      lane.working ??= this.#work(lane)
    }
  }

  /** Whoever waits for its next try has it now, and everybody at most `finishMsMax`. */
  async finish(): Promise<void> {
    this.#isFinishing = true
    for (const lane of this.#lanes) lane.hurry.abort()
    const waited = new AbortController()
    const working = Promise.all(this.#lanes.map((lane) => lane.working))
    await Promise.race([working, pause(this.#limits.finishMsMax, waited.signal)])
    waited.abort()
    this.#ending.abort()
    await working
  }

  async #work(lane: Lane): Promise<void> {
    let waitMs = this.#limits.retryMsMin
    try {
      while (lane.next !== undefined && !this.#ending.signal.aborted) {
        const isLastTry = this.#isFinishing
        const offered = lane.next
        lane.hurry = new AbortController()
        if (await this.#hand(lane, offered)) {
          if (lane.next === offered) lane.next = undefined
          waitMs = this.#limits.retryMsMin
          continue
        }
        if (isLastTry) return
        if (!this.#isFinishing) await pause(waitMs, AbortSignal.any([lane.hurry.signal, this.#ending.signal]))
        waitMs = Math.min(waitMs * 2, this.#limits.retryMsMax)
      }
    } finally {
      lane.working = undefined
    }
  }

  /** Resolves with true when the place has it. */
  async #hand(lane: Lane, { head, onSigned }: NonNullable<Lane['next']>): Promise<boolean> {
    const { place } = lane
    const { size } = head
    try {
      const inTime = AbortSignal.any([this.#ending.signal, AbortSignal.timeout(this.#limits.handMsMax)])
      const lines = await place.hand(head, inTime)
      if (lines !== '') await onSigned(lines)
      lane.status = { name: place.name, size, failure: undefined }
      return true
    } catch (error) {
      lane.status = { ...lane.status, failure: String(error) }
      this.#logger.warn({ place: place.name, size, error: String(error) }, 'checkpoint not handed out')
      return false
    }
  }
}
