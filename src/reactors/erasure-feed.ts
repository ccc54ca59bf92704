/** Lets every process forget what it has in memory of text that was erased, with its person or by age, wherever that was done. */
import type { Codec } from '../events/codec.ts'
import { RETENTION_CATEGORY_PREFIX, USER_CATEGORY_PREFIX } from '../events/stream-names.ts'
import type { Position } from '../shared/ids.ts'
import type { Logger } from '../shared/logger.ts'
import { pause } from '../shared/waiting.ts'
import type { EventReader } from '../store/event-store.ts'

const RECONNECT_DELAY_MS = 500

export interface ErasureFeedParts {
  readonly reader: Pick<EventReader, 'subscribeToAll'>
  readonly codec: Pick<Codec, 'forgetKeys'>
  readonly logger: Logger
  readonly onErased: () => void
}

const ERASING: readonly string[] = ['PersonErased', 'RetentionApplied']

/** Follows erasures after a position until the signal aborts. */
export async function followErasures(
  parts: ErasureFeedParts,
  signal: AbortSignal,
  start: Position | 'start',
): Promise<void> {
  let after: Position | 'start' = start
  while (!signal.aborted) {
    try {
      const all = { after, streamPrefixes: [USER_CATEGORY_PREFIX, RETENTION_CATEGORY_PREFIX], signal }
      for await (const delivery of parts.reader.subscribeToAll(all)) {
        if (delivery.kind === 'checkpoint') after = delivery.position
        if (delivery.kind !== 'event') continue
        after = delivery.event.position
        if (!ERASING.includes(delivery.event.type)) continue
        parts.codec.forgetKeys()
        parts.onErased()
      }
    } catch (error) {
      if (!signal.aborted) parts.logger.warn({ error: String(error) }, 'lost the feed of erasures, reconnecting')
    }
    await pause(RECONNECT_DELAY_MS, signal)
  }
}
