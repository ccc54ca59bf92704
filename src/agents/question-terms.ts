/** Turns a question into the terms it is searched by: folded, without filler words, one word for one meaning, as stems. */
import { commonSubjects, commonWords, fillerWords, irregularStems, oneMeaning, phrases } from './question-lexicon.ts'

/** Later words of a very long text add nothing to a search. */
const wordsMax = 600
const charactersMax = 8_000
/** No word is longer; a longer run of letters would only cost time. */
const wordLengthMax = 40

/** Returns the telling words of a text, in order, as stems. */
export function questionTerms(text: string): string[] {
  return foldedWords(text)
    .filter((word) => !fillerWords.has(word) && !fillerWords.has(word.replace(/s$/, '')))
    .map(toTerm)
}

/** Returns all words of a text, in order, as stems: how it is asked as well as what about. */
export function questionWording(text: string): string[] {
  return foldedWords(text).map(toTerm)
}

/**
 * Terms that say little about the subject, though now and then it turns on them ("stop an answer"). They are searched like
 * all others, but weigh little when it is judged whether an entry answers.
 */
export function isLightTerm(term: string): boolean {
  return commonTerms.has(term) || commonSubjectTerms.has(term)
}

/** Whether a term names something that can be asked about, be it as common as "AI". */
export function isSubject(term: string): boolean {
  return !commonTerms.has(term)
}

/** Lower case without accents, so that "¿Qué es…?" and "que es" are the same words. */
export function foldText(text: string): string {
  return text.normalize('NFKD').replaceAll(/\p{M}/gu, '').replaceAll(/['’]/g, '').toLowerCase().replaceAll('ß', 'ss')
}

/**
 * Cuts an English word back so that its forms meet: plurals, -ing, -ed, -ation and -ate, the -ise/-ize family, a final e.
 * Coarser than Porter's stemmer and meant to be: it runs on both sides of the search, so it need not give words, only
 * agree.
 */
export function stem(word: string): string {
  if (word.length < 4 || /\p{N}/u.test(word)) return word
  let base = word
  if (base.endsWith('ies') && base.length > 4) base = `${base.slice(0, -3)}y`
  else if (base.endsWith('s') && !/(ss|us|is)$/.test(base)) base = base.slice(0, -1)
  base = base.replace(/^(.{3,})i[sz](?:ation|ing|ed|er|e)$/, '$1iz')
  base = base.replace(/^(.{3,})(?:ifier|ified|ifying|ify|ification)$/, '$1ific')
  base = base.replace(/^(.{4,})(?:ation|ative|ating|ated|ator|ate)$/, '$1').replace(/^(.{3,}[st])ion$/, '$1')
  base = cutEnding(cutEnding(base, 'ing'), 'ed')
  return base.length > 3 && base.endsWith('e') ? base.slice(0, -1) : base
}

function cutEnding(word: string, ending: string): string {
  const base = word.slice(0, -ending.length)
  if (!word.endsWith(ending) || base.length < 3 || !/[aeiouy]/.test(base)) return word
  return /([bdgmnprt])\1$/.test(base) ? base.slice(0, -1) : base
}

function foldedWords(text: string): string[] {
  let folded = foldText(text.slice(0, charactersMax))
  for (const [pattern, word] of phrases) folded = folded.replaceAll(pattern, ` ${word} `)
  return Iterator.from(folded.matchAll(/[\p{L}\p{N}]+/gu))
    .take(wordsMax)
    .map(([word]) => word.slice(0, wordLengthMax))
    .toArray()
}

function toTerm(word: string): string {
  const base = irregularStems[word] ?? stem(word)
  return termOfMeaning.get(base) ?? base
}

/** For every word of a group, the group's first word; all as stems. */
const termOfMeaning: ReadonlyMap<string, string> = new Map(
  oneMeaning.flatMap(([first = '', ...others]) => others.map((word) => [stem(word), stem(first)] as const)),
)

const commonTerms: ReadonlySet<string> = new Set([...commonWords].map(toTerm))
const commonSubjectTerms: ReadonlySet<string> = new Set([...commonSubjects].map(toTerm))
