/** How the offline assistant uses tools: a writer says which calls it wishes, and is asked again with their results. */
import type { ModelRequest, ToolCallPart, ToolResultPart } from '../language-model.ts'

export interface ToolWish {
  readonly calls: readonly { readonly tool: string; readonly arguments: Readonly<Record<string, unknown>> }[]
}

/** The tools a writer has, and what came of the calls it wished for so far. */
export interface ToolWork {
  /** False also when the answer may take no further round. */
  readonly has: (tool: string) => boolean
  /** The results of all calls of a tool in this answer, oldest first. */
  readonly resultsOf: (tool: string) => readonly ToolResultPart[]
}

export function toolWorkOf({ agent, rounds = [], isLastRound = false }: ModelRequest): ToolWork {
  const results = rounds.flatMap((round) => round.results)
  return {
    has: (tool) => !isLastRound && agent.tools.some(({ name }) => name === tool),
    resultsOf: (tool) => results.filter((result) => result.tool === tool),
  }
}

export function isToolWish(answer: object): answer is ToolWish {
  return 'calls' in answer
}

/** The same conversation gets the same call ids, like everything else of the offline assistant. */
export function toolCalls({ calls }: ToolWish, round: number): ToolCallPart[] {
  return calls.map((call, index) => ({ type: 'tool-call', toolCallId: `call-${round + 1}-${index + 1}`, ...call }))
}
