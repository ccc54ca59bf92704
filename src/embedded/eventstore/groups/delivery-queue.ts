/** Hands deliveries to consumers and takes their answers: every rule of who gets what, when and how often. Pure; time is given. */
import { type ConsumerStrategy, createStrategy } from './consumer-strategy.ts'
import { type Consumer, type Delivery, hasRoom, type InFlight } from './delivery.ts'
import type { StrategyName } from './group-settings.ts'

export interface QueueRules {
  readonly strategy: StrategyName
  /** A delivery that failed so often after the first time is given up. */
  readonly maxRetryCount: number
  /** Zero: no limit. Below: no time at all. */
  readonly messageTimeoutMs: number
  /** Deliveries in the hands of all consumers together. */
  readonly inFlightMax: number
}

/** Who has no time at all has it until somebody looks, which is once a second. */
const NO_TIME_MS = 1_000

// waiting ─► in flight ─► handled
//   ▲            │ failed (said so, took too long, or left), and not too often
//   └────────────┘ failed too often: given up, to be parked

export class DeliveryQueue<Who extends Consumer = Consumer> {
  readonly consumers: Who[] = []
  readonly #rules: QueueRules
  readonly #strategy: ConsumerStrategy
  // What failed goes out first, then what is replayed, then what is new.
  readonly #retries: Delivery[] = []
  readonly #replays: Delivery[] = []
  readonly #fresh: Delivery[] = []
  /** In the order in which they went out, which is the order in which they run out of time. */
  readonly #inFlight = new Set<InFlight>()

  constructor(rules: QueueRules) {
    this.#rules = rules
    this.#strategy = createStrategy(rules.strategy)
  }

  get freshCount(): number {
    return this.#fresh.length
  }

  get replayCount(): number {
    return this.#replays.length
  }

  get retryCount(): number {
    return this.#retries.length
  }

  get inFlightCount(): number {
    return this.#inFlight.size
  }

  /** When the next delivery runs out of time; undefined when none will. */
  get nextTimeoutMs(): number | undefined {
    const [first] = this.#inFlight
    return first && first.sentMs + this.#messageTimeoutMs < Infinity ? first.sentMs + this.#messageTimeoutMs : undefined
  }

  add(delivery: Delivery): void {
    if (delivery.place === undefined) this.#replays.push(delivery)
    else this.#fresh.push(delivery)
  }

  connect(consumer: Who): void {
    this.consumers.push(consumer)
  }

  /** The consumer left: whatever it had not answered has failed once more. Answers what is given up. */
  disconnect(consumer: Who): Delivery[] {
    const at = this.consumers.indexOf(consumer)
    if (at >= 0) this.consumers.splice(at, 1)
    return this.retry(consumer, [...consumer.inFlight.keys()])
  }

  /** Hands out what there is room for, in order. `hand` is told of each, and may find that a consumer takes no more. */
  dispatch(nowMs: number, hand: (delivery: Delivery, consumer: Who) => void): void {
    for (const list of [this.#retries, this.#replays, this.#fresh]) {
      const kept: Delivery[] = []
      let at = 0
      for (; at < list.length && this.#inFlight.size < this.#rules.inFlightMax; at += 1) {
        const delivery = list[at] as Delivery
        const consumer = this.#strategy.choose(delivery, this.consumers)
        if (!consumer && !this.consumers.some(hasRoom)) break
        // Two events of the same id cannot be told apart by their answers: the second waits for the first.
        if (!consumer || consumer.inFlight.has(delivery.id)) kept.push(delivery)
        else {
          this.#hand(delivery, consumer, nowMs)
          hand(delivery, consumer)
        }
      }
      if (at > 0) list.splice(0, at, ...kept)
    }
  }

  /** The consumer has answered for these, which are out of the queue now. Ids it does not hold mean nothing. */
  take(consumer: Who, ids: Iterable<string>): InFlight[] {
    const taken: InFlight[] = []
    for (const id of ids) {
      const held = consumer.inFlight.get(id)
      if (!held) continue
      consumer.inFlight.delete(id)
      this.#release(held)
      taken.push(held)
    }
    return taken
  }

  /** The consumer failed on these. Answers what is given up. */
  retry(consumer: Who, ids: Iterable<string>): Delivery[] {
    return this.#failAll(this.take(consumer, ids))
  }

  /** Takes back what was not answered in time. Answers what is given up. */
  expire(nowMs: number): Delivery[] {
    const late: InFlight[] = []
    for (const held of this.#inFlight) {
      if (held.sentMs + this.#messageTimeoutMs > nowMs) break
      late.push(held)
    }
    for (const held of late) {
      held.consumer.inFlight.delete(held.delivery.id)
      this.#release(held)
    }
    return this.#failAll(late)
  }

  get #messageTimeoutMs(): number {
    const { messageTimeoutMs } = this.#rules
    if (messageTimeoutMs === 0) return Infinity
    return messageTimeoutMs < 0 ? NO_TIME_MS : messageTimeoutMs
  }

  #hand(delivery: Delivery, consumer: Who, sentMs: number): void {
    const held = { delivery, consumer, sentMs }
    consumer.inFlight.set(delivery.id, held)
    this.#inFlight.add(held)
    this.#strategy.taken(delivery, consumer)
  }

  #release(held: InFlight): void {
    this.#inFlight.delete(held)
    this.#strategy.released(held.delivery)
  }

  #failAll(failed: readonly InFlight[]): Delivery[] {
    const givenUp: Delivery[] = []
    for (const { delivery } of failed) {
      if (delivery.retryCount >= this.#rules.maxRetryCount) givenUp.push(delivery)
      else this.#retry(delivery)
    }
    return givenUp
  }

  #retry(delivery: Delivery): void {
    delivery.retryCount += 1
    this.#retries.push(delivery)
  }
}
