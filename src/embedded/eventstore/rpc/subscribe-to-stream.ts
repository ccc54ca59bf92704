/** A subscription to one stream: what may be seen of its history, then everything that is written to it. */
import { randomUUID } from 'node:crypto'
import { LIMITS } from '../limits.ts'
import { encodeCaughtUp, encodeConfirmation, encodeFellBehind } from '../protocol/read-messages.ts'
import { type LogRecord, RECORD_FLAGS } from '../storage/event-log.ts'
import { metastreamOf } from '../streams/stream-metadata.ts'
import { readStreamSlices } from '../streams/stream-reader.ts'
import { WakeUp } from '../streams/wake-ups.ts'
import { type Reading, type StartRevision, sendRecords } from './reading.ts'
import { streamDeleted } from './rpc-failures.ts'

// confirmed ─► history ─► caught up ─► live ─► (fell behind) history …
//               │ stream not found: waits here; "caught up" follows its first events

export async function subscribeToStream(reading: Reading, stream: string, start: StartRevision): Promise<void> {
  const { store, call } = reading
  if (start !== 'end' && store.visible(stream).kind === 'deleted') throw streamDeleted(stream)
  const wakeUp = new WakeUp()
  const stops = [
    store.wakeUps.onStream(stream, wakeUp.notify),
    store.wakeUps.onStream(metastreamOf(stream), wakeUp.notify),
  ]
  call.onClose(() => {
    for (const stop of stops) stop()
    wakeUp.notify()
  })
  const subscription = new StreamSubscription(reading, stream, wakeUp)
  await subscription.run(start)
}

class StreamSubscription {
  readonly #reading: Reading
  readonly #stream: string
  readonly #wakeUp: WakeUp
  /** Revision of the next event to send. */
  #next = 0

  constructor(reading: Reading, stream: string, wakeUp: WakeUp) {
    this.#reading = reading
    this.#stream = stream
    this.#wakeUp = wakeUp
  }

  async run(start: StartRevision): Promise<void> {
    const { call, store } = this.#reading
    // Exclusive: it goes on after the revision that was seen last.
    this.#next =
      start === 'start' ? 0 : start === 'end' ? (store.log.durableHead(this.#stream)?.revision ?? -1) + 1 : start + 1
    call.send(encodeConfirmation(randomUUID()))
    if (start !== 'end') await this.#history()
    while (call.isOpen) {
      call.send(encodeCaughtUp())
      await this.#live()
      if (!call.isOpen) return
      call.send(encodeFellBehind())
      await this.#history()
    }
  }

  /** Sends what may be seen up to now; waits for a stream that does not exist yet. */
  async #history(): Promise<void> {
    const { call, store } = this.#reading
    while (call.isOpen) {
      const visible = store.visible(this.#stream)
      if (visible.kind === 'deleted') throw streamDeleted(this.#stream)
      if (visible.kind === 'not-found') {
        await this.#wakeUp.wait()
        continue
      }
      const { first, last } = visible
      const range = {
        stream: this.#stream,
        direction: 'forwards',
        from: this.#next,
        count: Infinity,
        first,
        last,
      } as const
      for (const slice of readStreamSlices(store, range)) {
        sendRecords(this.#reading, slice)
        if (!(await call.writable())) return
      }
      this.#next = Math.max(this.#next, last + 1)
      if ((store.log.durableHead(this.#stream)?.revision ?? -1) <= last) return
    }
  }

  /** Sends what is written, whether it may still be seen or not; returns when the reader is too slow, or gone. */
  async #live(): Promise<void> {
    const { call, store } = this.#reading
    while (call.isOpen) {
      const bounds = { countMax: LIMITS.sliceRecords, bytesMax: LIMITS.sliceBytes }
      const records = store.log.readStream(this.#stream, { from: this.#next, direction: 'forwards', ...bounds })
      if (records.length === 0) {
        await this.#wakeUp.wait()
        continue
      }
      sendRecords(this.#reading, records)
      this.#next = (records.at(-1) as LogRecord).revision + 1
      if (!(await call.writable())) return
      if (call.hasWaited && this.#lag > LIMITS.liveLagRecordsMax) return
      if ((records.at(-1)?.flags ?? 0) & RECORD_FLAGS.tombstone) throw streamDeleted(this.#stream)
    }
  }

  /** Events written and not sent yet. */
  get #lag(): number {
    return (this.#reading.store.log.durableHead(this.#stream)?.revision ?? -1) - this.#next + 1
  }
}
