/** A subscription to everything, filtered or not: history, then what becomes durable, with checkpoints on the way. */
import { randomUUID } from 'node:crypto'
import { LIMITS } from '../limits.ts'
import { encodeCaughtUp, encodeCheckpoint, encodeConfirmation, encodeFellBehind } from '../protocol/read-messages.ts'
import { POSITION_STEP } from '../protocol/recorded-event.ts'
import type { RecordHeader } from '../storage/event-log.ts'
import { type EventFilter, UnusableFilter } from '../streams/event-filter.ts'
import { visibleInAll } from '../streams/stream-reader.ts'
import { WakeUp } from '../streams/wake-ups.ts'
import { type Reading, type StartPosition, sendRecords } from './reading.ts'
import { badRequest } from './rpc-failures.ts'

/** Events considered between two checkpoints, unless the client says otherwise. */
const WINDOW_DEFAULT = 32

export async function subscribeToAll(
  reading: Reading,
  start: StartPosition,
  filter: EventFilter | undefined,
): Promise<void> {
  const { store, call } = reading
  const wakeUp = new WakeUp()
  const stop = store.wakeUps.onAll(wakeUp.notify)
  call.onClose(() => {
    stop()
    wakeUp.notify()
  })
  await new AllSubscription(reading, wakeUp, filter).run(start)
}

class AllSubscription {
  readonly #reading: Reading
  readonly #wakeUp: WakeUp
  readonly #matches: (header: RecordHeader) => boolean
  /** Events from one checkpoint to the next; Infinity without a filter, which needs none. */
  readonly #interval: number
  #untilCheckpoint: number
  /** Position of the next record to consider. */
  #next = 0

  constructor(reading: Reading, wakeUp: WakeUp, filter: EventFilter | undefined) {
    this.#reading = reading
    this.#wakeUp = wakeUp
    this.#matches = guarded(filter)
    this.#interval = checkpointInterval(reading)
    this.#untilCheckpoint = this.#interval
  }

  async run(start: StartPosition): Promise<void> {
    const { call, store } = this.#reading
    const end = store.log.durableEnd
    // Exclusive, and never beyond the end: what comes next is always heard.
    this.#next = start === 'start' ? 0 : start === 'end' ? end : Math.min(Math.floor(start / POSITION_STEP) + 1, end)
    call.send(encodeConfirmation(randomUUID()))
    for (;;) {
      await this.#pass(Infinity)
      if (!call.isOpen) return
      call.send(encodeCaughtUp())
      await this.#live()
      if (!call.isOpen) return
      call.send(encodeFellBehind())
    }
  }

  /** Returns when the reader is too slow, or gone. */
  async #live(): Promise<void> {
    while (this.#reading.call.isOpen) {
      if (!(await this.#pass(LIMITS.liveLagRecordsMax))) return
      await this.#wakeUp.wait()
    }
  }

  /** Sends everything up to the end; false when its reader is slow and lags by more than `lagMax`, or is gone. */
  async #pass(lagMax: number): Promise<boolean> {
    const { call, store } = this.#reading
    while (this.#next < store.log.durableEnd) {
      this.#slice()
      if (!(await call.writable())) return false
      if (call.hasWaited && store.log.durableEnd - this.#next > lagMax) return false
      await new Promise(setImmediate) // Others come in between two slices.
    }
    return call.isOpen
  }

  #slice(): void {
    const { call, store } = this.#reading
    const slice = store.log.readAll({
      from: this.#next,
      direction: 'forwards',
      countMax: LIMITS.sliceRecords,
      bytesMax: LIMITS.sliceBytes,
      consideredMax: Math.min(this.#untilCheckpoint, LIMITS.sliceConsidered),
      matches: this.#matches,
    })
    sendRecords(this.#reading, slice.records)
    this.#next = slice.next
    this.#untilCheckpoint -= slice.considered
    if (this.#untilCheckpoint > 0 || slice.lastConsidered === undefined) return
    this.#untilCheckpoint = this.#interval
    call.send(encodeCheckpoint(slice.lastConsidered * POSITION_STEP))
  }
}

/** An expression that takes too long ends the subscription. */
function guarded(filter: EventFilter | undefined): (header: RecordHeader) => boolean {
  const matches = visibleInAll(filter)
  return (header) => {
    try {
      return matches(header)
    } catch (error) {
      if (error instanceof UnusableFilter) throw badRequest(`unusable filter: ${error.message}`)
      throw error
    }
  }
}

function checkpointInterval({ request }: Reading): number {
  if (!request.filter) return Infinity
  const { window = WINDOW_DEFAULT, checkpointInterval: multiplier } = request.filter
  if (window === 0 || multiplier === 0) throw badRequest('a filter needs a window and a checkpoint interval above 0')
  return window * multiplier
}
