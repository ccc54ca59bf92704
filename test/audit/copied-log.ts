/** A copy of a log that a cheat has in hand: everything a reader answers comes from it, and any event may be changed. */
import type { StoredEvent } from '../../src/events/codec.ts'
import { type Position, toPosition } from '../../src/shared/ids.ts'
import type { Delivery, EventReader } from '../../src/store/event-store.ts'

export class CopiedLog {
  events: StoredEvent[]

  constructor(events: readonly StoredEvent[]) {
    this.events = [...events]
  }

  static async of(reader: EventReader): Promise<CopiedLog> {
    const ending = new AbortController()
    const events: StoredEvent[] = []
    for await (const delivery of reader.subscribeToAll({ after: 'start', streamPattern: '.', signal: ending.signal })) {
      if (delivery.kind === 'caught-up') break
      if (delivery.kind === 'event') events.push(delivery.event)
    }
    ending.abort()
    return new CopiedLog(events)
  }

  change(index: number, change: (event: StoredEvent) => StoredEvent): void {
    const event = this.events[index]
    if (event === undefined) throw new Error(`no event ${index}`)
    this.events[index] = change(event)
  }

  indexOf(type: string, nth = 0): number {
    const found = this.events.flatMap((event, index) => (event.type === type ? [index] : []))[nth]
    if (found === undefined) throw new Error(`no ${type} ${nth}`)
    return found
  }

  readonly reader: EventReader = {
    readStream: (stream, { from } = {}) => this.#stream(stream, from ?? 0n),
    readStreamBackwards: async (stream, limit) =>
      this.events
        .filter((event) => event.stream === stream)
        .slice(-limit)
        .reverse(),
    subscribeToAll: ({ after, streamPattern = '.' }) => this.#all(after, new RegExp(streamPattern)),
    subscribeToStream: (stream) => this.#stream(stream, 0n),
    lastPosition: async () => this.events.at(-1)?.position,
  }

  async *#stream(stream: string, from: bigint): AsyncGenerator<StoredEvent> {
    for (const event of this.events) if (event.stream === stream && event.revision >= from) yield event
  }

  async *#all(after: Position | 'start' | 'end', pattern: RegExp): AsyncGenerator<Delivery> {
    const position = typeof after === 'bigint' ? after : toPosition(after === 'end' ? 2n ** 63n : -1n)
    for (const event of this.events) {
      if (event.position > position && pattern.test(event.stream)) yield { kind: 'event', event }
    }
    yield { kind: 'caught-up' }
  }
}
