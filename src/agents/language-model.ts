/** The port to whatever writes an answer: a hosted model, a local one, or the offline assistant. */

import type { AgentDefinition } from './agent-catalogue.ts'
import type { AgentName } from './agent-name.ts'

/**
 * Writes one answer as a stream of parts.
 *
 * A stream is any number of writer, text, citation and tool-call parts and then exactly one `finish`. The concatenated
 * `text` parts are the whole answer. When `signal` aborts, iterating throws the signal's reason before another part is handed out.
 * What goes wrong on the way (network, provider, limits) is thrown as a `Fault`; a `finish` is then missing.
 */
export interface LanguageModel {
  /** Who runs the model, e.g. `offline` or `anthropic`; goes into the record. */
  readonly provider: string
  /** Which model and version, e.g. `emberlog-knowledge-2f81c09ab3d4`; goes into the record. */
  readonly id: string
  /** True when the same request always gets the same parts, so that an answer that was cut off can be written to its end. */
  readonly isReproducible?: boolean
  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelPart>
}

export interface ModelRequest {
  readonly agent: AgentDefinition
  /** The conversation, oldest first; the last message is the person's and is the one to answer. */
  readonly messages: readonly ModelMessage[]
  readonly routing?: RoutingHint
  /** The rounds of tool calls that this answer has taken so far, oldest first; the model goes on from there. */
  readonly rounds?: readonly ToolRound[]
  /** How many characters of the answer people have seen already: a reproducible model need not pause while it repeats them. */
  readonly shownCharacters?: number
  /** The model must answer now: no call of a tool is carried out any more. */
  readonly isLastRound?: boolean
}

/** One round of tool calls: what the model wrote before it asked, what it asked for, and what came back, in the same order. */
export interface ToolRound {
  readonly text: string
  readonly writer?: Omit<WriterPart, 'type'>
  readonly calls: readonly ToolCallPart[]
  readonly results: readonly ToolResultPart[]
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

export type ModelPart = WriterPart | TextPart | CitationPart | ToolCallPart | FinishPart

/** Who writes, said before the first part that this is about. Without one it is the model that was asked. */
export interface WriterPart {
  readonly type: 'writer'
  readonly model: ModelName
  /** The models that were to write before it and did not, in the order they were asked. */
  readonly insteadOf: readonly MissedModel[]
}

export interface ModelName {
  readonly provider: string
  readonly id: string
}

export interface MissedModel extends ModelName {
  /** Why it did not write, as in docs/errors.md. */
  readonly code: string
}

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

/** The model asks for a tool. A stream with such parts ends with finish reason `tool-calls`; the tool loop does the rest. */
export interface ToolCallPart {
  readonly type: 'tool-call'
  readonly toolCallId: string
  readonly tool: string
  /** As the model wrote them: checked against the tool's schema by the tool loop. */
  readonly arguments: unknown
  /** What the adapter wants to get back with this call in later rounds; nobody else looks at it. */
  readonly opaque?: unknown
}

/** What a model is told about a call. */
export interface ToolResultPart {
  readonly toolCallId: string
  readonly tool: string
  readonly isFailed: boolean
  /** Any JSON value. */
  readonly result: unknown
}

export interface FinishPart {
  readonly type: 'finish'
  readonly finishReason: FinishReason
  readonly usage: Usage
}

export type FinishReason = 'stop' | 'length' | 'content-filter' | 'tool-calls' | 'error' | 'other'

/** In tokens of the model that counted them. */
export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
  /** True when nobody counted: then these are estimates (see `estimateTokens`), good for budgets, never for bills. */
  readonly isEstimated?: boolean
}

/** Quarters of a token that a UTF-16 code unit costs: of ASCII, of the other alphabets, of scripts with a token for nearly every sign. */
const ASCII_QUARTERS = 1
const ALPHABET_QUARTERS = 2
const SIGN_QUARTERS = 4
const ALPHABETS_FROM = 0x80
/** Where the radicals of Chinese begin; behind them are Kana, Hangul and, as pairs of units, emoji. */
const SIGNS_FROM = 0x2e80

/**
 * Estimates how many tokens a text takes: a token for four letters of English, for two of other alphabets, for each sign of
 * Chinese, Japanese or Korean; rounded up. A rule of thumb for byte-pair vocabularies that errs towards too many: good enough for
 * budgets, never for bills.
 */
export function estimateTokens(text: string): number {
  let quarters = 0
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    quarters += unit < ALPHABETS_FROM ? ASCII_QUARTERS : unit < SIGNS_FROM ? ALPHABET_QUARTERS : SIGN_QUARTERS
  }
  return Math.ceil(quarters / SIGN_QUARTERS)
}
