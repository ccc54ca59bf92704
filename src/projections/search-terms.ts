/** What somebody typed into a search, taken apart: words, and phrases in quotes. */

export interface SearchTerm {
  /** As it was typed. */
  readonly typed: string
  /** For Postgres: characters of scripts without spaces stand apart, as they do in the index. */
  readonly searched: string
  readonly isPhrase: boolean
}

/** More terms than this are left out. */
const TERMS_MAX = 10
const TERM_CHARACTERS_MAX = 200

/** Scripts that are written without spaces: kana, Han and Hangul. */
const UNSPACED = /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/gu
const QUOTED_OR_WORD = /["“”„]([^"“”„]+)["“”„]|([^\s"“”„]+)/gu
const HAS_WORD = /[\p{L}\p{N}]/u

/** Terms without a letter or a digit are left out: an index of words has nothing to say about them. */
export function parseSearch(q: string): SearchTerm[] {
  const terms: SearchTerm[] = []
  for (const [, quoted, word] of q.replaceAll('\0', ' ').toWellFormed().matchAll(QUOTED_OR_WORD)) {
    const typed = (quoted ?? word ?? '').slice(0, TERM_CHARACTERS_MAX).toWellFormed().trim()
    if (!HAS_WORD.test(typed)) continue
    const searched = typed.replaceAll(UNSPACED, ' $& ')
    terms.push({ typed, searched, isPhrase: quoted !== undefined || searched !== typed })
    if (terms.length === TERMS_MAX) break
  }
  return terms
}
