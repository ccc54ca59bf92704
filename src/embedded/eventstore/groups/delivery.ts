/** One event on its way to a group's consumers, until one of them has answered for it. */
import type { LogRecord } from '../storage/event-log.ts'

export interface Delivery {
  /** What consumers answer with: the id of the record that was read, which is the link's where there is one. */
  readonly id: string
  /** Where that record stands. */
  readonly stream: string
  readonly revision: number
  /** Deliveries with the same pin go to the same consumer, under strategies that pin. */
  readonly pin: string
  /** Where it stands in what the group reads; undefined for a parked message that is replayed. */
  readonly place: number | undefined
  /** How often it was handed out without success. */
  retryCount: number
  /** Kept only until it is handed out for the first time, and only within limits; read again when it is needed. */
  record: LogRecord | undefined
}

/** A delivery in a consumer's hands. */
export interface InFlight {
  readonly delivery: Delivery
  readonly consumer: Consumer
  readonly sentMs: number
}

/** What the queue knows of a consumer. */
export interface Consumer {
  readonly id: string
  /** How many unanswered deliveries it takes. */
  readonly slots: number
  readonly inFlight: Map<string, InFlight>
  /** It does not read as fast as it is given. */
  readonly isCongested: boolean
}

export function hasRoom(consumer: Consumer): boolean {
  return consumer.inFlight.size < consumer.slots && !consumer.isCongested
}
