/** Knows the words that entries go by: how telling each is, and which of them a misspelt one was meant to be. */
import SearchableMap from 'minisearch/SearchableMap'
import type { EntryTerms } from './entry-terms.ts'
import { isLightTerm } from './question-terms.ts'

export interface TermVocabulary {
  /** How telling a term is: the natural logarithm of (1 + entries / entries that go by it); most for unknown terms. */
  weight(term: string): number
  /** Whether an entry goes by the term. */
  isKnown(term: string): boolean
  /** Returns the terms as known here; a term that is neither known nor close to a known one stays as it is. */
  corrected(terms: readonly string[]): CorrectedTerm[]
}

export interface CorrectedTerm {
  readonly term: string
  /** 1 for a term as written; less for a guess at a misspelt one. */
  readonly trust: number
}

const trustInGuess = 0.7
const oneTypoLengthMin = 6
const twoTyposLengthMin = 10

export function createTermVocabulary(entries: readonly EntryTerms[]): TermVocabulary {
  const entriesWith = new Map<string, number>()
  for (const { named } of entries) {
    for (const term of named) entriesWith.set(term, (entriesWith.get(term) ?? 0) + 1)
  }
  const similar = SearchableMap.from(entriesWith)
  // Words that only bodies use are spelt right all the same.
  const spelt = new Set(entries.flatMap(({ named, told }) => [...named, ...told]))

  function weight(term: string): number {
    return Math.log(1 + entries.length / (entriesWith.get(term) ?? 1))
  }

  function guess(term: string): string | undefined {
    const swapped = swaps(term).find((other) => entriesWith.has(other))
    if (swapped !== undefined) return swapped
    const typos = term.length >= twoTyposLengthMin ? 2 : 1
    if (term.length < oneTypoLengthMin || /\d/.test(term)) return undefined
    let best: { known: string; count: number; distance: number } | undefined
    for (const [known, [count, distance]] of similar.fuzzyGet(term, typos)) {
      if (known[0] !== term[0]) continue // People rarely mistype the first letter; a match that differs there is another word.
      const isBetter =
        best === undefined || distance < best.distance || (distance === best.distance && count > best.count)
      if (isBetter) best = { known, count, distance }
    }
    return best?.known
  }

  function corrected(terms: readonly string[]): CorrectedTerm[] {
    return terms.map((term) => {
      if (spelt.has(term) || isLightTerm(term)) return { term, trust: 1 }
      const known = guess(term)
      return known === undefined ? { term, trust: 1 } : { term: known, trust: trustInGuess }
    })
  }

  return { weight, isKnown: (term) => entriesWith.has(term), corrected }
}

/** Every word that comes of swapping two neighbouring letters after the first, the commonest typing error. */
function swaps(term: string): string[] {
  if (term.length < oneTypoLengthMin) return []
  return Array.from({ length: term.length - 2 }, (_, index) => {
    return term.slice(0, index + 1) + term[index + 2] + term[index + 1] + term.slice(index + 3)
  })
}
