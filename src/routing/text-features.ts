/** Turns a normalized text into the named features the linear model weighs: words, word pairs, letter groups, senses and marks of form. */
import { senseOf } from './sense-lexicon.ts'

/** A feature's name and how often the text has it. */
export type FeatureCounts = Map<string, number>

/** Features are taken from the head and the tail of a long text: its size must not decide how long a decision takes. */
const HEAD_LENGTH_MAX = 1_200
const TAIL_LENGTH_MAX = 400
const WORD_LENGTH_MAX = 24
const LETTER_GROUP_MIN = 2
const LETTER_GROUP_MAX = 5

const TOKEN = /[\p{L}\p{N}\p{M}_']+|[?!]/gu
const EDGE_QUOTES = /^'+|'+$/g

/** Splits a normalized text into words; question and exclamation marks count as words of their own. */
export function wordsOf(normalized: string): string[] {
  const words: string[] = []
  for (const [token] of readablePart(normalized).matchAll(TOKEN)) {
    const word = token.replace(EDGE_QUOTES, '').slice(0, WORD_LENGTH_MAX)
    if (word !== '') words.push(/^\d{3,}$/.test(word) ? '#' : word)
  }
  return words
}

/** The blocks of features of one text; each block is brought to unit length on its own, then weighed. */
export interface FeatureBlocks {
  readonly words: FeatureCounts
  readonly letters: FeatureCounts
  readonly senses: FeatureCounts
  readonly marks: FeatureCounts
}

/** Returns the features of a normalized text; `marks` are features known from elsewhere, such as the context of the turn. */
export function featuresOf(normalized: string, marks: readonly string[] = []): FeatureBlocks {
  const words = wordsOf(normalized)
  const blocks: FeatureBlocks = { words: new Map(), letters: new Map(), senses: new Map(), marks: new Map() }
  addWords(words, blocks.words)
  for (const word of words) addLetterGroups(word, blocks.letters)
  addSenses(words, blocks.senses)
  for (const mark of marks) count(blocks.marks, mark)
  return blocks
}

function addWords(words: readonly string[], counts: FeatureCounts): void {
  const padded = ['^', ...words, '$']
  for (let at = 1; at < padded.length; at++) {
    if (at < padded.length - 1) count(counts, `w:${padded[at]}`)
    count(counts, `w:${padded[at - 1]} ${padded[at]}`)
    if (at > 1) count(counts, `w:${padded[at - 2]} _ ${padded[at]}`)
  }
}

function addLetterGroups(word: string, counts: FeatureCounts): void {
  const padded = ` ${word} `
  for (let length = LETTER_GROUP_MIN; length <= LETTER_GROUP_MAX; length++) {
    for (let at = 0; at + length <= padded.length; at++) count(counts, `c:${padded.slice(at, at + length)}`)
  }
}

/** Senses in order, without what is said twice in a row and without the words that have none: alone, in pairs, and in pairs with a gap. */
function addSenses(words: readonly string[], counts: FeatureCounts): void {
  const senses = ['^']
  for (const word of words) {
    const sense = word === '?' ? '?' : senseOf(word)
    if (sense !== undefined && sense !== senses.at(-1)) senses.push(sense)
  }
  if (senses.length === 1) return
  senses.push('$')
  for (let at = 1; at < senses.length; at++) {
    if (at < senses.length - 1) count(counts, `s:${senses[at]}`)
    count(counts, `s:${senses[at - 1]} ${senses[at]}`)
    if (at > 1) count(counts, `s:${senses[at - 2]} _ ${senses[at]}`)
  }
}

function count(counts: FeatureCounts, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

function readablePart(text: string): string {
  if (text.length <= HEAD_LENGTH_MAX + TAIL_LENGTH_MAX) return text
  return `${text.slice(0, HEAD_LENGTH_MAX)} ${text.slice(-TAIL_LENGTH_MAX)}`
}
