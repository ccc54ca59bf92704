/** The table of routing decisions: why each turn went where it went. */
import type { DataOf } from '../events/conversation-events.ts'
import type { ReadModel } from './read-model.ts'

type Routed = DataOf<'IntentRouted'>

export interface StoredRoutingDecision {
  readonly conversationId: string
  readonly turnId: string
  readonly ownerId: string
  readonly intent: string
  readonly agent: string
  readonly method: string
  readonly confidence: number
  readonly candidates: Routed['candidates']
  readonly evidence: Routed['evidence']
  readonly guard: string | null
  readonly routerVersion: string
  readonly tookMs: number
  readonly routedAt: string
  readonly correctedIntent: string | null
  readonly correctedAt: string | null
}

export const routingDecisionModel: ReadModel<StoredRoutingDecision> = {
  name: 'routing_decision',
  about: 'One row for each routed turn: the decision, what else was possible, and why.',
  key: ['conversationId', 'turnId'],
  columns: {
    conversationId: { type: 'uuid', about: 'The conversation it belongs to.' },
    turnId: { type: 'uuid', about: 'The turn that was routed.' },
    ownerId: { type: 'text', about: 'The person whose conversation it is.' },
    intent: { type: 'text', about: 'What the message was taken to be about.' },
    agent: { type: 'text', about: 'The agent it was given to.' },
    method: { type: 'text', about: 'How it was decided: override, continuation, rule, model, llm, fallback or guard.' },
    confidence: { type: 'double precision', about: 'How sure the router was, 0 to 1.' },
    candidates: { type: 'jsonb', about: 'All intents that were considered: a list of {intent, probability}.' },
    evidence: { type: 'jsonb', isContent: true, about: 'What spoke for and against: a list of {kind, name, weight}.' },
    guard: { type: 'text', about: 'The rule that guards people and took over; null when none did.' },
    routerVersion: { type: 'text', about: 'The version of the router that decided.' },
    tookMs: { type: 'double precision', about: 'Milliseconds that the decision took.' },
    routedAt: { type: 'timestamptz', about: 'When it was decided.' },
    correctedIntent: { type: 'text', about: 'What it was really about, as a person said later; null when nobody did.' },
    correctedAt: { type: 'timestamptz', about: 'When it was last corrected.' },
  },
}
