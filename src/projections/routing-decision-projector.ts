/** One row for each routed turn, with what a person said about it later. */
import type { DataOf } from '../events/conversation-events.ts'
import type { Projector } from './projector.ts'
import { routingDecisionModel, type StoredRoutingDecision } from './routing-decision-read-model.ts'

export const routingDecisionProjector: Projector<StoredRoutingDecision> = {
  model: routingDecisionModel,

  rowNameOf: (event) =>
    event.type === 'IntentRouted' || event.type === 'IntentCorrected' ? event.data.turnId : undefined,

  isFirst: (event) => event.type === 'IntentRouted',

  project(row, event, { conversation: { conversationId, ownerId } }) {
    const at = event.envelope.occurredAt
    switch (event.type) {
      case 'IntentRouted':
        return {
          ...decisionOf(event.data),
          conversationId,
          ownerId,
          routedAt: at,
          correctedIntent: null,
          correctedAt: null,
        }
      case 'IntentCorrected':
        return row && { ...row, correctedIntent: event.data.intent, correctedAt: at }
      default:
        return row
    }
  },
}

/** Rules and words stand in one list, rules first. */
function decisionOf({ rules, evidence, context: _context, clarify: _clarify, ...decision }: DataOf<'IntentRouted'>) {
  const spoken = rules.map((name) => ({ kind: 'rule', name, weight: 1 }))
  return { ...decision, evidence: [...spoken, ...evidence] }
}
