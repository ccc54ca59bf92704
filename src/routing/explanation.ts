/** Tells a person in a few lines where a message went and what spoke for and against it. */
import type { RoutingDecision, UsedContext } from './routing-decision.ts'

const CANDIDATES_SHOWN_MAX = 3

/** Returns lines of plain text without a trailing line break; `tookMs` is shown when it is known. */
export function explainRoute(decision: RoutingDecision, tookMs?: number): string[] {
  const { intent, agent, method, confidence, candidates, evidence, guard, context, routerVersion, clarify } = decision
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
    `context: ${contextText(context)}`,
    `router: ${routerVersion}${tookMs === undefined ? '' : `, took ${tookMs.toFixed(2)} ms`}`,
  ]
}

function contextText({ messages, agent, agentProbability, isAsked }: UsedContext): string {
  if (messages === 0) return 'none'
  const who = agent === null ? 'nobody knows who spoke last' : `${agent} spoke last`
  const sure = agentProbability === 1 || agent === null ? '' : ` (${percent(agentProbability)} sure)`
  return `${messages} earlier ${messages === 1 ? 'message' : 'messages'}, ${who}${sure}${isAsked ? ' and asked something' : ''}`
}

/** `^ what` and `what $` are the first and the last word. */
function describe(name: string): string {
  return `"${name}"`
}

function percent(probability: number): string {
  return `${(probability * 100).toFixed(1)} %`
}
