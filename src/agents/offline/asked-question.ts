/** Reads a conversation's last message: what it asks, and which topic "it", "this" or "the first one" stands for. */
import { assert } from '../../shared/assert.ts'
import type { KnowledgeBase, KnowledgeMatch, SearchOptions } from '../knowledge-base.ts'
import type { KnowledgeArea, KnowledgeEntry } from '../knowledge-entry.ts'
import type { ModelMessage } from '../language-model.ts'
import { languageOf } from '../question-language.ts'
import { foldText, isSubject, questionTerms } from '../question-terms.ts'
import { type Facet, facetOf, withoutFacet } from './entry-parts.ts'

export interface AskedQuestion {
  readonly text: string
  readonly earlier: readonly ModelMessage[]
  /** What the conversation was about before this message. */
  readonly topic?: KnowledgeEntry
  /** Whether the message names no subject at all, as in "Explain this to me". */
  readonly isWithoutSubject: boolean
  /** Entries that answer, best first; empty when there is none. */
  readonly matches: readonly KnowledgeMatch[]
  /** Set when the answer is another side of the topic rather than a new entry. */
  readonly followUp?: { readonly entry: KnowledgeEntry; readonly facet: Facet }
  /** Set when two things are to be held against each other. */
  readonly comparison?: readonly [KnowledgeEntry, KnowledgeEntry]
}

/** Reads the last message in the light of those before it. `area` is the kind of entry that wins when scores are close. */
export function readQuestion(
  messages: readonly ModelMessage[],
  knowledge: KnowledgeBase,
  area: KnowledgeArea,
): AskedQuestion {
  const last = messages.at(-1)
  assert(last?.role === 'user', 'the last message of a request is the person’s')
  const earlier = messages.slice(0, -1)
  const reader = { knowledge, options: { area } }
  let topic: KnowledgeEntry | undefined
  let said = ''
  // What came before the last message with a subject of its own no longer matters.
  const start = earlier.findLastIndex(({ role, text }) => role === 'user' && namesSubject(text, reader))
  for (const message of earlier.slice(Math.max(start, 0))) {
    if (message.role === 'user') topic = topicAfter(resolve(message.text, topic, said, reader)) ?? topic
    else said = message.text
  }
  const resolved = resolve(last.text, topic, said, reader)
  const isWithoutSubject = subjectOf(last.text).length === 0
  return { text: last.text, earlier, isWithoutSubject, ...(topic === undefined ? {} : { topic }), ...resolved }
}

function namesSubject(text: string, reader: Reader): boolean {
  return !pointsBack(text) && subjectOf(text).length > 0 && bestMatches(text, reader).length > 0
}

/** The telling words of a message, apart from those that name a side of the topic. */
function subjectOf(text: string): string[] {
  return questionTerms(withoutFacet(text)).filter(isSubject)
}

type Resolved = Pick<AskedQuestion, 'matches' | 'followUp' | 'comparison'>

interface Reader {
  readonly knowledge: KnowledgeBase
  readonly options: SearchOptions
}

function topicAfter({ matches, followUp, comparison }: Resolved): KnowledgeEntry | undefined {
  return comparison?.[0] ?? followUp?.entry ?? matches[0]?.entry
}

function resolve(text: string, topic: KnowledgeEntry | undefined, said: string, reader: Reader): Resolved {
  const listed = listedMatches(text, topic, said, reader)
  if (listed !== undefined) return { matches: listed }
  const question = text.replaceAll(addresses, ' ')
  const own = bestMatches(question, reader)
  const comparison = compared(question, topic, own, reader)
  if (comparison !== undefined) return { matches: own, comparison }
  if (topic !== undefined) return resolveAfter(question, topic, own, reader)
  const isEmptyReference = pointsBack(question) && subjectOf(question).length === 0
  return { matches: isEmptyReference && (own[0]?.fit ?? 0) < clearFitMin ? [] : own }
}

/** A link is something to talk about, not words to search by. */
const addresses = /https?:\/\/\S+/gi

/** Decides whether a message goes on about the topic or names a subject of its own. */
function resolveAfter(
  question: string,
  topic: KnowledgeEntry,
  own: readonly KnowledgeMatch[],
  { knowledge, options }: Reader,
): Resolved {
  const facet = facetOf(question)
  const subject = subjectOf(question)
  // In other languages, words that no entry knows are mostly not the subject: "dame un ejemplo".
  const isElsewhere = languageOf(question) !== 'en' && own.length === 0 && facet !== undefined
  if (!pointsBack(question) && !isElsewhere) {
    const isOwnHelp = own[0]?.entry.area === 'support' && own[0].fit >= clearFitMin
    if (subject.length > 0 || isOwnHelp) return { matches: own }
  }
  if (facet === undefined || facet === 'practice' || subject.length > 0) {
    const withTopic = knowledge.search(`${question} ${plainName(topic)}`, options)[0]
    if (withTopic !== undefined && areRelated(withTopic.entry, topic)) return { matches: [withTopic] }
    if (subject.length > 0 && own[0] !== undefined && own[0].entry !== topic) return { matches: own }
  }
  const isAboutTopic = subject.length === 0 || facet !== undefined || subject.some((term) => topic.body.includes(term))
  return isAboutTopic ? { matches: [], followUp: { entry: topic, facet: facet ?? 'more' } } : { matches: [] }
}

/** From this fit on, a message without a subject of its own ("help me") is taken for a question about Emberlog. */
const clearFitMin = 0.9

/** Searches the whole text, its sentences that ask, and what is left without the sentences about what is not wanted. */
function bestMatches(text: string, { knowledge, options }: Reader): KnowledgeMatch[] {
  const clauses = text.split(/[.!?;,\n]+|\s[-–—]\s/).slice(0, clausesMax)
  const wanted = clauses.filter((clause) => !unwanted.test(foldText(clause)))
  const whole = wanted.length > 0 && wanted.length < clauses.length ? wanted.join('. ') : text
  const asked = wanted.filter((clause) => asking.test(foldText(clause)) && questionTerms(clause).some(isSubject))
  const found = [whole, ...asked].map((part) => knowledge.search(part, options))
  const answered = found.filter((matches) => matches[0] !== undefined)
  return answered.toSorted((a, b) => b[0]!.fit - a[0]!.fit)[0] ?? []
}

const clausesMax = 12

const asking =
  /\b(what|whats|how|why|which|when|where|who|explain|describe|define|tell me|teach|learn|difference|que|como|cual|was|wie|warum|erklar\w*|comment|pourquoi|quel\w*|quest)\b/

/** "I do not want to create a project, just learn about RAG" is about RAG. */
const unwanted =
  /\b(?:dont|do not|didnt|not|no longer) (?:want|need|create|make|build|talk|ask)|\bnever ?mind\b|\bno quiero\b|\bich (?:will|mochte) (?:nicht|kein\w*)\b|\bje ne veux pas\b/

/** A message points back when it says "it" or "this", or goes on with "and". */
function pointsBack(text: string): boolean {
  return backwards.test(foldText(text).trim())
}

const backwards =
  /^(and|but|also|what about|how about|y|und|et)\b|\b(it|its|this|that|these|those|them|they|eso|esto|ello|das|dies|dazu|damit|davon|ca|cela|isso|isto|questo)\b/

/** The plainest way to name a topic: what its first question form asks for. */
function plainName(entry: KnowledgeEntry): string {
  return questionTerms(entry.asks[0]!).join(' ')
}

function areRelated(one: KnowledgeEntry, other: KnowledgeEntry): boolean {
  return one.related.includes(other.id) || other.related.includes(one.id)
}

const comparing =
  /\b(difference|differ|differs|different|differences|vs|versus|compare|compared|comparison|better than|instead of|unterschied|vergleich\w*|diferencia|comparar|difference entre|comparer|diferenca|differenza)\b/

/** Finds the two entries that a comparing question names, the topic standing in for a pronoun. */
function compared(
  text: string,
  topic: KnowledgeEntry | undefined,
  own: readonly KnowledgeMatch[],
  { knowledge, options }: Reader,
): readonly [KnowledgeEntry, KnowledgeEntry] | undefined {
  const folded = foldText(text)
  if (!comparing.test(folded) || own[0]?.entry.tags.includes('comparison')) return undefined
  const sides = folded.split(
    /\b(?:vs|versus|and|or|with|to|from|than|between|of|y|und|oder|von|zwischen|et|ou|entre|e|o|tra)\b/,
  )
  const named = sides.flatMap((side) => knowledge.search(side.replace(comparing, ' '), { ...options, limit: 1 }))
  const entries = [...new Set(named.map(({ entry }) => entry))]
  if (entries.length === 1 && topic !== undefined && pointsBack(text)) entries.unshift(topic)
  const [one, other] = new Set(entries)
  return one !== undefined && other !== undefined ? [one, other] : undefined
}

const ordinals: readonly (readonly [RegExp, number])[] = [
  [/\b(first|1st|number one|number 1|erste\w*|primer[oa]?|premiere?)\b/, 0],
  [/\b(second|2nd|number two|number 2|zweite\w*|segund[oa]|deuxieme)\b/, 1],
  [/\b(third|3rd|number three|number 3|dritte\w*|tercer[oa]?|troisieme)\b/, 2],
  [/\b(last one|last of|final one|letzte\w*|ultim[oa]|derniere?)\b/, -1],
]

/** Searches for what "the first one" names in the last answer's list; undefined when nothing is counted off. */
function listedMatches(
  text: string,
  topic: KnowledgeEntry | undefined,
  said: string,
  { knowledge, options }: Reader,
): KnowledgeMatch[] | undefined {
  const folded = foldText(text)
  const ordinal = ordinals.find(([pattern]) => pattern.test(folded))
  if (ordinal === undefined || !counting.test(folded)) return undefined
  const numbered = [...said.matchAll(/^(?:\d+\.|[-*])\s+(.+)$/gm)].map(([, item]) => item!)
  const related = /^Related: (.+)$/m.exec(said)?.[1]?.split(' · ') ?? []
  for (const items of [numbered, related]) {
    const name = items
      .at(ordinal[1])
      ?.replaceAll('**', '')
      .split(/: | – /)[0]
    const found = name === undefined ? [] : knowledge.search(name, options)
    if (found[0] !== undefined && found[0].entry !== topic) return found
  }
  return undefined
}

const counting =
  /\b(one|you|topic|item|thing|option|link|step|mentioned|listed|please|erste\w*|primer[oa]?|premiere?)\b|^\W*\w+\W*$/
