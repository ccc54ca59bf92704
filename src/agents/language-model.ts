/** The port to whatever writes an answer: a hosted model, a local one, or the offline assistant. */

import type { AgentDefinition } from './agent-catalogue.ts'
import type { AgentName } from './agent-name.ts'

/**
 * Writes one answer as a stream of parts.
 *
 * A stream is any number of text, citation and tool parts and then exactly one `finish`. The concatenated `text` parts
 * are the whole answer. When `signal` aborts, iterating throws the signal's reason before another part is handed out.
 * What goes wrong on the way (network, provider, limits) is thrown as a `Fault`; a `finish` is then missing.
 */
export interface LanguageModel {
  /** Who runs the model, e.g. `offline` or `anthropic`; goes into the record. */
  readonly provider: string
  /** Which model and version, e.g. `emberlog-knowledge-2f81c09ab3d4`; goes into the record. */
  readonly id: string
  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelPart>
}

export interface ModelRequest {
  readonly agent: AgentDefinition
  /** The conversation, oldest first; the last message is the person's and is the one to answer. */
  readonly messages: readonly ModelMessage[]
  readonly routing?: RoutingHint
}

export interface ModelMessage {
  readonly role: 'user' | 'assistant'
  readonly text: string
  /** Which agent wrote it, where it is an assistant's and this is known. */
  readonly agent?: AgentName
}

/** What the router knows that an agent may use. */
export interface RoutingHint {
  /** The two likeliest agents when the router is unsure; the answer is then a question back to the person. */
  readonly clarify?: readonly [AgentName, AgentName]
}

export type ModelPart = TextPart | CitationPart | ToolCallPart | ToolResultPart | FinishPart

export interface TextPart {
  readonly type: 'text'
  readonly text: string
}

/** A source the answer rests on; `[number]` marks the place in the text. */
export interface CitationPart extends Citation {
  readonly type: 'citation'
}

export interface Citation {
  readonly number: number
  readonly entryId: string
  readonly title: string
  /** An https address, or a path inside Emberlog's own repository such as `docs/agents.md`. */
  readonly source: string
}

export interface ToolCallPart {
  readonly type: 'tool-call'
  readonly toolCallId: string
  readonly tool: string
  readonly arguments: unknown
}

export interface ToolResultPart {
  readonly type: 'tool-result'
  readonly toolCallId: string
  readonly tool: string
  readonly outcome: 'succeeded' | 'failed'
  readonly result: unknown
}

export interface FinishPart {
  readonly type: 'finish'
  readonly finishReason: FinishReason
  readonly usage: Usage
}

export type FinishReason = 'stop' | 'length' | 'content-filter' | 'tool-calls' | 'error' | 'other'

/** In tokens of the model that counted them; the offline assistant estimates (see `estimateTokens`). */
export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
}

const CHARACTERS_PER_TOKEN = 4

/**
 * Estimates how many tokens a text takes: a token per four UTF-16 code units, rounded up. A rule of thumb for English
 * text and byte-pair vocabularies; good enough for budgets, never for bills.
 */
export function estimateTokens(text: string): number {
  return Math.ceil(text.length / CHARACTERS_PER_TOKEN)
}
