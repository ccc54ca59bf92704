/** What OpenAI clients send and get: Chat Completions. What is not supported is refused by name, never silently left out. */
import { z } from 'zod'

const MESSAGES_MAX = 10_000
const contentPartSchema = z.looseObject({ type: z.string(), text: z.string().optional() })
const messageSchema = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
  content: z.union([z.string(), z.array(contentPartSchema), z.null()]).optional(),
})
export type OpenAiMessage = z.infer<typeof messageSchema>

export const completionRequestSchema = z.looseObject({
  model: z.string().min(1),
  messages: z.array(messageSchema).min(1).max(MESSAGES_MAX),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  user: z.string().nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
})
export type CompletionRequest = z.infer<typeof completionRequestSchema>

/** Parameters that would change an answer in a way we cannot, and the values that ask for nothing. */
const unsupported: Readonly<Record<string, (value: unknown) => boolean>> = {
  n: (value) => value === 1,
  tools: isEmptyList,
  functions: isEmptyList,
  tool_choice: (value) => value === 'none' || value === 'auto',
  function_call: (value) => value === 'none' || value === 'auto',
  response_format: (value) => (value as { type?: unknown }).type === 'text',
  logprobs: (value) => value === false,
  top_logprobs: (value) => value === 0,
  stop: isEmptyList,
  audio: () => false,
  modalities: (value) => Array.isArray(value) && value.every((mode) => mode === 'text'),
  prediction: () => false,
  web_search_options: () => false,
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}

/** The first parameter that asks for something unsupported. */
export function unsupportedParameter(request: Readonly<Record<string, unknown>>): string | undefined {
  return Object.keys(unsupported).find((name) => {
    const value = request[name]
    return value !== undefined && value !== null && unsupported[name]?.(value) !== true
  })
}
