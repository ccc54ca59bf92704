/** Follows links: an event of type `$>` whose data is `revision@stream` stands for another event. */
import { decodeContent } from '../protocol/recorded-event.ts'
import type { LogRecord } from '../storage/event-log.ts'
import type { EventStore } from './event-store.ts'

export const LINK_TYPE = '$>'

/** An event as a reader gets it. A link whose target cannot be seen has no event. */
export interface ResolvedRecord {
  readonly event: LogRecord | undefined
  readonly link: LogRecord | undefined
  /** The record that stands in what is read: the link, where there is one. */
  readonly original: LogRecord
}

/** Resolves one link, not a chain of them; what is not a well-formed link stays a plain event. */
export function resolveLink(store: EventStore, record: LogRecord): ResolvedRecord {
  const target = record.type === LINK_TYPE ? parseLink(decodeContent(record.body).data.toString('utf8')) : undefined
  if (!target) return plain(record)
  return { event: store.visibleEvent(target.stream, target.revision), link: record, original: record }
}

export function plain(record: LogRecord): ResolvedRecord {
  return { event: record, link: undefined, original: record }
}

/** `-1@stream` means its last event. */
function parseLink(text: string): { stream: string; revision: number } | undefined {
  const [, revision, stream] = /^([+-]?\d+)@([\s\S]+)$/.exec(text) ?? []
  return revision === undefined || stream === undefined ? undefined : { stream, revision: Number(revision) }
}
