/** The three answers a decider can give: accept with events, refuse with a code, or find that nothing is news. */
import type { ConversationEvent } from '../events/conversation-events.ts'
import type { RecordEvent } from '../events/event-catalogue.ts'
import { type Refusal, refusal } from '../shared/failures.ts'

export type Decision<Event extends RecordEvent = ConversationEvent> =
  | { readonly kind: 'accept'; readonly events: readonly Event[] }
  | { readonly kind: 'nothing' }
  | Refusal

export const nothing: Decision<never> = { kind: 'nothing' }

export function accept<Events extends readonly RecordEvent[]>(...events: Events): Decision<Events[number]> {
  return { kind: 'accept', events }
}

export const refuse: (code: string, detail?: string) => Refusal = refusal

/** A state, how events change it, and what a command adds to it. */
export interface Decider<State, Command, Event extends RecordEvent = ConversationEvent> {
  readonly initialState: () => State
  /** May change and return the state it is given; `decide` never does. */
  readonly evolve: (state: State, event: Event) => State
  readonly decide: (command: Command, state: State) => Decision<Event>
}
