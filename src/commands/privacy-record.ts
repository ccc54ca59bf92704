/** Puts what was decided about a person's record into their stream: erasures and holds have happened, so there is nothing to refuse. */
import type { Actor } from '../events/envelope.ts'
import { userStream } from '../events/stream-names.ts'
import type { UserEvent } from '../events/user-events.ts'
import type { Position } from '../shared/ids.ts'
import { createFactRecorder, type FactRecorderParts } from './fact-recorder.ts'

export type PrivacyEvent = Extract<UserEvent, { type: 'PersonErased' | 'LegalHoldPlaced' | 'LegalHoldLifted' }>

/** Repeating an act with the same id appends nothing and gives the same position. Throws what the command handler throws. */
export type RecordPrivacyAct = (act: {
  readonly actId: string
  readonly event: PrivacyEvent
  readonly by: Actor
}) => Promise<Position>

export function createPrivacyRecord(parts: FactRecorderParts): RecordPrivacyAct {
  const record = createFactRecorder<PrivacyEvent>(parts)
  return ({ actId, event, by }) => {
    const context = { commandId: actId, actor: by, correlationId: actId, causationId: actId }
    return record(userStream(event.data.subjectId), event, context)
  }
}
