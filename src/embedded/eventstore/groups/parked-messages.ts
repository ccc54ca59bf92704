/** A group's parked messages: put aside durably, counted, and brought back so that none is lost on the way. */
import { LIMITS } from '../limits.ts'
import type { LogRecord } from '../storage/event-log.ts'
import type { EventStore } from '../streams/event-store.ts'
import type { GroupKey } from './group-settings.ts'
import { hideParked, type Parking, park, parkedStreamOf, readUnansweredReplay } from './group-streams.ts'
import { ParkedReplay } from './parked-replay.ts'

export class ParkedMessages {
  readonly #store: EventStore
  readonly #key: GroupKey
  readonly #stream: string
  readonly #replay = new ParkedReplay()
  /** Where the replay ends that is noted as not answered; undefined without one. */
  #notedEnd: number | undefined

  /** What an earlier life of the group had brought back, and not heard of, is brought back again. */
  constructor(store: EventStore, key: GroupKey) {
    this.#store = store
    this.#key = key
    this.#stream = parkedStreamOf(key)
    const unanswered = readUnansweredReplay(store, this.#stream)
    if (!unanswered) return
    this.#replay.extend(unanswered.from, unanswered.end)
    this.#notedEnd = unanswered.end
  }

  get count(): number {
    const parked = this.#store.visible(this.#stream)
    return parked.kind === 'found' ? Math.max(0, parked.last - parked.first + 1) : 0
  }

  /** Resolves when the message is parked durably: only then may it count as dealt with. */
  park(parking: Parking): Promise<void> {
    return park(this.#store, this.#key, parking)
  }

  /** Asks for what is parked now, before a revision if one is given. Resolves when that is durable. */
  async bringBack(stopAt: number): Promise<void> {
    const parked = this.#store.visible(this.#stream)
    if (parked.kind !== 'found') return
    const end = Math.min(stopAt, parked.last + 1)
    if (end <= parked.first) return
    this.#replay.extend(parked.first, end)
    this.#notedEnd = end
    await hideParked(this.#store, this.#key, end, this.#replay.firstUnanswered)
  }

  /** The next ones to hand out, so many at most; empty when there are none. */
  next(countMax: number): readonly LogRecord[] {
    if (!this.#replay.isWaiting) return []
    const read = { from: this.#replay.next, direction: 'forwards', bytesMax: LIMITS.sliceBytes } as const
    const records = this.#store.log.readStream(this.#stream, { ...read, countMax: this.#replay.room(countMax) })
    const wanted = records.filter(({ revision }) => revision < this.#replay.end)
    if (wanted.length === 0) this.#replay.skipToEnd()
    for (const { revision } of wanted) this.#replay.handedOut(revision)
    return wanted
  }

  answered(revision: number): void {
    this.#replay.answered(revision)
  }

  /** Takes the note of a replay away when all of it is answered. Resolves when that is durable. */
  async settle(): Promise<void> {
    const end = this.#notedEnd
    if (end === undefined || !this.#replay.isDone) return
    this.#notedEnd = undefined
    await hideParked(this.#store, this.#key, end)
  }
}
