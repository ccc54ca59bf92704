/** The language model that needs no key and no network: the same conversation always gets the same answer, with its sources. */
import { setTimeout as wait } from 'node:timers/promises'
import type { AgentName } from './agent-name.ts'
import { recentMessages } from './conversation-memory.ts'
import type { KnowledgeBase } from './knowledge-base.ts'
import {
  estimateTokens,
  type LanguageModel,
  type ModelMessage,
  type ModelPart,
  type ModelRequest,
  type Usage,
} from './language-model.ts'
import type { Answer, AnswerDraft } from './offline/answer-draft.ts'
import { type AskedQuestion, readQuestion } from './offline/asked-question.ts'
import { clarifyAnswer } from './offline/clarify-answer.ts'
import { creationAnswer } from './offline/creation-answer.ts'
import { discoveryAnswer } from './offline/discovery-answer.ts'
import { guardAnswer } from './offline/guard-answer.ts'
import { imageAnswer } from './offline/image-answer.ts'
import { learningAnswer } from './offline/learning-answer.ts'
import { profileAnswer } from './offline/profile-answer.ts'
import { recallAnswer } from './offline/recall-answer.ts'
import { smalltalkAnswer } from './offline/smalltalk-answer.ts'
import { supportAnswer } from './offline/support-answer.ts'
import { isToolWish, type ToolWish, type ToolWork, toolCalls, toolWorkOf } from './offline/tool-work.ts'
import { type Language, languageNotice, languageOf } from './question-language.ts'

export interface OfflineAssistantOptions {
  /** How long to wait before each word, so that people see the answer being written; 0 or absent: not at all. */
  readonly deltaDelayMs?: number
  /** How agents answer whose tools it may use; they take the place of its own writers. */
  readonly writers?: Partial<AnswerWriters>
}

/** Writes an agent's answer, or asks for tools first; then it is asked again, with their results. */
export type AnswerWriter = (
  question: AskedQuestion,
  knowledge: KnowledgeBase,
  toolWork: ToolWork,
) => AnswerDraft | ToolWish
export type AnswerWriters = Readonly<Record<AgentName, AnswerWriter>>

export function createOfflineAssistant(knowledge: KnowledgeBase, options: OfflineAssistantOptions = {}): LanguageModel {
  const deltaDelayMs = options.deltaDelayMs ?? 0
  const allWriters = { ...writers, ...options.writers }

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelPart> {
    signal.throwIfAborted()
    const answer = writeAnswer(request, knowledge, allWriters)
    if (isToolWish(answer)) {
      yield* toolCalls(answer, request.rounds?.length ?? 0)
      yield { type: 'finish', finishReason: 'tool-calls', usage: usageOf(request, '') }
      return
    }
    const { text, isCut } = withinLimit(answer.text, request.agent.limits.outputCharactersMax)
    let written = 0
    for (const delta of wordsOf(text)) {
      // Between words, not before the first: nobody waits for a pause alone.
      if (deltaDelayMs > 0 && written > (request.shownCharacters ?? 0)) await pause(deltaDelayMs, signal)
      written += delta.length
      signal.throwIfAborted()
      yield { type: 'text', text: delta }
    }
    for (const citation of answer.citations) yield { type: 'citation', ...citation }
    signal.throwIfAborted()
    yield { type: 'finish', finishReason: isCut ? 'length' : 'stop', usage: usageOf(request, text) }
  }

  return { provider: 'offline', id: `emberlog-knowledge-${knowledge.version}`, isReproducible: true, stream }
}

/** Writes the whole answer at once; it is only handed out word by word. */
function writeAnswer(request: ModelRequest, knowledge: KnowledgeBase, by: AnswerWriters): Answer | ToolWish {
  const draft = draftFor(request, knowledge, by)
  if (isToolWish(draft)) return draft
  const body = draft.finish()
  const notice = request.agent.name === 'guard' ? undefined : noticeFor(request.messages)
  return notice === undefined ? body : { ...body, text: `${notice}\n\n${body.text}` }
}

/** The sentence about the language, unless it was said before. */
function noticeFor(messages: readonly ModelMessage[]): string | undefined {
  const asked = messages.filter(({ role }) => role === 'user')
  const language = asked.reduce((before: Language, { text }) => languageOf(text, before), 'en')
  const notice = languageNotice(language)
  const isSaid =
    notice !== undefined && messages.some(({ role, text }) => role === 'assistant' && text.includes(notice))
  return isSaid ? undefined : notice
}

function draftFor(request: ModelRequest, knowledge: KnowledgeBase, by: AnswerWriters): AnswerDraft | ToolWish {
  const { agent, messages, routing } = request
  if (agent.name === 'guard') return guardAnswer()
  if (routing?.clarify !== undefined) return clarifyAnswer(routing.clarify)
  const question = readQuestion(
    recentMessages(messages, agent.limits),
    knowledge,
    agent.name === 'support' ? 'support' : 'learning',
  )
  return recallAnswer(question) ?? by[agent.name](question, knowledge, toolWorkOf(request))
}

const writers: AnswerWriters = {
  learning: learningAnswer,
  discovery: discoveryAnswer,
  creation: creationAnswer,
  image: imageAnswer,
  profile: profileAnswer,
  support: supportAnswer,
  smalltalk: smalltalkAnswer,
  guard: guardAnswer,
}

/** Splits a text into words, each with the white space that follows it; joined, they are the text. */
function wordsOf(text: string): string[] {
  return text.match(/\s*\S+\s*/g) ?? []
}

/** Cuts a text that is too long after a whole word. */
function withinLimit(text: string, charactersMax: number): { text: string; isCut: boolean } {
  if (text.length <= charactersMax) return { text, isCut: false }
  const cut = text.slice(0, charactersMax)
  return { text: cut.slice(0, cut.lastIndexOf(' ') + 1) || cut, isCut: true }
}

async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(delayMs, undefined, { signal })
  } catch (error) {
    signal.throwIfAborted() // The reason itself, rather than the timer's wrapping of it.
    throw error
  }
}

function usageOf(request: ModelRequest, answer: string): Usage {
  const read = request.messages.reduce((tokens, { text }) => tokens + estimateTokens(text), 0)
  return { inputTokens: read, outputTokens: estimateTokens(answer), isEstimated: true }
}
