/** Given what happened, when somebody wishes, then this is added: the specification of a decider, one sentence a scenario. */
import { expect, it } from 'vitest'
import type { Decider, Decision } from '../../src/commands/decision.ts'
import type { ConversationEvent } from '../../src/events/conversation-events.ts'
import type { RecordEvent } from '../../src/events/event-catalogue.ts'

/** Makes the `scenario` function of one decider. */
export function scenariosFor<State, Command, Event extends RecordEvent = ConversationEvent>({
  initialState,
  evolve,
  decide,
}: Decider<State, Command, Event>) {
  return (sentence: string) => ({
    given: (...history: Event[]) => ({
      when: (command: Command) => {
        const decision = (): Decision<Event> => decide(command, history.reduce(evolve, initialState()))
        return {
          thenAdds: (...events: Event[]) => {
            it(sentence, () => expect(decision()).toEqual({ kind: 'accept', events }))
          },
          thenNothing: () => {
            it(sentence, () => expect(decision()).toEqual({ kind: 'nothing' }))
          },
          thenRefused: (code: string) => {
            it(sentence, () => expect(decision()).toMatchObject({ kind: 'refusal', code }))
          },
        }
      },
    }),
  })
}
