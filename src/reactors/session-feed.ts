/** Passes on every session that was ended, on whichever node, so that each closes its sockets and takes the token no more. */
import type { Codec } from '../events/codec.ts'
import type { SessionEvent } from '../events/session-events.ts'
import { ENDED_SESSIONS_STREAM } from '../events/stream-names.ts'
import type { Logger } from '../shared/logger.ts'
import { pause } from '../shared/waiting.ts'
import type { EventReader } from '../store/event-store.ts'

const RECONNECT_DELAY_MS = 500

export type EndedSessionEvent = Extract<SessionEvent, { type: 'AccessTokenEnded' | 'SessionsEnded' }>

export interface SessionFeedParts {
  readonly reader: Pick<EventReader, 'subscribeToStream'>
  readonly codec: Codec
  readonly logger: Logger
  /** Told of the earlier ones first; of some again after a lost connection. */
  readonly onEnded: (event: EndedSessionEvent) => void
}

/** Follows the stream of ended sessions from its start until the signal aborts. */
export async function followEndedSessions(parts: SessionFeedParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const stored of parts.reader.subscribeToStream(ENDED_SESSIONS_STREAM, { signal })) {
        const event = await parts.codec.decode(stored)
        if (event.type === 'AccessTokenEnded' || event.type === 'SessionsEnded') parts.onEnded(event)
      }
    } catch (error) {
      if (signal.aborted) return
      parts.logger.warn({ error: String(error) }, 'lost the feed of ended sessions, reconnecting')
    }
    await pause(RECONNECT_DELAY_MS, signal)
  }
}
