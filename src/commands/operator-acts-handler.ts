/** Puts acts on the read models into the record, each once: they have happened, so there is nothing to refuse. */
import type { Actor } from '../events/envelope.ts'
import type { OperatorEvent } from '../events/operator-events.ts'
import { projectionStream } from '../events/stream-names.ts'
import { createFactRecorder, type FactRecorderParts } from './fact-recorder.ts'

/** The read models of chats: all generations share one stream of acts. */
const CHAT_READ_MODELS = 'chat'
/** Apart from the acts, so that the last result is the last event. */
const COMPARISONS = 'comparisons'

/** Where it stands in which state the read models were found. */
export const comparisonsStream = projectionStream(COMPARISONS)

/** Repeating an act with the same id appends nothing. Throws what the command handler throws. */
export function createActRecorder(parts: FactRecorderParts) {
  const record = createFactRecorder<OperatorEvent>(parts)
  return async (act: { readonly actId: string; readonly event: OperatorEvent; readonly by: Actor }): Promise<void> => {
    const context = { commandId: act.actId, actor: act.by, correlationId: act.actId, causationId: act.actId }
    const stream = act.event.type === 'ReadModelsCompared' ? comparisonsStream : projectionStream(CHAT_READ_MODELS)
    await record(stream, act.event, context)
  }
}
