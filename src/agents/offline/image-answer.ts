/** Has a picture made from the wish over several turns, and says how it came about; without that, writes its description. */
import { z } from 'zod'
import type { KnowledgeBase } from '../knowledge-base.ts'
import { questionTerms } from '../question-terms.ts'
import { MAKE_IMAGE } from '../tools/image-tools.ts'
import { type AnswerDraft, createAnswerDraft, quoted } from './answer-draft.ts'
import type { AskedQuestion } from './asked-question.ts'
import { paragraphsOf } from './entry-parts.ts'
import type { ToolWish, ToolWork } from './tool-work.ts'

const noPicture = 'I cannot draw while offline: no image model is connected, so there is no picture yet.'
const drawnNotGenerated = 'It is drawn from words and shapes, not a generated picture: no image model is connected.'
const drawnInstead =
  'It is drawn from words and shapes, not a generated picture: the image model did not make one just now.'
const changesMax = 5
const descriptionCharactersMax = 2_000
const titleCharactersMax = 120

export function imageAnswer(
  question: AskedQuestion,
  knowledge: KnowledgeBase,
  toolWork: ToolWork,
): AnswerDraft | ToolWish {
  const { wish, changes } = wishOf(question)
  const subject = subjectOf(wish)
  const hasSubject = questionTerms(subject).length > 0
  const [made] = toolWork.resultsOf(MAKE_IMAGE)
  if (made === undefined && hasSubject && toolWork.has(MAKE_IMAGE))
    return pictureWish(subject, wish, changes, knowledge)
  const picture = made?.isFailed === false ? pictureSchema.safeParse(made.result).data : undefined
  if (picture !== undefined) return madeAnswer(picture, subject, changes)
  return descriptionAnswer({ wish, changes, subject }, knowledge, made === undefined ? noPicture : drawingFailed)
}

const drawingFailed = 'The picture could not be made just now, so there is none yet.'

const pictureSchema = z.object({
  origin: z.enum(['generated', 'drawn']),
  alt: z.string(),
  insteadOf: z.array(z.unknown()).default([]),
})

function pictureWish(subject: string, wish: string, changes: readonly string[], knowledge: KnowledgeBase): ToolWish {
  const isExplaining = explains.test(wish)
  const entry = isExplaining ? knowledge.search(subject, { limit: 1, area: 'learning' })[0]?.entry : undefined
  const labels = entry?.related.flatMap((id) => knowledge.entry(id)?.title ?? []) ?? []
  const picture = {
    title: (entry?.title ?? subject).slice(0, titleCharactersMax),
    description: [subject, ...changes].join('; ').slice(0, descriptionCharactersMax),
    ...(labels.length > 0 && { form: 'diagram', labels: labels.slice(0, 6) }),
  }
  return { calls: [{ tool: MAKE_IMAGE, arguments: picture }] }
}

function madeAnswer(
  { origin, alt, insteadOf }: z.infer<typeof pictureSchema>,
  subject: string,
  changes: readonly string[],
): AnswerDraft {
  const draft = createAnswerDraft().paragraph(`Here is ${quoted(subject)}, below.`)
  if (origin === 'drawn') draft.paragraph(insteadOf.length > 0 ? drawnInstead : drawnNotGenerated)
  if (changes.length > 0)
    draft.paragraph(changes.map((change) => `- changed at your wish: ${quoted(change)}`).join('\n'))
  return draft.paragraph(`In words: ${quoted(alt)}`).closing('What should I change: subject, style or format?')
}

/** What can be handed to an image model elsewhere. */
function descriptionAnswer(
  { wish, changes, subject }: { wish: string; changes: readonly string[]; subject: string },
  knowledge: KnowledgeBase,
  opening: string,
): AnswerDraft {
  const draft = createAnswerDraft().paragraph(opening)
  if (questionTerms(subject).length === 0) {
    return draft.paragraph(
      'Tell me what it should show, in which style (photo, drawing, diagram), in which format (square, wide, tall) and which words should appear in it. I will write the description that an image model needs.',
    )
  }
  const isExplaining = explains.test(wish)
  const lines = [
    `**Subject:** ${quoted(subject)}`,
    `**Style:** ${isExplaining ? 'flat infographic, few colours, clear icons' : 'your choice: photo, watercolour, line drawing'}`,
    '**Composition:** one clear centre, quiet background',
    '**Format:** wide, 16:9',
    `**Words in the picture:** ${isExplaining ? 'a title and at most five short labels' : 'none'}`,
    ...changes.map((change) => `**Changed at your wish:** ${quoted(change)}`),
  ]
  draft.paragraph('A description you can hand to any image model, to be filled in where you have a wish:')
  draft.paragraph(lines.map((line) => `> ${line}`).join('\n'))
  const entry = isExplaining ? knowledge.search(subject, { limit: 1, area: 'learning' })[0]?.entry : undefined
  if (entry !== undefined) {
    draft.paragraph(`What the labels can say about **${entry.title}** ${draft.cite(entry)}: ${paragraphsOf(entry)[0]}`)
  }
  return draft.closing('What should I change: subject, style or format?')
}

/** Whether an answer dealt with a picture, so that what follows may change it. */
function isAboutPicture(answer: string): boolean {
  return (
    answer.includes(noPicture) ||
    answer.includes(drawingFailed) ||
    answer.includes('What should I change: subject, style or format?')
  )
}

/** The latest wish for a picture, and what was asked to be changed about it since. */
function wishOf({ text, earlier }: AskedQuestion): { readonly wish: string; readonly changes: readonly string[] } {
  const asked = earlier.filter(({ role }, index) => role === 'user' && isAboutPicture(earlier[index + 1]?.text ?? ''))
  const wishes = [...asked.map((message) => message.text), text]
  const isNew = (message: string) => wishing.test(message) && questionTerms(subjectOf(message)).length > 0
  const start = Math.max(wishes.findLastIndex(isNew), 0)
  const first = wishes.findIndex((message, index) => index >= start && questionTerms(subjectOf(message)).length > 0)
  return {
    wish: wishes[first] ?? text,
    changes: wishes.slice((first < 0 ? wishes.length : first) + 1).slice(-changesMax),
  }
}

/** A message that asks for a picture, rather than for a change to one. */
const wishing =
  /\b(?:create|draw|generate|design|paint|sketch|image|picture|photo|illustration|infographic|diagram|banner|logo|avatar|bild|imagen|dessin)\b/i

const explains = /\b(infogra\w+|diagram\w*|diagramm\w*|flow ?chart|chart|explain\w*|schema|poster|about)\b/i

/** What remains of a wish for a picture when the wishing is taken away. */
function subjectOf(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replace(
      /^.*?\b(?:image|picture|photo|illustration|infographic|visual|diagram|flow ?chart|banner|logo|avatar|bild|imagen|dessin|imagem)\b\s*(?:of|about|showing|with|for|that|von|de|sobre|d['’]|sur|uber|über)?\s*/i,
      '',
    )
    .replace(
      /^(?:please\s+)?(?:can you\s+|could you\s+)?(?:make|create|generate|draw|design|paint|sketch)\s+(?:me\s+)?(?:an?\s+)?/i,
      '',
    )
    .trim()
}
