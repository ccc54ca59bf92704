/** Answers from the knowledge base: one entry, another side of it, two held against each other, or plainly none. */
import type { KnowledgeBase } from '../knowledge-base.ts'
import type { KnowledgeArea, KnowledgeEntry } from '../knowledge-entry.ts'
import { type AnswerDraft, createAnswerDraft } from './answer-draft.ts'
import type { AskedQuestion } from './asked-question.ts'
import { type Facet, firstSentence, labelledPart, paragraphsOf } from './entry-parts.ts'

const relatedShownMax = 3
const nearestShownMax = 3

/** Writes the answer that the knowledge base has for the question, or undefined when it has none. */
export function knowledgeAnswer(question: AskedQuestion, knowledge: KnowledgeBase): AnswerDraft | undefined {
  const draft = createAnswerDraft()
  if (question.comparison !== undefined) return compareEntries(draft, question.comparison)
  if (question.followUp !== undefined) {
    return continueEntry(draft, question.followUp.entry, question.followUp.facet, knowledge)
  }
  const entry = question.matches[0]?.entry
  return entry === undefined ? undefined : tellEntry(draft, entry, knowledge)
}

/** Writes the whole entry and what to ask next. */
export function tellEntry(draft: AnswerDraft, entry: KnowledgeEntry, knowledge: KnowledgeBase): AnswerDraft {
  const [opening = '', ...others] = paragraphsOf(entry)
  draft.paragraph(`${opening} ${draft.cite(entry)}`)
  for (const paragraph of others) draft.paragraph(paragraph)
  return draft.paragraph(`Related: ${relatedTitles(entry, knowledge).join(' · ')}`)
}

/** Says that there is no entry, and which come closest. */
export function noEntryAnswer(question: AskedQuestion, knowledge: KnowledgeBase, area: KnowledgeArea): AnswerDraft {
  const draft = createAnswerDraft().paragraph(
    'I have no entry on that. I am the offline assistant: I answer only from a written knowledge base and do not guess.',
  )
  const near = knowledge.nearest(question.text, { limit: nearestShownMax, area }).filter(({ fit }) => fit >= nearFitMin)
  const [closest] = near
  if (closest !== undefined && closest.fit >= closeFitMin) {
    const { entry } = closest
    draft.paragraph(`The closest is **${entry.title}**: ${firstSentence(entry)} ${draft.cite(entry)}`)
  }
  if (near.length > 0) {
    return draft.paragraph(`The nearest I have:\n\n${asList(near.map(({ entry }) => entry))}`).closing(whichOne)
  }
  const openings = entriesToStartWith[area].map((id) => knowledge.entry(id)!)
  return draft.paragraph(`You could start with one of these:\n\n${asList(openings)}`).closing(whichOne)
}

/** From this fit on, the first sentence is worth showing although the entry may not answer. */
const closeFitMin = 0.4
/** What shares less with the question than this is not near it. */
const nearFitMin = 0.25

const entriesToStartWith: Readonly<Record<KnowledgeArea, readonly string[]>> = {
  learning: ['ai', 'llm', 'rag'],
  support: ['what-can-i-do', 'history', 'limits'],
}

const whichOne = 'Name one of them, or put the question in other words, and I will look again.'

function asList(entries: readonly KnowledgeEntry[]): string {
  return entries.map((entry, index) => `${index + 1}. ${entry.title}`).join('\n')
}

function relatedTitles(entry: KnowledgeEntry, knowledge: KnowledgeBase): string[] {
  return entry.related.slice(0, relatedShownMax).map((id) => knowledge.entry(id)!.title)
}

function compareEntries(draft: AnswerDraft, [one, other]: readonly [KnowledgeEntry, KnowledgeEntry]): AnswerDraft {
  draft.paragraph('Side by side, as the knowledge base describes them:')
  for (const entry of [one, other]) {
    draft.paragraph(`**${entry.title}.** ${paragraphsOf(entry)[0]} ${draft.cite(entry)}`)
  }
  return draft.closing('Ask about either of them for the whole entry.')
}

function continueEntry(draft: AnswerDraft, entry: KnowledgeEntry, facet: Facet, knowledge: KnowledgeBase): AnswerDraft {
  if (facet === 'again') {
    draft.paragraph(`**${entry.title}**, in one sentence: ${firstSentence(entry)} ${draft.cite(entry)}`)
    const example = labelledPart(entry, 'example')
    if (example !== undefined) draft.paragraph(example)
    return draft.closing('Name the word or step that is unclear, and I will explain that one.')
  }
  if (facet !== 'more') {
    const part = labelledPart(entry, facet) ?? (facet === 'practice' ? labelledPart(entry, 'example') : undefined)
    if (part !== undefined) return draft.paragraph(`On **${entry.title}** ${draft.cite(entry)}:`).paragraph(part)
    draft.paragraph(`The entry on **${entry.title}** has no part of its own on that. What it says:`)
    return tellEntry(draft, entry, knowledge)
  }
  const related = entry.related.map((id) => knowledge.entry(id)!)
  const list = related.map(
    (next, index) => `${index + 1}. **${next.title}**: ${firstSentence(next)} ${draft.cite(next)}`,
  )
  return draft
    .paragraph(`What goes with **${entry.title}**:\n\n${list.join('\n')}`)
    .closing('Which one shall I explain?')
}
