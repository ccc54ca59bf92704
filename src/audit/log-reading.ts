/** Reads the whole log, or what comes after a position, as far as it goes when the reading begins. */
import type { StoredEvent } from '../events/codec.ts'
import type { Position } from '../shared/ids.ts'
import type { EventReader } from '../store/event-store.ts'

export interface LogRange {
  readonly after: Position | 'start'
  /** A pattern of streams' names, without look-ahead. */
  readonly streamPattern: string
  readonly signal?: AbortSignal
  /** Told how far the server has looked, also where nothing fits. */
  readonly onConsidered?: (position: Position) => void
}

type LogReader = Pick<EventReader, 'subscribeToAll' | 'lastPosition'>

/** Yields in log order. Throws `store-unavailable` when the store goes away. */
export async function* readLog(reader: LogReader, range: LogRange): AsyncGenerator<StoredEvent> {
  const last = await reader.lastPosition()
  if (last === undefined || (range.after !== 'start' && range.after >= last)) return
  const ending = new AbortController()
  const signal = range.signal === undefined ? ending.signal : AbortSignal.any([range.signal, ending.signal])
  try {
    for await (const delivery of reader.subscribeToAll({ ...range, signal })) {
      if (delivery.kind === 'caught-up') return
      const position = delivery.kind === 'event' ? delivery.event.position : delivery.position
      if (position > last) return
      range.onConsidered?.(position)
      if (delivery.kind === 'event') yield delivery.event
      if (position === last) return
    }
  } finally {
    ending.abort()
  }
}
