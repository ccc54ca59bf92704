/** A record to project from: events in log order, delivered as a subscription delivers them. */
import { createCodec, type StoredEvent } from '../../../src/events/codec.ts'
import type { RecordEvent } from '../../../src/events/event-catalogue.ts'
import { eventIdOf } from '../../../src/events/stream-names.ts'
import { type Position, toPosition, toRevision } from '../../../src/shared/ids.ts'
import type { AllSubscription, Delivery } from '../../../src/store/event-store.ts'
import { envelope, stream as exampleStream } from '../../support/examples.ts'

export const codec = createCodec()
const FIRST_SECOND = Date.parse('2026-11-23T19:00:00.000Z')

/** Positions grow by more than one, as in a real log. */
export const positionOf = (index: number): Position => toPosition(100 + index * 10)

export class TestRecord {
  readonly events: StoredEvent[] = []
  readonly #revisions = new Map<string, number>()
  #grown = Promise.withResolvers<void>()

  /** Adds events to a stream, one second apart; returns the position of the last one. */
  append(events: readonly RecordEvent[], stream: string = exampleStream): Position {
    for (const event of events) {
      const index = this.events.length
      const revision = this.#revisions.get(stream) ?? 0
      const occurredAt = new Date(FIRST_SECOND + index * 1_000).toISOString()
      const commandId = `c${index}`
      const metadata = envelope({ occurredAt, commandId })
      const eventId = eventIdOf(stream, commandId, 0)
      this.add({ ...event, metadata, eventId, stream, revision: toRevision(revision), position: positionOf(index) })
      this.#revisions.set(stream, revision + 1)
    }
    return this.last
  }

  /** Adds an event just as it is, decodable or not. */
  add(event: Omit<StoredEvent, 'created'>): void {
    this.events.push({ ...event, created: new Date(FIRST_SECOND + this.events.length * 1_000) })
    this.#grown.resolve()
    this.#grown = Promise.withResolvers()
  }

  get last(): Position {
    return positionOf(this.events.length - 1)
  }

  readonly lastPosition = async (): Promise<Position | undefined> => this.events.at(-1)?.position

  readonly subscribeToAll = (subscription: AllSubscription): AsyncIterable<Delivery> => this.#follow(subscription)

  async *#follow({ after, signal }: AllSubscription): AsyncGenerator<Delivery> {
    const ended = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    let next = this.events.findIndex(({ position }) => typeof after !== 'bigint' || position > after)
    if (next === -1) next = this.events.length
    while (!signal.aborted) {
      const grown = this.#grown.promise
      for (; next < this.events.length && !signal.aborted; next += 1) {
        yield { kind: 'event', event: this.events[next] as StoredEvent }
      }
      if (signal.aborted) return
      yield { kind: 'caught-up' }
      await Promise.race([grown, ended])
    }
  }
}
