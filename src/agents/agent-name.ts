/** The agents a turn can be answered by; the names are part of the record and of the outer contract. */

export const agentNames = [
  'learning',
  'discovery',
  'creation',
  'image',
  'profile',
  'support',
  'smalltalk',
  'guard',
] as const

export type AgentName = (typeof agentNames)[number]

export function isAgentName(value: string): value is AgentName {
  return agentNames.some((name) => name === value)
}
