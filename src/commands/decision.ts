/** The three answers a decider can give: accept with events, refuse with a code, or find that nothing is news. */
import type { ConversationEvent } from '../events/conversation-events.ts'
import { type Refusal, refusal } from '../shared/failures.ts'

export type Decision =
  | { readonly kind: 'accept'; readonly events: readonly ConversationEvent[] }
  | { readonly kind: 'nothing' }
  | Refusal

export const nothing: Decision = { kind: 'nothing' }

export function accept(...events: ConversationEvent[]): Decision {
  return { kind: 'accept', events }
}

export const refuse: (code: string, detail?: string) => Decision = refusal

/** A state, how events change it, and what a command adds to it. */
export interface Decider<State, Command> {
  readonly initialState: () => State
  /** May change and return the state it is given; `decide` never does. */
  readonly evolve: (state: State, event: ConversationEvent) => State
  readonly decide: (command: Command, state: State) => Decision
}
