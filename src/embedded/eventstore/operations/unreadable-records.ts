/** Tells which records nobody can read any more: deleted, truncated, too old or too many, as the stream's metadata says. */
import { LRUCache } from 'lru-cache'
import { readUnansweredReplay } from '../groups/group-streams.ts'
import { LIMITS } from '../limits.ts'
import type { RecordHeader } from '../storage/event-log.ts'
import type { EventStore } from '../streams/event-store.ts'
import { isMetastream } from '../streams/stream-metadata.ts'

export interface UnreadableRecords {
  /** True for a record that may go. A stream's last record never may: it is what the stream goes on counting from. */
  isUnreadable(header: RecordHeader): boolean
  /** To be called when no more questions come. */
  stop(): void
}

/** What was found out about a stream is kept until somebody sets metadata or closes a stream. */
export function unreadableRecords(store: EventStore): UnreadableRecords {
  const known = new LRUCache<string, { readonly first: number; readonly head: number }>({
    max: LIMITS.metadataCacheMax,
  })
  const stop = store.log.onDurable((records) => {
    if (records.some(({ stream, flags }) => isMetastream(stream) || flags !== 0)) known.clear()
  })
  return {
    isUnreadable({ stream, revision }) {
      const bounds = known.get(stream) ?? boundsOf(store, stream)
      known.set(stream, bounds)
      return revision < bounds.first && revision < bounds.head
    },
    stop,
  }
}

/** The first revision that may be seen, or is still being replayed to a group; and the last one there is. */
function boundsOf(store: EventStore, stream: string): { first: number; head: number } {
  const head = store.log.durableHead(stream)?.revision ?? 0
  const visible = store.visible(stream)
  const first = visible.kind === 'found' ? visible.first : head
  return { first: Math.min(first, readUnansweredReplay(store, stream)?.from ?? first), head }
}
