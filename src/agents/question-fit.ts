/** Judges how well a question and an entry fit each other, apart from how other entries do. */
import type { EntryTerms, QuestionForm } from './entry-terms.ts'
import { languageOf } from './question-language.ts'
import { isLightTerm, questionTerms, questionWording } from './question-terms.ts'
import { createTermVocabulary } from './term-vocabulary.ts'

export interface QuestionFit {
  read(question: string): AskedTerms
  /** 0 to 1; see `fitOf` below for the formula. */
  fit(asked: AskedTerms, one: EntryTerms): number
  /** Whether the telling terms of the question are exactly those by which the entry is plainly called. */
  isNamed(asked: AskedTerms, one: EntryTerms): boolean
  /** The share of words, small ones included, that the question has in common with the entry's closest form: 0 to 1. */
  wording(asked: AskedTerms, one: EntryTerms): number
}

export interface AskedTerms {
  /** The terms of the question, misspelt ones as the known terms they were meant to be. */
  readonly terms: ReadonlyMap<string, { readonly weight: number; readonly trust: number }>
  readonly wording: ReadonlySet<string>
}

/** A word that only the body uses says less than one in a title, form or tag. */
const trustInBody = 0.5
const lightWeight = 0.5
/** A word that no entry goes by is likely what the question is about: then it is not about us. */
const unknownWeight = 1.4
/** In other languages most words are unknown here, small ones above all. */
const unknownWeightElsewhere = 0.4

export function createQuestionFit(entries: readonly EntryTerms[]): QuestionFit {
  const vocabulary = createTermVocabulary(entries)
  const formWeights = new Map(
    entries.flatMap(({ forms }) => forms).map((form) => [form, sum([...form.terms].map((term) => weigh(term)))]),
  )

  function weigh(term: string, unknown = unknownWeight): number {
    const weight = vocabulary.weight(term)
    if (isLightTerm(term)) return vocabulary.isKnown(term) ? lightWeight * weight : 0
    return vocabulary.isKnown(term) ? weight : unknown * weight
  }

  function read(question: string): AskedTerms {
    const unknown = languageOf(question) === 'en' ? unknownWeight : unknownWeightElsewhere
    const corrected = vocabulary.corrected(questionTerms(question))
    const terms = new Map(corrected.map(({ term, trust }) => [term, { weight: weigh(term, unknown), trust }]))
    return { terms, wording: new Set(questionWording(question)) }
  }

  /**
   * The geometric mean of two shares, by weight of words: of the question that the entry speaks of, and of the entry's
   * closest form that the question contains. The one alone would fail questions with much around the point ("so what is this RAG thing
   * everybody talks about"), the other those in words of their own.
   */
  function fit(asked: AskedTerms, one: EntryTerms): number {
    let found = 0
    let all = 0
    for (const [term, { weight, trust }] of asked.terms) {
      all += weight
      if (one.named.has(term)) found += weight * trust
      else if (one.told.has(term)) found += weight * trust * trustInBody
    }
    const formShare = Math.max(...one.forms.map((form) => containedShare(form, asked)))
    return all === 0 ? 0 : Math.sqrt((found / all) * formShare)
  }

  function containedShare(form: QuestionForm, asked: AskedTerms): number {
    const all = formWeights.get(form) ?? 0
    let contained = 0
    for (const term of form.terms) {
      const found = asked.terms.get(term)
      if (found !== undefined) contained += found.weight * found.trust
    }
    return all === 0 ? 0 : contained / all
  }

  function isNamed(asked: AskedTerms, one: EntryTerms): boolean {
    const telling = [...asked.terms.keys()].filter((term) => !isLightTerm(term) && vocabulary.isKnown(term))
    const terms = telling.length > 0 ? telling : [...asked.terms.keys()]
    return terms.length === one.plainName.size && terms.every((term) => one.plainName.has(term))
  }

  return {
    read,
    fit,
    isNamed,
    wording: (asked, one) => Math.max(...one.forms.map((form) => shared(form.wording, asked.wording))),
  }
}

/** The share of words that two sets have in common (Jaccard). */
export function shared(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  let count = 0
  for (const word of one) if (other.has(word)) count += 1
  return count === 0 ? 0 : count / (one.size + other.size - count)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
