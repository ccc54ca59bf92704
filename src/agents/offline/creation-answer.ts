/** Helps to plan a project in words: asks once whose a pasted link is, and never pretends to have created anything. */
import type { ModelMessage } from '../language-model.ts'
import { foldText } from '../question-terms.ts'
import { type AnswerDraft, createAnswerDraft, quoted } from './answer-draft.ts'
import type { AskedQuestion } from './asked-question.ts'
import { firstSentence } from './entry-parts.ts'

const ownershipQuestion = 'Is it your own work, or somebody else’s that you want to keep for reference?'
const nothingCreated = 'Nothing has been created or saved outside this conversation.'
const ideasShownMax = 2
/** Under this fit, an entry is not a likely part of the project. */
const ideaFitMin = 0.6

export function creationAnswer(question: AskedQuestion): AnswerDraft {
  const address = addressIn(question.text) ?? lastAddress(question.earlier)
  if (address === undefined) return outline(question)
  const folded = foldText(question.text)
  if (foreign.test(folded)) return keepForReference(address)
  const whose = `I see the link ${quoted(address)}. ${ownershipQuestion}`
  if (own.test(folded)) return outline(question, { address, isOwn: true })
  const isAsked = question.earlier.some(({ role, text }) => role === 'assistant' && text.includes(whose))
  if (isAsked || addressIn(question.text) === undefined) return outline(question, { address, isOwn: false })
  return createAnswerDraft().closing(whose)
}

const foreign =
  /\b(not (mine|my)|isnt mine|is not mine|found (it|this)|clip(ped|ping)?|bookmark|save it|for reference|somebody elses|someone elses|nicht meins?|no es mio|pas (a moi|le mien))\b/
const own =
  /\b(its mine|it is mine|is mine|my own|my (project|repo|repository|site|work|video|app)|i (made|built|created|wrote)|i am the owner|im the owner|meins|es mio|cest le mien)\b/

function keepForReference(address: string): AnswerDraft {
  return createAnswerDraft()
    .paragraph(
      `Understood: ${quoted(address)} is not yours and you want to keep it for reference. As the offline assistant I have no collection to put it in, so it stays where it is safe already: in this conversation, which search will find again.`,
    )
    .paragraph('Tell me in a sentence why it matters to you, and the note will be found together with the link.')
}

/** Drafts a project in words; from the second message on, gathers what was said and asks for what is missing. */
function outline(question: AskedQuestion, link?: { readonly address: string; readonly isOwn: boolean }): AnswerDraft {
  const notes = [...notesSoFar(question.earlier), question.text].slice(-notesMax)
  const draft = createAnswerDraft()
  if (link?.isOwn) {
    draft.paragraph(`Good, it is yours. I do not open links while offline, so tell me what is there.`)
  }
  const list = notes.map((note) => `- ${quoted(note)}`)
  if (link !== undefined) list.unshift(`- the link ${quoted(link.address)}`)
  draft.paragraph(`Your project so far, in your words:\n\n${list.join('\n')}`)
  const ideas = question.matches
    .filter(({ entry, fit }) => entry.area === 'learning' && fit >= ideaFitMin)
    .slice(0, ideasShownMax)
  if (ideas.length > 0) {
    const lines = ideas.map(({ entry }) => `- **${entry.title}**: ${firstSentence(entry)} ${draft.cite(entry)}`)
    draft.paragraph(`From the knowledge base, likely parts of it:\n\n${lines.join('\n')}`)
  }
  const next = nextQuestions[Math.min(notes.length, nextQuestions.length) - 1]!
  return draft.closing(`${nothingCreated} ${next}`)
}

/** What the person said in the turns that this outline answered. */
function notesSoFar(earlier: readonly ModelMessage[]): string[] {
  return earlier.flatMap(({ role, text }, index) => {
    const reply = earlier[index + 1]
    return role === 'user' && reply?.text.includes(nothingCreated) ? [text] : []
  })
}

const notesMax = 8

/** One question at a time, in the order in which a project takes shape. */
const nextQuestions = [
  'Who is it for, and what do they do today without it?',
  'What is the smallest version that one of them would use this week?',
  'Which tools, models and data would you build it with?',
  'How will you know that it works? Three real examples with the result you expect are enough.',
  'That is a whole outline. Export this conversation to take it along, or tell me what to change.',
]

function addressIn(text: string): string | undefined {
  return /https?:\/\/[^\s<>"')\]]+/i.exec(text)?.[0]
}

function lastAddress(earlier: readonly ModelMessage[]): string | undefined {
  return earlier
    .findLast(({ role, text }) => role === 'user' && addressIn(text) !== undefined)
    ?.text.match(/https?:\/\/[^\s<>"')\]]+/i)?.[0]
}
