/** Puts what was decided about a person's record into their stream: erasures and holds have happened, so there is nothing to refuse. */
import type { Codec } from '../events/codec.ts'
import type { Actor } from '../events/envelope.ts'
import { userStream } from '../events/stream-names.ts'
import type { UserEvent } from '../events/user-events.ts'
import { assert } from '../shared/assert.ts'
import type { Clock } from '../shared/clock.ts'
import { isRefusal } from '../shared/failures.ts'
import type { Position } from '../shared/ids.ts'
import type { EventStore } from '../store/event-store.ts'
import { createCommandHandler } from './command-handler.ts'
import { accept, type Decider } from './decision.ts'

export type PrivacyEvent = Extract<UserEvent, { type: 'PersonErased' | 'LegalHoldPlaced' | 'LegalHoldLifted' }>

/** Repeating an act with the same id appends nothing and gives the same position. Throws what the command handler throws. */
export type RecordPrivacyAct = (act: {
  readonly actId: string
  readonly event: PrivacyEvent
  readonly by: Actor
}) => Promise<Position>

const decider: Decider<null, PrivacyEvent, PrivacyEvent> = {
  initialState: () => null,
  evolve: (state) => state,
  decide: (event) => accept(event),
}

export function createPrivacyRecord(parts: {
  readonly store: Pick<EventStore, 'append' | 'readStream'>
  readonly codec: Codec
  readonly clock: Clock
}): RecordPrivacyAct {
  const handler = createCommandHandler({ ...parts, decider, personOf: () => undefined })
  return async ({ actId, event, by }) => {
    const context = { commandId: actId, actor: by, correlationId: actId, causationId: actId }
    const outcome = await handler.handle(userStream(event.data.subjectId), event, context)
    assert(!isRefusal(outcome), 'what has happened is not refused')
    return outcome.position
  }
}
