/** Given what happened, when somebody wishes, then this is added: the specification of a decider, one sentence a scenario. */
import { expect, it } from 'vitest'
import type { Decider, Decision } from '../../src/commands/decision.ts'
import type { ConversationEvent } from '../../src/events/conversation-events.ts'

/** Makes the `scenario` function of one decider. */
export function scenariosFor<State, Command>({ initialState, evolve, decide }: Decider<State, Command>) {
  return (sentence: string) => ({
    given: (...history: ConversationEvent[]) => ({
      when: (command: Command) => {
        const decision = (): Decision => decide(command, history.reduce(evolve, initialState()))
        return {
          thenAdds: (...events: ConversationEvent[]) => {
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
