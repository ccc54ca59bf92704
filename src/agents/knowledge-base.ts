/** Finds the written entries that answer a question, and says how well they fit, so that "no entry" can be an answer too. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { Fault } from '../shared/failures.ts'
import { createEntryRanking } from './entry-ranking.ts'
import { type EntryTerms, toEntryTerms } from './entry-terms.ts'
import { type KnowledgeArea, type KnowledgeEntry, parseKnowledgeFile } from './knowledge-entry.ts'
import { type AskedTerms, createQuestionFit, shared } from './question-fit.ts'

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
  /** How well question and entry fit each other, 0 to 1. */
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
/** How many of the best ranked are looked at closely. */
const candidatesMax = 40

/** Under this fit an entry is near, but no answer. Held in place by the test of questions outside the knowledge. */
const fitMin = 0.55

const ownAreaBoost = 1.2
/** "What is RAG, please?" means the entry called RAG before all others that speak of it. */
const plainNameBoost = 1.2
/** How much a form in the very same words, small words included, lifts an entry. */
const wordingBoost = 2
/** How much of a question of small words only, such as "What can you do?", a form must have in common with it. */
const wordingMin = 0.7

/** Reads every `*.md` file of a directory. Throws `knowledge-not-readable` when a file or an entry is not as it must be. */
export function loadKnowledgeBase(directory: URL = new URL('./knowledge/', import.meta.url)): KnowledgeBase {
  const files = readdirSync(directory)
    .filter((name) => name.endsWith('.md'))
    .toSorted()
  const entries = files.flatMap((name) => parseKnowledgeFile(name, readFileSync(new URL(name, directory), 'utf8')))
  return createKnowledgeBase(entries)
}

/** Builds the search over entries: ranked by words in common, corrected by how well question and entry fit. */
export function createKnowledgeBase(entries: readonly KnowledgeEntry[]): KnowledgeBase {
  checkReferences(entries)
  const known = entries.map(toEntryTerms)
  const byId = new Map(entries.map((entry) => [entry.id, entry]))
  const ranking = createEntryRanking(known)
  const fitting = createQuestionFit(known)

  function nearest(question: string, options: SearchOptions = {}): KnowledgeMatch[] {
    const asked = fitting.read(question)
    const limit = Math.min(options.limit ?? limitUsual, limitMax)
    if (asked.terms.size === 0) return matchesByWording(asked, known).slice(0, limit)
    const matches = ranking.rank([...asked.terms.keys()], candidatesMax).map(({ one, rank }): KnowledgeMatch => {
      const fit = fitting.fit(asked, one)
      const areaBoost = one.entry.area === options.area ? ownAreaBoost : 1
      const nameBoost = fitting.isNamed(asked, one) ? plainNameBoost : 1
      const score =
        rank * areaBoost * nameBoost * (1 + wordingBoost * fitting.wording(asked, one) ** 2) * Math.sqrt(fit)
      return { entry: one.entry, score, fit }
    })
    return matches.toSorted(byScore).slice(0, limit)
  }

  function search(question: string, options: SearchOptions = {}): KnowledgeMatch[] {
    const matches = nearest(question, { ...options, limit: limitMax })
    return matches.filter(({ fit }) => fit >= fitMin).slice(0, options.limit ?? limitUsual)
  }

  const version = createHash('sha256').update(JSON.stringify(entries)).digest('hex').slice(0, 12)
  return { version, entries, entry: (id) => byId.get(id), search, nearest }
}

/** Every id that an entry points at must exist, and no id, title or question form may belong to two entries. */
function checkReferences(entries: readonly KnowledgeEntry[]): void {
  const ids = new Set(entries.map(({ id }) => id))
  const taken = new Map<string, string>()
  for (const entry of entries) {
    const unknown = entry.related.find((id) => !ids.has(id))
    if (unknown !== undefined) throw notReadable(entry, `it is related to ${unknown}, which does not exist`)
    for (const name of new Set([entry.id, entry.title, ...entry.asks].map((text) => text.toLowerCase()))) {
      const other = taken.get(name)
      if (other !== undefined) throw notReadable(entry, `"${name}" belongs to ${other}`)
      taken.set(name, entry.id)
    }
  }
}

function notReadable(entry: KnowledgeEntry, problem: string): Fault {
  return new Fault('knowledge-not-readable', { entry: entry.id, problem })
}

/** For questions without a telling word: entries with a form of such words, nearly the same. */
function matchesByWording(asked: AskedTerms, known: readonly EntryTerms[]): KnowledgeMatch[] {
  const matches = known.map(({ entry, forms }): KnowledgeMatch => {
    const small = forms.filter(({ terms }) => terms.size === 0)
    const share = Math.max(0, ...small.map(({ wording }) => shared(wording, asked.wording)))
    return { entry, score: share, fit: share }
  })
  return matches.filter(({ fit }) => fit >= wordingMin).toSorted(byScore)
}

/** Best first; equal scores in the order of ids, so that the same question always gets the same answer. */
function byScore(a: KnowledgeMatch, b: KnowledgeMatch): number {
  return b.score - a.score || (a.entry.id < b.entry.id ? -1 : 1)
}
