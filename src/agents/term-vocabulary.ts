/** Knows every word of the knowledge base: how telling it is, and which known word a misspelt one was meant to be. */
import SearchableMap from 'minisearch/SearchableMap'

export interface TermVocabulary {
  /** How telling a term is: the natural logarithm of (1 + entries / entries that speak of it). Unknown terms tell most. */
  weight(term: string): number
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

/** Builds the vocabulary from the terms of each entry. */
export function createTermVocabulary(entryTerms: readonly ReadonlySet<string>[]): TermVocabulary {
  const entriesWith = new SearchableMap<number>()
  for (const terms of entryTerms) {
    for (const term of terms) entriesWith.update(term, (count = 0) => count + 1)
  }

  function weight(term: string): number {
    return Math.log(1 + entryTerms.length / (entriesWith.get(term) ?? 1))
  }

  function guess(term: string): string | undefined {
    const typos = term.length >= twoTyposLengthMin ? 2 : 1
    if (term.length < oneTypoLengthMin || /\d/.test(term)) return undefined
    let best: { known: string; count: number; distance: number } | undefined
    for (const [known, [count, distance]] of entriesWith.fuzzyGet(term, typos)) {
      if (known[0] !== term[0]) continue // People rarely mistype the first letter; a match that differs there is another word.
      const isBetter =
        best === undefined || distance < best.distance || (distance === best.distance && count > best.count)
      if (isBetter) best = { known, count, distance }
    }
    return best?.known
  }

  function corrected(terms: readonly string[]): CorrectedTerm[] {
    return terms.map((term) => {
      if (entriesWith.has(term)) return { term, trust: 1 }
      const known = guess(term)
      return known === undefined ? { term, trust: 1 } : { term: known, trust: trustInGuess }
    })
  }

  return { weight, isKnown: (term) => entriesWith.has(term), corrected }
}
