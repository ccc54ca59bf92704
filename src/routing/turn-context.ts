/** What of the conversation so far bears on the next message: who spoke last, and whether an answer is awaited. */
import type { AgentName } from './intents.ts'
import type { PastMessage } from './routing-decision.ts'
import { wordsOf } from './text-features.ts'
import { normalizeText } from './text-normalizer.ts'

export interface TurnContext {
  /** Earlier messages that were read. */
  readonly messages: number
  /** Who answered last; undefined at the start of a conversation and where nobody can tell. */
  readonly agent: AgentName | undefined
  /** How sure that is: 1 when the history says so, less when the agent was inferred. */
  readonly agentProbability: number
  /** Whether the assistant's last message asked something. */
  readonly isAsked: boolean
  /** Whether it asked for a name, a title or a description: any words may answer that. */
  readonly isAskedForWords: boolean
}

export const noContext: TurnContext = {
  messages: 0,
  agent: undefined,
  agentProbability: 1,
  isAsked: false,
  isAskedForWords: false,
}

/** Older messages say nothing about where the next one goes. */
const MESSAGES_READ_MAX = 4

/** Reads the context; `inferAgent` is asked when the history does not name who answered last. */
export function readContext(
  history: readonly PastMessage[] | undefined,
  inferAgent: (assistantText: string, userText: string) => { agent: AgentName; probability: number } | undefined,
): TurnContext {
  const recent = (history ?? []).slice(-MESSAGES_READ_MAX)
  const assistant = recent.findLast(({ role }) => role === 'assistant')
  const user = recent.findLast(({ role }) => role === 'user')
  if (assistant === undefined && user === undefined) return noContext
  const inferred = assistant?.agent === undefined ? inferAgent(assistant?.text ?? '', user?.text ?? '') : undefined
  const isAsked = assistant !== undefined && (assistant.asked ?? asksSomething(assistant.text))
  return {
    messages: recent.length,
    agent: assistant?.agent ?? inferred?.agent,
    agentProbability: inferred?.probability ?? 1,
    isAsked,
    isAskedForWords: isAsked && ASKS_FOR_WORDS.test(normalizeText(assistant.text)),
  }
}

const ASKS_FOR_WORDS =
  /\b(?:call (?:it|this|the|your)|called|name|title|topic|subject|theme|about what|what about|be about|should it show|tema|thema|sujet|argomento|worum|headline|describe|description|in one sentence|what should (?:i|we|it) (?:draw|create|say)|what is it about|llamar\w*|titulo|nombre|describ\w*|heissen|titel|beschreib\w*|appeler|titre|nom|decri\w*|chamar|nome|chiamar\w*|titolo)\b/

/** A question mark in the last sentence or two, or the words that ask for something without one. */
function asksSomething(text: string): boolean {
  const end = normalizeText(text).slice(-300)
  const sentences = end.split(/(?<=[.!?¿])\s+/).slice(-2)
  return sentences.some(
    (sentence) =>
      sentence.includes('?') || /^(?:please|just)? ?(?:tell me|describe|let me know|choose|pick)\b/.test(sentence),
  )
}

const REFERRING = new Set(
  `it its this that these those one ones them they first second third last same again more another else other others instead too also
  eso esto esa ese este lo la uno otra otro mas primero segundo tambien das dies diese dieser es sie noch mehr andere erste zweite auch
  cela ca ce cette le la les un autre plus premier deuxieme aussi isso isto esse essa outro mais primeiro tambem questo quello altro piu primo anche`
    .trim()
    .split(/\s+/),
)

/** The context as features of the linear model: who spoke last, crossed with the form of the message. */
export function contextMarks(context: TurnContext, normalized: string): string[] {
  if (context.agent === undefined) return []
  const words = wordsOf(normalized)
  const form = formOf(words)
  const refers = words.some((word) => REFERRING.has(word))
  const said = `${context.isAsked ? 'asked' : 'told'} by ${context.agent}`
  return [
    `x:${context.agent}`,
    `x:${said}`,
    `x:${said}, ${form}`,
    `x:${context.agent}, ${refers ? 'refers back' : 'stands alone'}`,
  ]
}

function formOf(words: readonly string[]): string {
  if (words.includes('?')) return words.length <= 5 ? 'short question' : 'question'
  if (words.length <= 3) return 'fragment'
  return words.length <= 9 ? 'sentence' : 'long'
}
