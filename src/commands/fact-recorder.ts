/** Puts what has happened already into the record, each fact once: there is nothing to decide, and so nothing to refuse. */
import type { Codec } from '../events/codec.ts'
import type { RecordEvent } from '../events/event-catalogue.ts'
import { assert } from '../shared/assert.ts'
import type { Clock } from '../shared/clock.ts'
import { isRefusal } from '../shared/failures.ts'
import type { Position } from '../shared/ids.ts'
import type { EventStore } from '../store/event-store.ts'
import { type CommandContext, createCommandHandler } from './command-handler.ts'
import { accept, type Decider } from './decision.ts'

export interface FactRecorderParts {
  readonly store: Pick<EventStore, 'append' | 'readStream'>
  readonly codec: Codec
  readonly clock: Clock
}

/** Repeating a fact under the same command id appends nothing and gives the same position. Throws what the command handler throws. */
export type RecordFact<Event extends RecordEvent> = (
  stream: string,
  event: Event,
  context: CommandContext,
) => Promise<Position>

export function createFactRecorder<Event extends RecordEvent>(parts: FactRecorderParts): RecordFact<Event> {
  const decider: Decider<null, Event, Event> = {
    initialState: () => null,
    evolve: (state) => state,
    decide: (event) => accept(event),
  }
  const handler = createCommandHandler({ ...parts, decider, personOf: () => undefined })
  return async (stream, event, context) => {
    const outcome = await handler.handle(stream, event, context)
    assert(!isRefusal(outcome), 'what has happened is not refused')
    return outcome.position
  }
}
