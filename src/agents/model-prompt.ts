/** Turns a request into the messages of a provider's prompt; what people and tools wrote stays plain text in its own role. */
import type { JSONValue, ModelMessage as PromptMessage } from 'ai'
import { recentResults } from './conversation-memory.ts'
import type { ModelRequest, ToolCallPart, ToolRound } from './language-model.ts'

type CallNote = Extract<Extract<PromptMessage, { role: 'assistant' }>['content'][number], { type: 'tool-call' }>

/** The system prompt is not among them: it goes its own way. */
export function promptMessages({ messages, rounds = [] }: ModelRequest): PromptMessage[] {
  // A conversation that was cut to its budget may begin with an answer; some providers refuse that.
  const first = messages.findIndex(({ role }) => role === 'user')
  const said = messages.slice(Math.max(0, first)).map(({ role, text }): PromptMessage => ({ role, content: text }))
  return [...said, ...recentResults(rounds).flatMap(roundMessages)]
}

function roundMessages({ text, calls, results }: ToolRound): PromptMessage[] {
  const before = text === '' ? [] : [{ type: 'text' as const, text }]
  const content = results.map(({ toolCallId, tool, isFailed, result }) => {
    const output = { type: isFailed ? ('error-json' as const) : ('json' as const), value: result as JSONValue }
    return { type: 'tool-result' as const, toolCallId, toolName: tool, output }
  })
  return [
    { role: 'assistant', content: [...before, ...calls.map(callPart)] },
    { role: 'tool', content },
  ]
}

function callPart({ toolCallId, tool, arguments: input, opaque }: ToolCallPart): CallNote {
  // Providers refuse what is no object, even where a model wrote it itself.
  const isObject = typeof input === 'object' && input !== null && !Array.isArray(input)
  const call = { type: 'tool-call' as const, toolCallId, toolName: tool, input: isObject ? input : {} }
  return opaque === undefined ? call : { ...call, providerOptions: opaque as NonNullable<CallNote['providerOptions']> }
}
