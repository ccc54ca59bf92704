/** All projectors, in the order in which they see an event, and the version of what they make together. */
import type { RecordedEvent } from '../events/codec.ts'
import { conversationModel } from './conversation-read-model.ts'
import { eventIndexProjector, personEventIndexProjector } from './event-index-projector.ts'
import { feedbackEventProjector } from './feedback-event-projector.ts'
import { feedbackProjector } from './feedback-projector.ts'
import { messageProjector } from './message-projector.ts'
import { profileFactProjector } from './profile-fact-projector.ts'
import { projectProjector } from './project-projector.ts'
import type { PersonProjector, Projector } from './projector.ts'
import type { ReadModel } from './read-model.ts'
import { routingDecisionProjector } from './routing-decision-projector.ts'
import { turnProjector } from './turn-projector.ts'

/** One more whenever a projector or a table changes: the same events then give other rows, and a new generation is due. */
export const PROJECTORS_VERSION = 8

/** Besides the projector of conversations, which decides whether the others see an event at all. */
export const projectors = [
  messageProjector,
  routingDecisionProjector,
  turnProjector,
  feedbackProjector,
  feedbackEventProjector,
  eventIndexProjector,
] as unknown as readonly Projector[]

/** The projectors of people's own streams; they see every event of them. */
export const personProjectors = [
  profileFactProjector,
  projectProjector,
  personEventIndexProjector,
] as unknown as readonly PersonProjector[]

/** Each once, also the one that events of conversations and of people get into. */
export const readModels = [
  ...new Set<unknown>([conversationModel, ...[...projectors, ...personProjectors].map(({ model }) => model)]),
] as readonly ReadModel[]

export function turnNameOf(event: RecordedEvent): string | undefined {
  return turnProjector.rowNameOf(event)
}
