/** Finds the written entries that answer a question, and says how well they fit, so that "no entry" can be an answer too. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import MiniSearch from 'minisearch'
import { Fault } from '../shared/failures.ts'
import { type KnowledgeArea, type KnowledgeEntry, parseKnowledgeFile } from './knowledge-entry.ts'
import { isLightTerm, questionTerms, questionWording } from './question-terms.ts'
import { createTermVocabulary, type TermVocabulary } from './term-vocabulary.ts'

export interface KnowledgeBase {
  /** Names this content: the first 12 hex digits of its SHA-256. The same version gives the same answers. */
  readonly version: string
  readonly entries: readonly KnowledgeEntry[]
  entry(id: string): KnowledgeEntry | undefined
  /** Returns the entries that answer the question, best first; empty when none does. */
  search(question: string, options?: SearchOptions): KnowledgeMatch[]
  /** Returns the entries closest to a question, whether or not they answer it; empty when no word is known. */
  nearest(question: string, options?: SearchOptions): KnowledgeMatch[]
}

export interface KnowledgeMatch {
  readonly entry: KnowledgeEntry
  /** For ranking only; grows with the number and rarity of the words found. */
  readonly score: number
  /** How well question and entry fit each other, 0 to 1: see `fitOf`. */
  readonly fit: number
}

export interface SearchOptions {
  /** At most this many matches, and never more than `limitMax`. */
  readonly limit?: number
  /** Entries written for this agent win when scores are close. */
  readonly area?: KnowledgeArea
}

const limitMax = 20
const limitUsual = 5

/** Under this fit an entry is near, but no answer. Held in place by the test of questions outside the knowledge. */
const fitMin = 0.45

/** How much the entry as a whole counts beside its closest question form. */
const wholeEntryShare = 0.3
const ownAreaBoost = 1.2
/** How much a form in the very same words, small words included, lifts an entry. */
const wordingBoost = 0.5
/** A word that only the body uses says less than one in a title, form or tag. */
const trustInBody = 0.5
const lightWeight = 0.3
/** A word that no entry knows may be what the question is about, or mere decoration. */
const unknownWeight = 0.6

/** Reads every `*.md` file of a directory. Throws `knowledge-not-readable` when a file or an entry is not as it must be. */
export function loadKnowledgeBase(directory: URL = new URL('./knowledge/', import.meta.url)): KnowledgeBase {
  const files = readdirSync(directory)
    .filter((name) => name.endsWith('.md'))
    .toSorted()
  const entries = files.flatMap((name) => parseKnowledgeFile(name, readFileSync(new URL(name, directory), 'utf8')))
  return createKnowledgeBase(entries)
}

/**
 * Indexes entries twice: every question form as a short document of its own, so that the closest form decides, and every
 * entry as a whole, so that a question nobody foresaw still finds its words. Ranking is MiniSearch's BM25+, corrected by
 * how well question and entry fit each other.
 */
export function createKnowledgeBase(entries: readonly KnowledgeEntry[]): KnowledgeBase {
  checkReferences(entries)
  const known = new Map(entries.map((entry) => [entry.id, toKnown(entry)]))
  const vocabulary = createTermVocabulary([...known.values()].map(({ named, told }) => new Set([...named, ...told])))
  const forms = questionFormIndex(entries)
  const wholes = wholeEntryIndex(entries)

  function nearest(question: string, options: SearchOptions = {}): KnowledgeMatch[] {
    const asked = readAsked(question, vocabulary)
    if (asked.terms.size === 0) return matchesByWording(asked, known)
    const query = [...asked.terms.keys()].join(' ')
    const formScores = bestPerEntry(forms.search(query))
    const matches = wholes.search(query).map((found): KnowledgeMatch => {
      const one = known.get(found.id)!
      const { fit, wording } = fitOf(asked, one)
      const boost = (one.entry.area === options.area ? ownAreaBoost : 1) * (1 + wordingBoost * wording) * Math.sqrt(fit)
      const score = boost * ((formScores.get(found.id) ?? 0) + wholeEntryShare * found.score)
      return { entry: one.entry, score, fit }
    })
    return matches.toSorted(byScore).slice(0, Math.min(options.limit ?? limitUsual, limitMax))
  }

  function search(question: string, options: SearchOptions = {}): KnowledgeMatch[] {
    const matches = nearest(question, { ...options, limit: limitMax })
    return matches.filter(({ fit }) => fit >= fitMin).slice(0, options.limit ?? limitUsual)
  }

  const version = createHash('sha256').update(JSON.stringify(entries)).digest('hex').slice(0, 12)
  return { version, entries, entry: (id) => known.get(id)?.entry, search, nearest }
}

/** Every id that an entry points at must exist, and no id, title or question form may belong to two entries. */
function checkReferences(entries: readonly KnowledgeEntry[]): void {
  const ids = new Set(entries.map(({ id }) => id))
  const taken = new Map<string, string>()
  for (const entry of entries) {
    for (const related of entry.related) {
      if (!ids.has(related))
        throw new Fault('knowledge-not-readable', { entry: entry.id, problem: `unknown ${related}` })
    }
    for (const name of new Set([entry.id, entry.title, ...entry.asks].map((text) => text.toLowerCase()))) {
      const other = taken.get(name)
      if (other !== undefined) {
        throw new Fault('knowledge-not-readable', { entry: entry.id, problem: `"${name}" belongs to ${other}` })
      }
      taken.set(name, entry.id)
    }
  }
}

/** An entry with the terms it goes by, and those that its body uses. */
interface KnownEntry {
  readonly entry: KnowledgeEntry
  readonly named: ReadonlySet<string>
  readonly told: ReadonlySet<string>
  readonly forms: readonly QuestionForm[]
}

interface QuestionForm {
  readonly terms: ReadonlySet<string>
  readonly wording: ReadonlySet<string>
}

function toKnown(entry: KnowledgeEntry): KnownEntry {
  const names = [entry.title, ...entry.asks]
  return {
    entry,
    named: new Set([...names, ...entry.tags].flatMap(questionTerms)),
    told: new Set(questionTerms(entry.body)),
    forms: names.map((name) => ({ terms: new Set(questionTerms(name)), wording: new Set(questionWording(name)) })),
  }
}

interface TextDocument {
  readonly id: string
  readonly entryId: string
  readonly title?: string
  readonly asks?: string
  readonly tags?: string
  readonly body?: string
}

const termSplitting = {
  tokenize: (text: string) => questionTerms(text),
  processTerm: (term: string) => term,
}

// A query arrives as terms; cutting them back a second time would make other terms of them.
const querySplitting = { tokenize: (query: string) => query.split(' ') }

function questionFormIndex(entries: readonly KnowledgeEntry[]): MiniSearch<TextDocument> {
  const index = new MiniSearch<TextDocument>({
    ...termSplitting,
    fields: ['asks'],
    storeFields: ['entryId'],
    searchOptions: querySplitting,
  })
  const forms = entries.flatMap(({ id, title, asks }) => [title, ...asks].map((form) => ({ id, form })))
  index.addAll(forms.map(({ id, form }, number) => ({ id: `${id}/${number}`, entryId: id, asks: form })))
  return index
}

function wholeEntryIndex(entries: readonly KnowledgeEntry[]): MiniSearch<TextDocument> {
  const index = new MiniSearch<TextDocument>({
    ...termSplitting,
    fields: ['title', 'asks', 'tags', 'body'],
    searchOptions: { ...querySplitting, boost: { title: 3, asks: 1, tags: 2, body: 0.6 } },
  })
  index.addAll(
    entries.map(({ id, title, asks, tags, body }) => {
      return { id, entryId: id, title, asks: asks.join('\n'), tags: tags.join('\n'), body }
    }),
  )
  return index
}

function bestPerEntry(found: readonly { readonly score: number; readonly entryId?: string }[]): Map<string, number> {
  const best = new Map<string, number>()
  for (const { entryId, score } of found) {
    if (entryId !== undefined && score > (best.get(entryId) ?? 0)) best.set(entryId, score)
  }
  return best
}

interface Asked {
  /** The terms of the question with what they weigh, misspelt ones as the known terms they were meant to be. */
  readonly terms: ReadonlyMap<string, { readonly weight: number; readonly trust: number }>
  readonly wording: ReadonlySet<string>
  weigh(term: string): number
}

function readAsked(question: string, vocabulary: TermVocabulary): Asked {
  const weigh = (term: string) => {
    const share = isLightTerm(term) ? lightWeight : vocabulary.isKnown(term) ? 1 : unknownWeight
    return share * vocabulary.weight(term)
  }
  const corrected = vocabulary.corrected(questionTerms(question))
  const terms = new Map(corrected.map(({ term, trust }) => [term, { weight: weigh(term), trust }]))
  return { terms, wording: new Set(questionWording(question)), weigh }
}

/**
 * How well a question and an entry fit each other: the mean of two shares, by weight of words, of the question that the
 * entry speaks of, and of the entry's closest form that the question contains. The one alone would fail questions with
 * much around the point ("so what is this RAG thing everybody talks about"), the other those in words of their own.
 */
function fitOf(asked: Asked, one: KnownEntry): { fit: number; wording: number } {
  let found = 0
  let all = 0
  for (const [term, { weight, trust }] of asked.terms) {
    all += weight
    if (one.named.has(term)) found += weight * trust
    else if (one.told.has(term)) found += weight * trust * trustInBody
  }
  const formShare = Math.max(...one.forms.map((form) => containedShare(form, asked)))
  const wording = Math.max(...one.forms.map((form) => sharedShare(form.wording, asked.wording)))
  return { fit: all === 0 ? 0 : (found / all + formShare) / 2, wording }
}

function containedShare(form: QuestionForm, asked: Asked): number {
  let contained = 0
  let all = 0
  for (const term of form.terms) {
    const weight = asked.weigh(term)
    all += weight
    contained += weight * (asked.terms.get(term)?.trust ?? 0)
  }
  return all === 0 ? 0 : contained / all
}

/** The share of words that two sets have in common, 0 to 1 (Jaccard). */
function sharedShare(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  let shared = 0
  for (const word of one) if (other.has(word)) shared++
  return shared === 0 ? 0 : shared / (one.size + other.size - shared)
}

/** For questions of small words only, such as "What can you do?": entries with a form of nearly the same words. */
function matchesByWording(asked: Asked, known: ReadonlyMap<string, KnownEntry>): KnowledgeMatch[] {
  const matches = [...known.values()].map(({ entry, forms }): KnowledgeMatch => {
    const small = forms.filter(({ terms }) => terms.size === 0)
    const shared = Math.max(0, ...small.map(({ wording }) => sharedShare(wording, asked.wording)))
    return { entry, score: shared, fit: shared >= wordingShareMin ? shared : 0 }
  })
  return matches.filter(({ fit }) => fit > 0).toSorted(byScore)
}

const wordingShareMin = 0.7

/** Best first; equal scores in the order of ids, so that the same question always gets the same answer. */
function byScore(a: KnowledgeMatch, b: KnowledgeMatch): number {
  return b.score - a.score || (a.entry.id < b.entry.id ? -1 : 1)
}
