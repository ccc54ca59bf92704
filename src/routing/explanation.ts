/** Tells a person in a few lines where a message went and what spoke for and against it. */
import type { RoutingDecision } from './routing-decision.ts'

const CANDIDATES_SHOWN_MAX = 3

/** Returns lines of plain text without a trailing line break. */
export function explainRoute(decision: RoutingDecision): string[] {
  const { intent, agent, method, confidence, candidates, evidence, guard, routerVersion, clarify } = decision
  const shown = candidates
    .slice(0, CANDIDATES_SHOWN_MAX)
    .map((candidate) => `${candidate.intent} ${percent(candidate.probability)}`)
  return [
    `${intent}, answered by ${agent}; decided by ${method}, ${percent(confidence)} sure`,
    `likeliest: ${shown.join(', ')}`,
    ...(clarify === undefined ? [] : [`unsure: worth asking whether it is ${clarify[0]} or ${clarify[1]}`]),
    ...evidence.map(
      ({ kind, name, weight }) =>
        `  ${weight >= 0 ? 'for    ' : 'against'}  ${kind} ${describe(name)} (${weight.toFixed(2)})`,
    ),
    `guard: ${guard}`,
    `router: ${routerVersion}`,
  ]
}

/** `^ what` and `what $` are the first and the last word. */
function describe(name: string): string {
  return `"${name}"`
}

function percent(probability: number): string {
  return `${(probability * 100).toFixed(1)} %`
}
