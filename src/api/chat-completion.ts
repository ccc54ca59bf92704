/** Tells a turn as OpenAI's chat completions do, whole or in chunks. */
import type { LiveFact, TerminalFact } from '../events/live-facts.ts'

type Usage = Extract<TerminalFact, { type: 'response.completed' }>['usage']

export interface CompletionHead {
  readonly id: string
  /** Seconds since 1970. */
  readonly created: number
  readonly model: string
}

export function completionOf(head: CompletionHead, fact: TerminalFact, text: string): object {
  const message = { role: 'assistant', content: text, refusal: null, annotations: [] }
  const choice = { index: 0, message, logprobs: null, finish_reason: finishReasonOf(fact) }
  return { ...head, object: 'chat.completion', choices: [choice], usage: usageOf(fact) }
}

/** Every chunk has `usage: null` when it is asked for, and one more at the end has it. */
export function createChunks(head: CompletionHead, isUsageWanted: boolean) {
  const chunkOf = (choices: readonly object[], usage: object | null = null) => ({
    ...head,
    object: 'chat.completion.chunk',
    choices,
    ...(isUsageWanted && { usage }),
  })
  const choice = (delta: object, finishReason: string | null = null) => [
    { index: 0, delta, logprobs: null, finish_reason: finishReason },
  ]
  return {
    start: () => chunkOf(choice({ role: 'assistant', content: '', refusal: null })),
    delta: (text: string) => chunkOf(choice({ content: text })),
    end: (fact: TerminalFact) => [
      chunkOf(choice({}, finishReasonOf(fact))),
      ...(isUsageWanted ? [chunkOf([], usageOf(fact))] : []),
    ],
  }
}

function finishReasonOf(fact: LiveFact): string {
  if (fact.type !== 'response.completed') return 'stop'
  if (fact.finishReason === 'length') return 'length'
  return fact.finishReason === 'content-filter' ? 'content_filter' : 'stop'
}

function usageOf(fact: LiveFact): object {
  const { inputTokens, outputTokens }: Usage =
    fact.type === 'response.completed' ? fact.usage : { inputTokens: 0, outputTokens: 0 }
  return { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens }
}
