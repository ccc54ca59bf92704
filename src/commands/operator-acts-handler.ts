/** Puts acts on the read models into the record, each once: they have happened, so there is nothing to refuse. */
import type { Codec } from '../events/codec.ts'
import type { Actor } from '../events/envelope.ts'
import type { OperatorEvent } from '../events/operator-events.ts'
import { projectionStream } from '../events/stream-names.ts'
import type { Clock } from '../shared/clock.ts'
import type { EventStore } from '../store/event-store.ts'
import { createCommandHandler } from './command-handler.ts'
import { accept, type Decider } from './decision.ts'

/** The read models of chats: all generations share one stream of acts. */
const CHAT_READ_MODELS = 'chat'
/** Apart from the acts, so that the last result is the last event. */
const COMPARISONS = 'comparisons'

/** Where it stands in which state the read models were found. */
export const comparisonsStream = projectionStream(COMPARISONS)

/** How many acts there are; the handler itself knows which of them it has seen. */
type Acts = { readonly count: number }

const actDecider: Decider<Acts, OperatorEvent, OperatorEvent> = {
  initialState: () => ({ count: 0 }),
  evolve: ({ count }) => ({ count: count + 1 }),
  decide: (act) => accept(act),
}

/** Repeating an act with the same id appends nothing. Throws what the command handler throws. */
export function createActRecorder(parts: {
  readonly store: Pick<EventStore, 'append' | 'readStream'>
  readonly codec: Codec
  readonly clock: Clock
}) {
  const handler = createCommandHandler<Acts, OperatorEvent, OperatorEvent>({
    ...parts,
    decider: actDecider,
    personOf: () => undefined,
  })
  return async (act: { readonly actId: string; readonly event: OperatorEvent; readonly by: Actor }): Promise<void> => {
    const context = { commandId: act.actId, actor: act.by, correlationId: act.actId, causationId: act.actId }
    const stream = act.event.type === 'ReadModelsCompared' ? comparisonsStream : projectionStream(CHAT_READ_MODELS)
    await handler.handle(stream, act.event, context)
  }
}
