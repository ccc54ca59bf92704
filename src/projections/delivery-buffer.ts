/** Collects deliveries into batches while the last batch is being stored; when it is full, the subscription has to wait. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { StoredEvent } from '../events/codec.ts'
import type { Position } from '../shared/ids.ts'
import type { Delivery } from '../store/event-store.ts'

export interface BatchLimits {
  readonly eventsMax: number
  /** Counted in characters of text, roughly. */
  readonly bytesMax: number
  /** While catching up, a batch that is not full is stored after this time. */
  readonly waitMsMax: number
  /** The same when live: 0 where somebody may wait to read it. */
  readonly liveWaitMsMax: number
  /** Positions without events, of streams that are none of ours, are saved this seldom. */
  readonly positionWaitMsMax: number
  /** When live, a position whose event belongs to another partition is saved this soon: somebody may wait to read it. */
  readonly foreignWaitMsMax: number
}

export interface CollectedBatch {
  readonly events: readonly StoredEvent[]
  readonly position: Position
}

export class DeliveryBuffer {
  readonly #limits: BatchLimits
  readonly #isOurs: (event: StoredEvent) => boolean
  #events: StoredEvent[] = []
  #hasForeign = false
  #bytes = 0
  #position: Position | undefined
  /** Of the last delivery accepted. */
  #last = -1n
  #firstAt = 0
  #isLive = false
  /** The last batch is being handled until the next one is asked for. */
  #isInHand = false
  #failure: { readonly error: unknown } | undefined
  #changed = Promise.withResolvers<void>()
  #taken = Promise.withResolvers<void>()

  constructor(limits: BatchLimits, isOurs: (event: StoredEvent) => boolean = () => true) {
    this.#limits = limits
    this.#isOurs = isOurs
  }

  /** True when everything that the log held has been delivered, taken, and handled. */
  get isCaughtUp(): boolean {
    return this.#isLive && this.#events.length === 0 && !this.#isInHand
  }

  /**
   * Pulls deliveries that are after `after` and not after `until`, until there are no more of them. Their end or failure is
   * told by `take`. Whoever names `until` knows that the log reaches so far.
   */
  async fill(deliveries: AsyncIterable<Delivery>, after: bigint, until?: Position): Promise<void> {
    this.#last = after
    try {
      for await (const delivery of deliveries) {
        const isOver = until !== undefined && isAtLeast(delivery, until)
        if (!isOver || positionOf(delivery) === until) this.#accept(delivery)
        if (isOver) {
          this.#position = until
          break
        }
        this.#changed.resolve()
        if (this.#isFull()) await this.#taken.promise
        if (this.#failure !== undefined) break
      }
      this.fail(undefined)
    } catch (error) {
      this.fail(error)
    }
  }

  /** Makes `take` reject, with undefined as a sign that the deliveries just ended. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    this.#changed.resolve()
    this.#taken.resolve()
  }

  /** Resolves with the next batch as soon as it is worth storing; undefined when the deliveries have ended. */
  async take(): Promise<CollectedBatch | undefined> {
    this.#isInHand = false
    for (;;) {
      if (this.#failure?.error !== undefined) throw this.#failure.error
      const waitMs = this.#waitMs()
      if (waitMs <= 0) {
        await nextTurn() // What came with it, such as the rest of an append, is one batch with it.
        return this.#cut()
      }
      if (this.#failure !== undefined) return this.#position === undefined ? undefined : this.#cut()
      this.#changed = Promise.withResolvers()
      await waitAtMost(this.#changed.promise, waitMs)
    }
  }

  #accept(delivery: Delivery): void {
    const position = positionOf(delivery)
    if (position === undefined) this.#isLive = true
    if (position === undefined || position <= this.#last) return // Delivered twice is handled once.
    if (this.#position === undefined) this.#firstAt = performance.now()
    this.#last = position
    this.#position = position
    if (delivery.kind !== 'event') return
    if (!this.#isOurs(delivery.event)) {
      this.#hasForeign = true
      return
    }
    this.#events.push(delivery.event)
    this.#bytes += sizeOf(delivery.event)
  }

  #isFull(): boolean {
    return this.#events.length >= this.#limits.eventsMax || this.#bytes >= this.#limits.bytesMax
  }

  /** How long what is here may wait for more; for ever when nothing is here. */
  #waitMs(): number {
    if (this.#position === undefined) return Number.POSITIVE_INFINITY
    const waitedMs = performance.now() - this.#firstAt
    if (this.#events.length === 0) {
      const { foreignWaitMsMax, positionWaitMsMax } = this.#limits
      return (this.#isLive && this.#hasForeign ? foreignWaitMsMax : positionWaitMsMax) - waitedMs
    }
    if (this.#isFull()) return 0
    return (this.#isLive ? this.#limits.liveWaitMsMax : this.#limits.waitMsMax) - waitedMs
  }

  #cut(): CollectedBatch {
    const batch = { events: this.#events, position: this.#position as Position }
    this.#isInHand = true
    this.#events = []
    this.#hasForeign = false
    this.#bytes = 0
    this.#position = undefined
    this.#taken.resolve()
    this.#taken = Promise.withResolvers()
    return batch
  }
}

/** Undefined for the sign that everything there is has been delivered. */
function positionOf(delivery: Delivery): Position | undefined {
  if (delivery.kind === 'caught-up') return undefined
  return delivery.kind === 'event' ? delivery.event.position : delivery.position
}

function isAtLeast(delivery: Delivery, position: Position): boolean {
  const reached = positionOf(delivery)
  return reached === undefined || reached >= position
}

/** What most of an event's memory is: its longest text. Close enough to bound a batch, and cheap. */
function sizeOf({ data }: StoredEvent): number {
  let size = 256
  if (typeof data !== 'object' || data === null) return size
  for (const value of Object.values(data)) if (typeof value === 'string') size += value.length
  return size
}

async function waitAtMost(changed: Promise<void>, ms: number): Promise<void> {
  if (ms === Number.POSITIVE_INFINITY) return changed
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([changed, late])
  clearTimeout(timer)
}
