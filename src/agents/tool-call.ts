/** Carries out one call of a tool in bounded time: whatever goes wrong with it becomes a result that the model is told. */
import { z } from 'zod'
import { isFault } from '../shared/failures.ts'
import { untilAborted } from '../shared/waiting.ts'
import type { ToolDefinition } from './agent-catalogue.ts'
import type { AgentTools, ToolContext, ToolOutcome } from './agent-tools.ts'
import type { ToolCallPart, ToolResultPart } from './language-model.ts'

/** Longer results are cut for the model, which is told so. */
const TOOL_RESULT_CHARACTERS_MAX = 20_000
/** Longer arguments are cut for the record. */
const ARGUMENTS_CHARACTERS_MAX = 4_000

/** `interrupted`: the answer was stopped, or its time was over, while the tool worked. */
export type CallOutcome = 'succeeded' | 'failed' | 'timed-out' | 'interrupted' | 'tool-unknown' | 'arguments-invalid'

export interface CarriedOut {
  readonly outcome: CallOutcome
  readonly told: ToolResultPart
  /** Of the whole result as JSON, in UTF-8. */
  readonly resultBytes: number
  readonly tookMs: number
  readonly attachments: NonNullable<ToolOutcome['attachments']>
  readonly citations: NonNullable<ToolOutcome['citations']>
}

export interface CallParts {
  readonly tools: AgentTools
  /** The tools that the model was offered. */
  readonly definitions: readonly ToolDefinition[]
  readonly context: ToolContext
  readonly elapsedMs: () => number
}

/** Never rejects. `number` counts the calls of the answer. */
export async function carryOut(
  parts: CallParts,
  call: ToolCallPart,
  number: number,
  signal: AbortSignal,
): Promise<CarriedOut> {
  const startedMs = parts.elapsedMs()
  const definition = parts.definitions.find(({ name }) => name === call.tool)
  const { outcome, result, attachments = [], citations = [] } = await outcomeOf(parts, call, definition, number, signal)
  const { resultBytes, shown } = measured(result)
  const told = { toolCallId: call.toolCallId, tool: call.tool, isFailed: outcome !== 'succeeded', result: shown }
  return { outcome, told, resultBytes, tookMs: parts.elapsedMs() - startedMs, attachments, citations }
}

/** The arguments as they are recorded: JSON text. */
export function argumentsText(call: ToolCallPart): string {
  const text = typeof call.arguments === 'string' ? call.arguments : (JSON.stringify(call.arguments) ?? '')
  return text.length > ARGUMENTS_CHARACTERS_MAX ? `${text.slice(0, ARGUMENTS_CHARACTERS_MAX)}…` : text
}

type Outcome = Omit<ToolOutcome, 'outcome'> & { readonly outcome: CallOutcome }

async function outcomeOf(
  { tools, context }: CallParts,
  call: ToolCallPart,
  definition: ToolDefinition | undefined,
  number: number,
  signal: AbortSignal,
): Promise<Outcome> {
  if (definition === undefined) {
    return { outcome: 'tool-unknown', result: { error: `There is no tool named ${call.tool.slice(0, 100)}.` } }
  }
  const parsed = definition.parameters.safeParse(call.arguments)
  if (!parsed.success) {
    return { outcome: 'arguments-invalid', result: { error: `Arguments: ${z.prettifyError(parsed.error)}` } }
  }
  const timeout = AbortSignal.timeout(definition.timeoutMs)
  const ended = AbortSignal.any([signal, timeout])
  try {
    ended.throwIfAborted()
    const work = tools.execute({ tool: call.tool, arguments: parsed.data, number }, context, ended)
    // A tool that does not heed the signal is left behind: the answer does not wait for it.
    return await untilAborted(work, ended)
  } catch (error) {
    if (signal.aborted) return { outcome: 'interrupted', result: { error: 'The answer was ended.' } }
    if (timeout.aborted) {
      return { outcome: 'timed-out', result: { error: `The tool took longer than ${definition.timeoutMs} ms.` } }
    }
    return { outcome: 'failed', result: { error: isFault(error) ? error.code : 'tool-failed' } }
  }
}

function measured(result: unknown): { resultBytes: number; shown: unknown } {
  const text = JSON.stringify(result) ?? 'null'
  const resultBytes = Buffer.byteLength(text)
  if (text.length <= TOOL_RESULT_CHARACTERS_MAX) return { resultBytes, shown: result ?? null }
  const beginning = text.slice(0, TOOL_RESULT_CHARACTERS_MAX)
  return { resultBytes, shown: { beginning, note: `Cut: the whole result has ${resultBytes} bytes.` } }
}
