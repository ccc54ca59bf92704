/** Joins what the API asks of sessions with the record: what one node writes down, every node hears. */
import type { EndedSession, SessionMarks } from '../api/session-marks.ts'
import { createSessionRecord, type SessionRecordParts } from '../commands/session-record.ts'
import { type EndedSessionEvent, followEndedSessions, type SessionFeedParts } from '../reactors/session-feed.ts'

export interface RecordedSessionMarks {
  readonly marks: SessionMarks
  /** Hears of ended sessions until the signal aborts. */
  readonly follow: (signal: AbortSignal) => Promise<void>
}

type Parts = SessionRecordParts & {
  readonly store: SessionFeedParts['reader']
  readonly logger: SessionFeedParts['logger']
}

export function createSessionMarks(parts: Parts): RecordedSessionMarks {
  const record = createSessionRecord(parts)
  const listeners: ((ended: EndedSession) => void)[] = []
  /** What was heard before anybody listened; no more than the stream keeps. */
  const unheard: EndedSession[] = []
  return {
    marks: {
      take: record.take,
      end: (ended) => record.end(eventOf(ended)),
      onEnded(listener) {
        for (const ended of unheard.splice(0)) listener(ended)
        listeners.push(listener)
      },
    },
    follow: (signal) =>
      followEndedSessions(
        {
          reader: parts.store,
          codec: parts.codec,
          logger: parts.logger,
          onEnded: (event) => {
            const ended = endedOf(event)
            if (listeners.length === 0) unheard.push(ended)
            for (const listener of listeners) listener(ended)
          },
        },
        signal,
      ),
  }
}

function eventOf(ended: EndedSession): EndedSessionEvent {
  if (ended.kind === 'person') {
    const { ownerId, begunBefore } = ended
    return { type: 'SessionsEnded', data: { ownerId, begunBefore: begunBefore.toISOString() } }
  }
  const { tokenId, ownerId, expiresAt } = ended
  return { type: 'AccessTokenEnded', data: { tokenId, ownerId, expiresAt: expiresAt.toISOString() } }
}

function endedOf({ type, data }: EndedSessionEvent): EndedSession {
  if (type === 'SessionsEnded') {
    return { kind: 'person', ownerId: data.ownerId, begunBefore: new Date(data.begunBefore) }
  }
  return { kind: 'token', tokenId: data.tokenId, ownerId: data.ownerId, expiresAt: new Date(data.expiresAt) }
}
