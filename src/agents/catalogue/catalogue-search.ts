/** The written part of the catalogue, searched by words; small enough to be held in memory and read as a whole. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { questionTerms } from '../question-terms.ts'
import { type CatalogueEntry, type CatalogueKind, catalogueEntrySchema } from './catalogue-entry.ts'

export interface Catalogue {
  readonly size: number
  readonly entries: readonly CatalogueEntry[]
  /** The entries that share telling words with the query, the best first; without such words, the first of the kind. */
  readonly search: (query: string, options: SearchOptions) => readonly CatalogueEntry[]
}

export interface SearchOptions {
  readonly limit: number
  readonly kind?: CatalogueKind
}

const CATALOGUE_FILE = new URL('./catalogue.json', import.meta.url)
/** A word in the title says more than one in a tag, and that more than one in the text. */
const TITLE_WEIGHT = 3
const TAG_WEIGHT = 2
const SUMMARY_WEIGHT = 1
/** Of the query's telling words this share must be met by weight, so that "AI" alone finds not everything. */
const COMMON_TERMS = new Set(
  questionTerms('AI project projects tool tools people learning path challenge example app build built model models'),
)

export function loadCatalogue(): Catalogue {
  return createCatalogue(z.array(catalogueEntrySchema).parse(JSON.parse(readFileSync(CATALOGUE_FILE, 'utf8'))))
}

export function createCatalogue(entries: readonly CatalogueEntry[]): Catalogue {
  const indexed = entries.map((entry) => ({ entry, weights: weightsOf(entry) }))
  return {
    size: entries.length,
    entries,
    search(query, { limit, kind }) {
      const ofKind = indexed.filter(({ entry }) => kind === undefined || entry.kind === kind)
      const all = [...new Set(questionTerms(query))]
      const telling = all.filter((term) => !COMMON_TERMS.has(term))
      if (telling.length === 0) return kind === undefined ? [] : ofKind.slice(0, limit).map(({ entry }) => entry)
      return ofKind
        .map(({ entry, weights }) => ({
          entry,
          score: telling.reduce((sum, term) => sum + (weights.get(term) ?? 0), 0),
        }))
        .filter(({ score }) => score > 0)
        .sort((one, other) => other.score - one.score)
        .slice(0, limit)
        .map(({ entry }) => entry)
    },
  }
}

function weightsOf({ title, tags, summary }: CatalogueEntry): ReadonlyMap<string, number> {
  const weights = new Map<string, number>()
  const add = (text: string, weight: number) => {
    for (const term of new Set(questionTerms(text))) weights.set(term, Math.max(weights.get(term) ?? 0, weight))
  }
  add(title, TITLE_WEIGHT)
  add(tags.join(' '), TAG_WEIGHT)
  add(summary, SUMMARY_WEIGHT)
  return weights
}
