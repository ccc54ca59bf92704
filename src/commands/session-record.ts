/** Writes down which connection tokens are taken and which sessions ended: the store decides races between nodes, once. */
import type { Codec } from '../events/codec.ts'
import type { Envelope } from '../events/envelope.ts'
import type { SessionEvent } from '../events/session-events.ts'
import { ENDED_SESSIONS_STREAM, takenTokensStream } from '../events/stream-names.ts'
import type { Clock } from '../shared/clock.ts'
import { Fault } from '../shared/failures.ts'
import { mintId, type Revision } from '../shared/ids.ts'
import type { EventStore } from '../store/event-store.ts'

/** Tokens live a minute: so many may be taken in that time on one of the streams before the oldest is forgotten too soon. */
const TAKEN_TOKENS_PER_STREAM_MAX = 4_096
/** Ended sessions that are remembered; the newest win. */
const ENDED_SESSIONS_MAX = 100_000
/** How often a token is tried anew because another node wrote to the same stream first. */
const CONFLICTS_MAX = 20

export interface SessionRecord {
  /** True for the first that takes the token. Throws `store-unavailable` (it may or may not be taken) and `conflict-persists`. */
  readonly take: (tokenId: string, expiresAt: Date) => Promise<boolean>
  /** Throws `store-unavailable`. */
  readonly end: (event: Extract<SessionEvent, { type: 'AccessTokenEnded' | 'SessionsEnded' }>) => Promise<void>
}

export interface SessionRecordParts {
  readonly store: Pick<EventStore, 'append' | 'readStream' | 'setStreamMaxCount'>
  readonly codec: Codec
  readonly clock: Clock
}

/** What is known of one stream of taken tokens. */
interface Taken {
  revision: Revision | undefined
  readonly expiryMsByToken: Map<string, number>
  /** The last take of this process: they pass one after the other. */
  last: Promise<unknown>
}

export function createSessionRecord({ store, codec, clock }: SessionRecordParts): SessionRecord {
  const takenByStream = new Map<string, Taken>()
  let isEndedStreamBounded = false

  return {
    take(tokenId, expiresAt) {
      const stream = takenTokensStream(tokenId)
      const taken = takenByStream.get(stream) ?? {
        revision: undefined,
        expiryMsByToken: new Map(),
        last: Promise.resolve(),
      }
      takenByStream.set(stream, taken)
      const mine = taken.last.then(() => takeFrom(stream, taken, tokenId, expiresAt))
      taken.last = mine.catch(() => {
        takenByStream.delete(stream) // An append of unknown outcome makes what we know a guess.
      })
      return mine
    },

    async end(event) {
      if (!isEndedStreamBounded) await store.setStreamMaxCount(ENDED_SESSIONS_STREAM, ENDED_SESSIONS_MAX)
      isEndedStreamBounded = true
      await append(ENDED_SESSIONS_STREAM, event, 'any')
    },
  }

  async function takeFrom(stream: string, taken: Taken, tokenId: string, expiresAt: Date): Promise<boolean> {
    for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts += 1) {
      if (conflicts > 0 || taken.revision === undefined) await catchUp(stream, taken)
      forgetExpired(taken, clock().getTime())
      if (taken.expiryMsByToken.has(tokenId)) return false
      if (taken.revision === undefined) await store.setStreamMaxCount(stream, TAKEN_TOKENS_PER_STREAM_MAX)
      const data = { tokenId, expiresAt: expiresAt.toISOString() }
      const result = await append(stream, { type: 'ConnectionTokenTaken', data }, taken.revision ?? 'no-stream')
      if (result.kind === 'conflict') continue
      taken.revision = result.revision
      taken.expiryMsByToken.set(tokenId, expiresAt.getTime())
      return true
    }
    throw new Fault('conflict-persists', { stream, tries: CONFLICTS_MAX })
  }

  async function catchUp(stream: string, taken: Taken): Promise<void> {
    const from = taken.revision === undefined ? {} : { from: (taken.revision + 1n) as Revision }
    for await (const stored of store.readStream(stream, from)) {
      const event = await codec.decode(stored)
      taken.revision = event.revision
      if (event.type !== 'ConnectionTokenTaken') continue
      taken.expiryMsByToken.set(event.data.tokenId, Date.parse(event.data.expiresAt))
    }
  }

  async function append(stream: string, event: SessionEvent, expected: Revision | 'no-stream' | 'any') {
    const commandId = mintId()
    const envelope: Envelope = {
      schemaVersion: 1,
      occurredAt: clock().toISOString(),
      actor: { kind: 'system', id: 'sessions' },
      $correlationId: commandId,
      $causationId: commandId,
      commandId,
    }
    return await store.append(
      stream,
      [await codec.encode(stream, event, envelope, { index: 0, person: undefined })],
      expected,
    )
  }
}

function forgetExpired({ expiryMsByToken }: Taken, nowMs: number): void {
  for (const [tokenId, expiryMs] of expiryMsByToken) if (expiryMs <= nowMs) expiryMsByToken.delete(tokenId)
}
