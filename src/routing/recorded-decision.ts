/** Puts a routing decision the way the record keeps it: rules open, and what names words of the message apart from them. */
import type { DataOf } from '../events/conversation-events.ts'
import type { RoutingDecision } from './routing-decision.ts'

export function recordedDecision(decision: RoutingDecision): Omit<DataOf<'IntentRouted'>, 'turnId' | 'tookMs'> {
  const { candidates, evidence, clarify, ...rest } = decision
  return {
    ...rest,
    candidates: [...candidates],
    rules: evidence.filter(({ kind }) => kind === 'rule').map(({ name }) => name),
    evidence: evidence.filter(({ kind }) => kind !== 'rule'),
    ...(clarify !== undefined && { clarify: [...clarify] }),
  }
}
