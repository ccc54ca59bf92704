/** Lists what the catalogue holds on a subject and only that, helps to choose from the knowledge base, and says when nothing fits. */
import { z } from 'zod'
import type { CatalogueKind } from '../catalogue/catalogue-entry.ts'

import type { KnowledgeBase } from '../knowledge-base.ts'
import { foldText } from '../question-terms.ts'
import { SEARCH_CATALOGUE } from '../tools/catalogue-tools.ts'
import { type AnswerDraft, createAnswerDraft, quoted } from './answer-draft.ts'
import type { AskedQuestion } from './asked-question.ts'
import { firstSentence } from './entry-parts.ts'
import { knowledgeAnswer } from './knowledge-answer.ts'
import type { ToolWish, ToolWork } from './tool-work.ts'

const entriesShownMax = 3

export function discoveryAnswer(
  question: AskedQuestion,
  knowledge: KnowledgeBase,
  toolWork: ToolWork,
): AnswerDraft | ToolWish {
  const wanted = thingsToList.find(([pattern]) => pattern.test(foldText(question.text)))?.[1]
  if (wanted === undefined && question.isWithoutSubject && question.topic === undefined) return askForTask()
  if (question.comparison === undefined && toolWork.has(SEARCH_CATALOGUE)) {
    const [found] = toolWork.resultsOf(SEARCH_CATALOGUE)
    if (found === undefined) return { calls: [{ tool: SEARCH_CATALOGUE, arguments: searchFor(question, wanted) }] }
    return catalogueAnswer(question, knowledge, foundSchema.safeParse(found.result).data?.findings ?? [], wanted)
  }
  return withoutCatalogue(question, knowledge, wanted)
}

const foundSchema = z.object({
  findings: z.array(
    z.object({ id: z.string(), kind: z.string(), title: z.string(), summary: z.string(), link: z.string().nullable() }),
  ),
})
type Findings = z.infer<typeof foundSchema>['findings']

const kindOfWanted: Readonly<Record<string, CatalogueKind>> = {
  challenges: 'challenge',
  'trending tools': 'tool',
  projects: 'project',
  'articles, videos or courses': 'learning-path',
}

/** What is asked about now, or what the conversation was about when this message names no subject. */
function searchFor({ text, topic, isWithoutSubject }: AskedQuestion, wanted: string | undefined) {
  const subject = foldText(text).replaceAll(listing, ' ').replaceAll(/\s+/g, ' ').trim()
  const query = isWithoutSubject && topic !== undefined ? topic.title : subject
  const kind = wanted === undefined ? undefined : kindOfWanted[wanted]
  return { query: query.slice(0, QUERY_CHARACTERS_MAX), ...(kind && { kind }) }
}

const QUERY_CHARACTERS_MAX = 300

function catalogueAnswer(
  question: AskedQuestion,
  knowledge: KnowledgeBase,
  findings: Findings,
  wanted: string | undefined,
): AnswerDraft {
  if (findings.length === 0) return nothingFits(question, knowledge, wanted)
  const draft = createAnswerDraft()
  if (wanted === 'trending tools' || /\b(trending|popular)\b/.test(foldText(question.text))) {
    draft.paragraph('I have no figures on what is popular, so this is what the catalogue holds, not a ranking.')
  }
  if (wanted === 'people') draft.paragraph('People are not listed here; what they share is. From the catalogue:')
  const list = findings.map(({ id, kind, title, summary, link }, index) => {
    const what =
      kind === 'shared project' ? `${quoted(title)} (project shared here)` : `**${title}** (${kind.replace('-', ' ')})`
    const said = kind === 'shared project' && summary !== '' ? quoted(summary) : summary
    return `${index + 1}. ${what}: ${said} ${link === null ? `Catalogue id \`${id}\`.` : linkTo(link)}`
  })
  draft.paragraph(`From the catalogue:\n\n${list.join('\n')}`)
  return draft.closing('Name one of them, and I will say more, or tell me what you want to do with it.')
}

/** A person's own link is shown as words: where it leads was never looked at. */
function linkTo(link: string): string {
  return /^https:\/\/[\w./~#-]+$/.test(link) ? link : quoted(link)
}

function nothingFits(question: AskedQuestion, knowledge: KnowledgeBase, wanted: string | undefined): AnswerDraft {
  const known = wanted === undefined ? knowledgeAnswer(question, knowledge) : undefined
  if (known !== undefined) return known
  return withoutCatalogue(
    question,
    knowledge,
    wanted,
    `Nothing in the catalogue fits that, and I will not invent any ${wanted ?? 'projects, tools or people'}. It holds tools, example projects, learning paths, challenges and what people share; try a wider word, such as agents, images or search.`,
  )
}

function withoutCatalogue(
  question: AskedQuestion,
  knowledge: KnowledgeBase,
  wanted: string | undefined,
  opening = `As the offline assistant I have no list of ${wanted ?? 'projects, tools or people'} to search, and I will not invent any.`,
): AnswerDraft {
  if (wanted === undefined) {
    const answer = knowledgeAnswer(question, knowledge)
    if (answer !== undefined) return answer
  }
  const draft = createAnswerDraft().paragraph(opening)
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
