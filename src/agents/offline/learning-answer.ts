/** Teaches from the knowledge base: explains, follows up, and lays out a path when somebody wants to learn a subject. */
import type { KnowledgeBase } from '../knowledge-base.ts'
import type { KnowledgeEntry } from '../knowledge-entry.ts'
import { foldText, isSubject, questionTerms } from '../question-terms.ts'
import { type AnswerDraft, createAnswerDraft } from './answer-draft.ts'
import type { AskedQuestion } from './asked-question.ts'
import { firstSentence } from './entry-parts.ts'
import { knowledgeAnswer, noEntryAnswer } from './knowledge-answer.ts'

const stepsMax = 6

/** The entries a newcomer is led through when they name no subject. */
const firstSteps = ['ai', 'machine-learning', 'llm', 'token', 'prompt-engineering', 'rag']

export function learningAnswer(question: AskedQuestion, knowledge: KnowledgeBase): AnswerDraft {
  if (wantsPath.test(foldText(question.text))) return learningPath(question, knowledge)
  if (question.isWithoutSubject && declines.test(foldText(question.text))) {
    return createAnswerDraft().paragraph('All right. Ask whatever you like next; I am ready when you are.')
  }
  const answer = knowledgeAnswer(question, knowledge)
  if (answer !== undefined) return answer
  return question.isWithoutSubject ? askForTopic(knowledge) : noEntryAnswer(question, knowledge, 'learning')
}

const declines = /^(no|nope|nah|nein|non|nao)\b/

const wantsPath =
  /\b(learning (path|plan|journey|route)|lesson plan|study plan|curriculum|roadmap|lernpfad|lernplan|ruta de aprendizaje|plan de estudios?|parcours|(create|make) (me )?a plan|what should i learn (next|first)|where (do|should) i (start|begin))\b/

/** A path is the subject's entry and what it relates to, in the order in which the entry names them. */
function learningPath(question: AskedQuestion, knowledge: KnowledgeBase): AnswerDraft {
  const subject = question.text.replace(wantsPath, ' ')
  const isNamed = questionTerms(subject).some(isSubject)
  const named = isNamed ? knowledge.search(subject, { limit: 1, area: 'learning' })[0]?.entry : undefined
  const start = named ?? question.topic
  const draft = createAnswerDraft()
  const steps = start === undefined ? firstSteps.map((id) => knowledge.entry(id)!) : pathFrom(start, knowledge)
  const title = start === undefined ? 'A path for a first look at AI' : `A path into **${start.title}**`
  const list = steps.map(
    (entry, index) => `${index + 1}. **${entry.title}**: ${firstSentence(entry)} ${draft.cite(entry)}`,
  )
  return draft
    .paragraph(`${title}, in ${steps.length} steps from the knowledge base:\n\n${list.join('\n')}`)
    .closing('It is an outline in this conversation; nothing else was set up. Which step shall I explain first?')
}

function pathFrom(start: KnowledgeEntry, knowledge: KnowledgeBase): KnowledgeEntry[] {
  const steps = new Set([start])
  for (const step of steps) {
    for (const id of step.related) {
      const next = knowledge.entry(id)!
      if (steps.size < stepsMax && next.area === start.area) steps.add(next)
    }
  }
  return [...steps]
}

function askForTopic(knowledge: KnowledgeBase): AnswerDraft {
  const names = firstSteps.map((id, index) => `${index + 1}. ${knowledge.entry(id)!.title}`)
  return createAnswerDraft()
    .paragraph('Gladly. You can name any topic in a word or two; here are places to start:')
    .paragraph(names.join('\n'))
    .closing('Which topic do you mean?')
}
