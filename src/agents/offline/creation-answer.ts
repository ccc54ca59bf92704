/** Drafts a project in the person's words, turn by turn; asks once whose a pasted link is, and never pretends to have made anything. */
import { z } from 'zod'
import type { KnowledgeBase } from '../knowledge-base.ts'
import type { ModelMessage } from '../language-model.ts'
import { foldText } from '../question-terms.ts'
import { DRAFT_PROJECT } from '../tools/project-tools.ts'
import { type AnswerDraft, createAnswerDraft, quoted } from './answer-draft.ts'
import type { AskedQuestion } from './asked-question.ts'
import { firstSentence } from './entry-parts.ts'
import type { ToolWish, ToolWork } from './tool-work.ts'

const ownershipQuestion = 'Is it your own work, or somebody else’s that you want to keep for reference?'
const nothingCreated = 'Nothing has been created or saved outside this conversation.'
const ideasShownMax = 2
/** Under this fit, an entry is not a likely part of the project. */
const ideaFitMin = 0.6

export function creationAnswer(
  question: AskedQuestion,
  _knowledge: KnowledgeBase,
  toolWork: ToolWork,
): AnswerDraft | ToolWish {
  const [drafted] = toolWork.resultsOf(DRAFT_PROJECT)
  if (drafted === undefined && toolWork.has(DRAFT_PROJECT)) {
    const isNew = anotherOne.test(foldText(question.text))
    return { calls: [{ tool: DRAFT_PROJECT, arguments: isNew ? { isNew } : {} }] }
  }
  const project = projectSchema.safeParse(drafted?.result).data
  return project === undefined ? inWordsOnly(question) : draftedAnswer(question, project)
}

const projectSchema = z.object({
  title: z.string(),
  link: z.string().nullable(),
  ownership: z.enum(['own', 'reference', 'unstated']),
  notes: z.array(z.string()),
  isNew: z.boolean(),
  shouldAskWhose: z.boolean(),
})
type Drafted = z.infer<typeof projectSchema>

const anotherOne =
  /\b(another|new|different|second) project\b|\b(otro|nuevo) proyecto\b|\b(neues|anderes) projekt\b|\b(autre|nouveau) projet\b/

function draftedAnswer(question: AskedQuestion, project: Drafted): AnswerDraft {
  const draft = createAnswerDraft()
  const { title, link, ownership, notes, isNew } = project
  const name = quoted(title)
  if (project.shouldAskWhose && link !== null) {
    return draft
      .paragraph(
        `I see the link ${quoted(link)} and drafted ${name} from its address. I do not open links, so what is there only you can tell me.`,
      )
      .closing(ownershipQuestion)
  }
  if (ownership === 'reference') {
    draft.paragraph(
      `Kept for reference: ${name}${link === null ? '' : `, ${quoted(link)}`}. It is in your projects on the page My data at \`/me\`, marked as somebody else’s work.`,
    )
    return draft.paragraph('Tell me in a sentence why it matters to you, and I keep that beside it.')
  }
  const made = isNew ? `I drafted your project ${name}.` : `I added that to your project ${name}.`
  const list = notes.slice(-notesMax).map((note) => `- ${quoted(note)}`)
  if (link !== null) list.unshift(`- the link ${quoted(link)}`)
  draft.paragraph(`${made} So far, in your words:\n\n${list.join('\n')}`)
  addIdeas(draft, question)
  const next = nextQuestions[Math.min(Math.max(notes.length, 1), nextQuestions.length) - 1]!
  return draft.closing(`It is a draft in your projects (\`/me\`), seen by nobody else until you share it. ${next}`)
}

/** Without the tool, a project is an outline in the conversation and nothing more. */
function inWordsOnly(question: AskedQuestion): AnswerDraft {
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
  addIdeas(draft, question)
  const next = nextQuestions[Math.min(notes.length, nextQuestions.length) - 1]!
  return draft.closing(`${nothingCreated} ${next}`)
}

function addIdeas(draft: AnswerDraft, question: AskedQuestion): void {
  const ideas = question.matches
    .filter(({ entry, fit }) => entry.area === 'learning' && fit >= ideaFitMin)
    .slice(0, ideasShownMax)
  if (ideas.length > 0) {
    const lines = ideas.map(({ entry }) => `- **${entry.title}**: ${firstSentence(entry)} ${draft.cite(entry)}`)
    draft.paragraph(`From the knowledge base, likely parts of it:\n\n${lines.join('\n')}`)
  }
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
