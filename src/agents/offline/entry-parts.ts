/** Takes an entry's body apart: its first sentence, its opening, and the paragraphs labelled for a purpose. */
import type { KnowledgeEntry } from '../knowledge-entry.ts'
import { foldText } from '../question-terms.ts'

/** Which side of a topic a follow-up asks for. `again` wants it simpler, `more` wants to go on from here. */
export type Facet = 'example' | 'practice' | 'limits' | 'again' | 'more'

const labels = { example: 'Example:', practice: 'In practice:', limits: 'Limits:' } as const

export function paragraphsOf(entry: KnowledgeEntry): string[] {
  return entry.body.split(/\n\s*\n/)
}

/** The sentence that alone answers "what is it?". */
export function firstSentence(entry: KnowledgeEntry): string {
  const opening = paragraphsOf(entry)[0]!.replaceAll('\n', ' ')
  return /^.+?[.!?](?=\s|$)/.exec(opening)?.[0] ?? opening
}

/** Returns the paragraphs under a label, with the code or list that follows them; undefined when the entry has none. */
export function labelledPart(entry: KnowledgeEntry, facet: keyof typeof labels): string | undefined {
  const paragraphs = paragraphsOf(entry)
  const start = paragraphs.findIndex((paragraph) => paragraph.startsWith(labels[facet]))
  if (start < 0) return undefined
  const isLabelled = (paragraph: string) => Object.values(labels).some((label) => paragraph.startsWith(label))
  const after = paragraphs.slice(start + 1).findIndex(isLabelled)
  return paragraphs.slice(start, after < 0 ? undefined : start + 1 + after).join('\n\n')
}

/** Reads from a question which side of its topic it asks for. */
export function facetOf(question: string): Facet | undefined {
  const folded = foldText(question)
  return facetPatterns.find(([, pattern]) => folded.search(pattern) >= 0)?.[0]
}

/** Returns what remains of a question, folded, without the words that name a side of the topic. */
export function withoutFacet(question: string): string {
  return facetPatterns.reduce((rest, [, pattern]) => rest.replaceAll(pattern, ' '), foldText(question))
}

const facetPatterns: readonly (readonly [Facet, RegExp])[] = [
  ['example', /\b(?:examples?|for instance|beispiele?|ejemplos?|exemples?|exemplos?|esempi[o]?)\b/g],
  [
    'limits',
    /\b(?:limits?|limitations?|drawbacks?|downsides?|disadvantages?|problems?|risks?|cons|goe?s? wrong|fails?|dangers?|dangerous|harmful|nachteile?|desventajas?|inconvenients?)\b/g,
  ],
  [
    'again',
    /\b(?:simpl\w*|easier|again|confus\w*|lost|eli5|layman|plain|what do you mean|(?:dont|do not|didnt) (?:understand|get|follow)(?: it| that| this)?|too hard|nochmal|einfacher|verstehe|entiendo|comprends)\b/g,
  ],
  [
    'practice',
    /\b(?:implement\w*|appl(?:y|ied)|set ?up|how (?:do|can|would|should|could) (?:i|we|you)|in practice|prevent\w*|avoid\w*|verhinder\w*|vermeid\w*|evit(?:ar|o)|eviter|wie (?:kann|mache) (?:ich|man)|como (?:puedo|hago)|comment (?:puis|faire)|tools?|technolog\w+|my (?:own )?(?:project|app|work|company|team)|umsetzen|anwenden|implementar|usar|mettre en)\b/g,
  ],
  ['more', /\b(?:more|details?|deeper|elaborate|else|continue|go on|next|mehr|weiter|mas|plus|why|how)\b/g],
]
