/** Cuts the place out of a long text where something was found, and says which parts of it match. */
import type { SearchTerm } from './search-terms.ts'

export interface SnippetPart {
  readonly text: string
  readonly isMatch: boolean
}

const SNIPPET_CHARACTERS_MAX = 240
const CHARACTERS_BEFORE = 60
/** A found form of a word shares at least so much of its beginning with the word that was typed. */
const STEM_CHARACTERS_MIN = 3
const ENDING_CHARACTERS_MAX = 3

/** A text without a visible match (another form of the word was found) is shown from its beginning. */
export function snippetOf(text: string, terms: readonly SearchTerm[]): SnippetPart[] {
  const pattern = patternOf(terms)
  const first = pattern.exec(text)?.index ?? 0
  const from = wordStart(text, Math.max(0, first - CHARACTERS_BEFORE))
  const excerpt = [...text.slice(from, from + SNIPPET_CHARACTERS_MAX * 2)].slice(0, SNIPPET_CHARACTERS_MAX).join('')
  const parts: SnippetPart[] = []
  const add = (piece: string, isMatch: boolean) => {
    if (piece !== '') parts.push({ text: piece, isMatch })
  }
  add(from > 0 ? '…' : '', false)
  let end = 0
  for (const match of excerpt.matchAll(new RegExp(pattern, 'giu'))) {
    add(excerpt.slice(end, match.index), false)
    add(match[0], true)
    end = match.index + match[0].length
  }
  add(excerpt.slice(end), false)
  add(from + excerpt.length < text.length ? '…' : '', false)
  return parts
}

function patternOf(terms: readonly SearchTerm[]): RegExp {
  const alternatives = terms.map(({ typed, isPhrase }) => {
    if (isPhrase) return escaped(typed).replaceAll(/\s+/g, '\\s+')
    const stem = typed.slice(0, Math.max(STEM_CHARACTERS_MIN, typed.length - ENDING_CHARACTERS_MAX))
    const form = `${escaped(stem)}[\\p{L}\\p{N}]{0,${ENDING_CHARACTERS_MAX * 2}}(?![\\p{L}\\p{N}])`
    return `(?<![\\p{L}\\p{N}])(?:${escaped(typed)}[\\p{L}\\p{N}]*|${form})`
  })
  return new RegExp(alternatives.join('|'), 'iu')
}

/** Not in the middle of a word, and not in the middle of a character. */
function wordStart(text: string, from: number): number {
  if (from === 0) return 0
  const space = text.slice(from, from + CHARACTERS_BEFORE).search(/\s/)
  const start = space === -1 ? from : from + space + 1
  return text.slice(start).isWellFormed() || !text.isWellFormed() ? start : start + 1
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}
