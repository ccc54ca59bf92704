/** Puts the tools of all agents together: an agent can call its own and no others. */
import type { ToolDefinition } from '../agent-catalogue.ts'
import type { AgentName } from '../agent-name.ts'
import type { AgentTools, ToolCall, ToolContext, ToolOutcome } from '../agent-tools.ts'

export interface AgentTool {
  /** The agents that may call it. */
  readonly agents: readonly AgentName[]
  readonly definition: ToolDefinition
  readonly execute: (call: ToolCall, context: ToolContext, signal: AbortSignal) => Promise<ToolOutcome>
}

export function createAgentTools(tools: readonly AgentTool[]): AgentTools {
  return {
    definitionsFor: (agent) => tools.filter(({ agents }) => agents.includes(agent)).map(({ definition }) => definition),
    async execute(call, context, signal) {
      const tool = tools.find(
        ({ definition, agents }) => definition.name === call.tool && agents.includes(context.agent),
      )
      if (tool === undefined) return failed(`The ${context.agent} agent has no tool named ${call.tool}.`)
      return tool.execute(call, context, signal)
    },
  }
}

export function succeeded(result: unknown, more: Pick<ToolOutcome, 'attachments'> = {}): ToolOutcome {
  return { outcome: 'succeeded', result, ...more }
}

/** A failure that the model is told in words. */
export function failed(error: string): ToolOutcome {
  return { outcome: 'failed', result: { error } }
}
