/** A connected consumer: what is sent to it, what it holds, and how fast it answers. */
import { LIMITS } from '../limits.ts'
import type { OutgoingEvent } from '../protocol/read-messages.ts'
import type { Consumer, InFlight } from './delivery.ts'
import { type Latencies, LatencyWindow } from './latency-window.ts'

/** The way to a consumer. */
export interface ConsumerPort {
  send(events: readonly OutgoingEvent[]): void
  /** Waits until it takes more; false when it is gone. */
  writable(): Promise<boolean>
  /** Ends it: the group does not serve it any more. */
  drop(): void
}

export interface ConsumerIdentity {
  readonly id: string
  readonly username: string
  readonly connectionName: string
}

export interface ConsumerOptions {
  readonly identity: ConsumerIdentity
  readonly port: ConsumerPort
  /** Unanswered events it takes at most. */
  readonly slots: number
  readonly isMeasured: boolean
  readonly nowMs: number
}

export class GroupConsumer implements Consumer {
  readonly identity: ConsumerIdentity
  readonly port: ConsumerPort
  readonly slots: number
  readonly inFlight = new Map<string, InFlight>()
  readonly items: ItemCount
  isCongested = false
  readonly #latencies: LatencyWindow | undefined
  /** Bytes sent since it was last known to take them. */
  #unsentBytes = 0

  constructor({ identity, port, slots, isMeasured, nowMs }: ConsumerOptions) {
    this.identity = identity
    this.port = port
    this.slots = Math.min(slots, LIMITS.consumerSlotsMax)
    this.items = new ItemCount(nowMs)
    this.#latencies = isMeasured ? new LatencyWindow(LIMITS.groupLatenciesMax) : undefined
  }

  get id(): string {
    return this.identity.id
  }

  /** Undefined unless the group was asked to measure. */
  get latencies(): Latencies | undefined {
    return this.#latencies?.summary()
  }

  /** An event is about to be sent. With much on its way the consumer takes no more, until `onRoom` says that it has read. */
  noteSent({ event, link }: OutgoingEvent, onRoom: () => void): void {
    this.items.total += 1
    this.#unsentBytes += (event?.byteLength ?? 0) + (link?.byteLength ?? 0)
    if (this.#unsentBytes < LIMITS.outputBytesMax || this.isCongested) return
    this.isCongested = true
    setImmediate(async () => {
      await this.port.writable()
      this.isCongested = false
      this.#unsentBytes = 0
      onRoom()
    })
  }

  noteAnswered(answered: readonly InFlight[], nowMs: number): void {
    for (const { sentMs } of answered) this.#latencies?.add(nowMs - sentMs)
  }
}

/** Counts what was handed out. */
export class ItemCount {
  total = 0
  readonly #sinceMs: number
  #measured = 0

  constructor(nowMs: number) {
    this.#sinceMs = nowMs
  }

  /** Since the last time somebody asked. */
  sinceLastMeasurement(): number {
    const count = this.total - this.#measured
    this.#measured = this.total
    return count
  }

  perSecond(nowMs: number): number {
    return Math.round(this.total / Math.max(1, (nowMs - this.#sinceMs) / 1_000))
  }
}
