/** Records every look at somebody's record before it is granted: who, in which role, at what, and what for. */

import type { AccessEvent } from '../events/access-events.ts'
import type { Codec } from '../events/codec.ts'
import { accessStream } from '../events/stream-names.ts'
import type { Clock } from '../shared/clock.ts'
import { Fault } from '../shared/failures.ts'
import { mintId, type Position } from '../shared/ids.ts'
import type { EventStore } from '../store/event-store.ts'

export type Look = AccessEvent['data']

/** Durable when it resolves; what cannot be recorded may not be shown. Throws `store-unavailable`. */
export type RecordLook = (look: Look) => Promise<Position>

export interface AccessRecorderParts {
  readonly store: Pick<EventStore, 'append'>
  readonly codec: Codec
  readonly clock: Clock
}

export function createAccessRecorder({ store, codec, clock }: AccessRecorderParts): RecordLook {
  return async (look) => {
    const now = clock()
    const stream = accessStream(now)
    const lookId = mintId()
    const envelope = {
      schemaVersion: 1,
      occurredAt: now.toISOString(),
      actor: { kind: look.role === 'auditor' ? 'auditor' : 'operator', id: look.who },
      $correlationId: lookId,
      $causationId: lookId,
      commandId: lookId,
    } as const
    const event = { type: 'RecordsAccessed', data: look } as const
    const encoded = await codec.encode(stream, event, envelope, { index: 0, person: undefined })
    const result = await store.append(stream, [encoded], 'any')
    if (result.kind === 'conflict') throw new Fault('store-refused', { doing: 'recording a look', stream })
    return result.position
  }
}
