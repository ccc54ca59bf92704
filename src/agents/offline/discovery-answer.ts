/** Helps to choose between tools from the knowledge base, and says plainly that it has no projects or people to list. */
import type { KnowledgeBase } from '../knowledge-base.ts'
import { foldText } from '../question-terms.ts'
import { type AnswerDraft, createAnswerDraft } from './answer-draft.ts'
import type { AskedQuestion } from './asked-question.ts'
import { firstSentence } from './entry-parts.ts'
import { knowledgeAnswer } from './knowledge-answer.ts'

const entriesShownMax = 3

export function discoveryAnswer(question: AskedQuestion, knowledge: KnowledgeBase): AnswerDraft {
  const wanted = thingsToList.find(([pattern]) => pattern.test(foldText(question.text)))?.[1]
  if (wanted === undefined && question.isWithoutSubject && question.topic === undefined) return askForTask()
  if (wanted === undefined) {
    const answer = knowledgeAnswer(question, knowledge)
    if (answer !== undefined) return answer
  }
  const draft = createAnswerDraft().paragraph(
    `As the offline assistant I have no list of ${wanted ?? 'projects, tools or people'} to search, and I will not invent any.`,
  )
  const subject = foldText(question.text).replaceAll(listing, ' ')
  const found = knowledge.search(subject, { limit: entriesShownMax, area: 'learning' })
  const matches = found.filter(({ entry, fit }) => entry.area === 'learning' && fit >= subjectFitMin)
  if (matches.length === 0) {
    return draft.paragraph(
      'What I do have is written knowledge about AI. Name a subject, such as agents, image models or vector databases, and I will tell what I know and what to look for.',
    )
  }
  const list = matches.map(({ entry }, index) => {
    return `${index + 1}. **${entry.title}**: ${firstSentence(entry)} ${draft.cite(entry)}`
  })
  return draft
    .paragraph(`What the knowledge base says about the subject:\n\n${list.join('\n')}`)
    .closing('Name one of them, and I will explain it.')
}

/** Under this fit, an entry is not about the subject that somebody wants to see things of. */
const subjectFitMin = 0.7

const listing =
  /\b(projects?|trending|popular|examples?|built|building|making|made|showcase|people|creators?|challenges?|tools?|articles?|videos?|courses?|show|find|similar|interesting|cool|others?|based|interests?|active|current|join|week|right|now|people|ai)\b/g

/** What people ask to see that only a catalogue could show. */
const thingsToList: readonly (readonly [RegExp, string])[] = [
  [/\b(challenges?|battles?|quests?|events?|herausforderung\w*|desafios?|defis?)\b/, 'challenges'],
  [/\btools? (?:\w+ )*(?:trending|popular|new)|(?:trending|popular|new) (?:\w+ )*tools?\b/, 'trending tools'],
  [
    /\b(projects?|trending|popular|examples? (of|by|from)|built|building|making|made|showcase|projekte?|proyectos?|projets?|projetos?|progetti)\b/,
    'projects',
  ],
  [/\b(people|creators?|users?|someone|somebody|mentors?|follow|connect|personas|leute|gens|personnes)\b/, 'people'],
  [/\b(articles?|videos?|courses?|tutorials?|podcasts?|quizzes|quiz)\b/, 'articles, videos or courses'],
]

function askForTask(): AnswerDraft {
  return createAnswerDraft()
    .paragraph(
      'That depends on what it is for: text, pictures, code, search over documents, agents, or something else.',
    )
    .closing('Which task do you have in mind?')
}
