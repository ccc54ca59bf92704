/** Explains Emberlog itself from the help entries, and what the assistant can do when somebody asks for help at large. */
import type { KnowledgeBase } from '../knowledge-base.ts'
import { type AnswerDraft, createAnswerDraft } from './answer-draft.ts'
import type { AskedQuestion } from './asked-question.ts'
import { knowledgeAnswer, noEntryAnswer, tellEntry } from './knowledge-answer.ts'

export function supportAnswer(question: AskedQuestion, knowledge: KnowledgeBase): AnswerDraft {
  const answer = knowledgeAnswer(question, knowledge)
  if (answer !== undefined) return answer
  if (question.isWithoutSubject) {
    return tellEntry(createAnswerDraft(), knowledge.entry('what-can-i-do')!, knowledge)
  }
  return noEntryAnswer(question, knowledge, 'support')
}
