/** The eight things a person may want of Emberlog, and the agent that answers each. */
import { type Intent, intents } from '../events/conversation-events.ts'

/** The agents are named like the intents, but for `unsafe`, which the guard answers. */
export type AgentName = Exclude<Intent, 'unsafe'> | 'guard'

/** How a decision was reached; the names are part of the permanent record. */
export type RoutingMethod = 'override' | 'continuation' | 'rule' | 'model' | 'llm' | 'fallback' | 'guard'

export function agentFor(intent: Intent): AgentName {
  return intent === 'unsafe' ? 'guard' : intent
}

export function intentOf(agent: AgentName): Intent {
  return agent === 'guard' ? 'unsafe' : agent
}

export function isIntent(value: unknown): value is Intent {
  return intents.some((intent) => intent === value)
}

export function isAgentName(name: string): name is AgentName {
  return name === 'guard' || (name !== 'unsafe' && isIntent(name))
}
