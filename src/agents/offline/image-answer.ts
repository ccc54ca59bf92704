/** Cannot draw and says so; turns the wish into a description that an image model could use. */
import type { KnowledgeBase } from '../knowledge-base.ts'
import { questionTerms } from '../question-terms.ts'
import { type AnswerDraft, createAnswerDraft, quoted } from './answer-draft.ts'
import type { AskedQuestion } from './asked-question.ts'
import { paragraphsOf } from './entry-parts.ts'

const noPicture = 'I cannot draw while offline: no image model is connected, so there is no picture yet.'
const changesMax = 5

export function imageAnswer(question: AskedQuestion, knowledge: KnowledgeBase): AnswerDraft {
  const draft = createAnswerDraft().paragraph(noPicture)
  const { wish, changes } = wishOf(question)
  const subject = subjectOf(wish)
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

/** The latest wish for a picture, and what was asked to be changed about it since. */
function wishOf({ text, earlier }: AskedQuestion): { readonly wish: string; readonly changes: readonly string[] } {
  const asked = earlier.filter(({ role }, index) => role === 'user' && earlier[index + 1]?.text.includes(noPicture))
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
