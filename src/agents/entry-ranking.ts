/** Ranks entries by the words they share with a question, by MiniSearch's BM25+ over two indexes. */
import MiniSearch from 'minisearch'
import type { EntryTerms } from './entry-terms.ts'
import { isLightTerm } from './question-terms.ts'

export interface EntryRanking {
  /** Returns the entries that share a term with the question, best first, at most `limit`; the rank is at least 0. */
  rank(terms: readonly string[], limit: number): RankedEntry[]
}

export interface RankedEntry {
  readonly one: EntryTerms
  readonly rank: number
}

/** How much the entry as a whole counts beside its closest question form. */
const wholeEntryShare = 0.25

/**
 * Indexes entries twice: every question form as a short document of its own, so that the closest form decides, and every
 * entry as a whole, so that a question nobody foresaw still finds its words.
 */
export function createEntryRanking(entries: readonly EntryTerms[]): EntryRanking {
  const forms = questionFormIndex(entries)
  const wholes = wholeEntryIndex(entries)

  function rank(terms: readonly string[], limit: number): RankedEntry[] {
    const query = terms.join(' ')
    const formScores = new Map<number, number>()
    for (const { entryNumber, score } of forms.search(query, weighed)) {
      formScores.set(entryNumber, Math.max(score, formScores.get(entryNumber) ?? 0))
    }
    const ranked = wholes.search(query, weighed).map(({ id, score }): RankedEntry => {
      return { one: entries[id]!, rank: (formScores.get(id) ?? 0) + wholeEntryShare * score }
    })
    return ranked.toSorted((a, b) => b.rank - a.rank).slice(0, limit)
  }

  return { rank }
}

/** Common words find entries as well, but do not decide between them. */
const weighed = { boostTerm: (term: string) => (isLightTerm(term) ? lightTermBoost : 1) }
const lightTermBoost = 0.5

/** Documents arrive as terms already, so splitting at spaces is all that is left to do. */
const alreadyTerms = {
  tokenize: (text: string) => text.split(' '),
  processTerm: (term: string) => term,
}

function questionFormIndex(entries: readonly EntryTerms[]): MiniSearch {
  const index = new MiniSearch({ ...alreadyTerms, fields: ['form'], storeFields: ['entryNumber'] })
  const documents = entries.flatMap(({ forms }, entryNumber) => {
    return forms.map(({ terms }) => ({ entryNumber, form: [...terms].join(' ') }))
  })
  index.addAll(documents.filter(({ form }) => form !== '').map((document, id) => ({ id, ...document })))
  return index
}

function wholeEntryIndex(entries: readonly EntryTerms[]): MiniSearch {
  const index = new MiniSearch({
    ...alreadyTerms,
    fields: ['title', 'forms', 'tags', 'body'],
    searchOptions: { boost: { title: 3, forms: 1, tags: 2, body: 0.6 } },
  })
  index.addAll(
    entries.map(({ title, forms, tags, body }, id) => ({
      id,
      title: title.join(' '),
      forms: forms.flatMap(({ terms }) => [...terms]).join(' '),
      tags: tags.join(' '),
      body: body.join(' '),
    })),
  )
  return index
}
