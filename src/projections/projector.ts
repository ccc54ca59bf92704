/** A function from events to the rows of one read model: pure and deterministic, times and ids come from the event. */
import type { RecordedEvent } from '../events/codec.ts'
import type { StoredConversation } from './conversation-read-model.ts'
import type { ReadModel } from './read-model.ts'
import type { StoredTurn } from './turn-read-model.ts'

/** The rows that projectors may look at besides their own. */
export interface Surroundings {
  /** As it is after the event. */
  readonly conversation: StoredConversation
  /** The turn that the event names, as it was before the event. */
  readonly turn: StoredTurn | undefined
}

/** A projector of people's own streams. Their rows need no others; each knows the last event that it holds. */
export interface PersonProjector<Row extends object = object> {
  readonly model: ReadModel<Row>
  /** Names the row among those of the person; undefined when the event is no news to this read model. */
  readonly rowNameOf: (event: RecordedEvent) => string | undefined
  readonly isFirst: (event: RecordedEvent) => boolean
  /** The row after the event; the same row, or undefined, when nothing changes. */
  readonly project: (row: Row | undefined, event: RecordedEvent) => Row | undefined
  /** The row holds this event and what came before it: those change nothing any more. */
  readonly lastPositionOf: (row: Row) => bigint
}

/** A row that several events make. */
export interface PersonRow {
  /** From the name of the stream. */
  readonly personId: string
  readonly lastPosition: bigint
}

export interface Projector<Row extends object = object> {
  readonly model: ReadModel<Row>
  /** Each event makes a row of its own, which no later event asks for; its name inside the conversation is then of no use. */
  readonly isAppending?: true
  /** Names the row inside its conversation that the event is about; undefined when it is no news to this read model. */
  readonly rowNameOf: (event: RecordedEvent) => string | undefined
  /** True when no row can exist before this event, so that none need be looked up. */
  readonly isFirst: (event: RecordedEvent) => boolean
  /** The row after the event; the same row, or undefined, when nothing changes. */
  readonly project: (row: Row | undefined, event: RecordedEvent, surroundings: Surroundings) => Row | undefined
}
