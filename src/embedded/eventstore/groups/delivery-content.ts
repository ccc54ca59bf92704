/** What a delivery carries: its record, what that stands for, and where it is pinned. */
import type { OutgoingEvent } from '../protocol/read-messages.ts'
import { decodeContent, POSITION_STEP } from '../protocol/recorded-event.ts'
import type { LogRecord } from '../storage/event-log.ts'
import type { EventStore } from '../streams/event-store.ts'
import { plain, type ResolvedRecord, resolveLink } from '../streams/link-resolver.ts'
import type { Delivery } from './delivery.ts'
import type { StrategyName } from './group-settings.ts'

/** The delivery's record, read again when it was not kept; undefined when a compaction took it away. */
export function recordOf(store: EventStore, { record, stream, revision }: Delivery): LogRecord | undefined {
  if (record) return record
  const [found] = store.log.readStream(stream, { from: revision, direction: 'forwards', countMax: 1, bytesMax: 1 })
  return found?.revision === revision ? found : undefined
}

/** Parked messages are links to what was parked, and are followed whatever the group does with other links. */
export function resolve(
  store: EventStore,
  delivery: Delivery,
  record: LogRecord,
  isResolving: boolean,
): ResolvedRecord {
  return isResolving || delivery.place === undefined ? resolveLink(store, record) : plain(record)
}

export function toOutgoing({ event, link, original }: ResolvedRecord, retryCount: number): OutgoingEvent {
  return { event: event?.body, link: link?.body, position: original.position * POSITION_STEP, retryCount }
}

/** What keeps events together: the stream they come from, or the correlation they belong to. */
export function pinOf(store: EventStore, strategy: StrategyName, record: LogRecord): string {
  if (strategy !== 'Pinned' && strategy !== 'PinnedByCorrelation') return ''
  const source = resolveLink(store, record).event ?? record
  return strategy === 'Pinned' ? source.stream : (correlationOf(source) ?? source.stream)
}

function correlationOf({ body }: LogRecord): string | undefined {
  try {
    const metadata: unknown = JSON.parse(decodeContent(body).metadata.toString('utf8'))
    const id = (metadata as Readonly<Record<string, unknown>> | null)?.['$correlationId']
    return typeof id === 'string' ? id : undefined
  } catch {
    return undefined
  }
}
