/** Takes an entry apart into the terms it is searched by, once, for ranking and for judging the fit. */
import type { KnowledgeEntry } from './knowledge-entry.ts'
import { isLightTerm, questionTerms, questionWording } from './question-terms.ts'

export interface EntryTerms {
  readonly entry: KnowledgeEntry
  readonly title: readonly string[]
  /** What its first question form asks for: the plainest way to call it. */
  readonly plainName: ReadonlySet<string>
  readonly tags: readonly string[]
  readonly body: readonly string[]
  /** The title and every question form. */
  readonly forms: readonly QuestionForm[]
  /** The terms that the entry goes by: those of its forms and tags. */
  readonly named: ReadonlySet<string>
  /** The telling terms that its body uses. */
  readonly told: ReadonlySet<string>
}

export interface QuestionForm {
  readonly terms: ReadonlySet<string>
  /** All its words, small ones included. */
  readonly wording: ReadonlySet<string>
}

export function toEntryTerms(entry: KnowledgeEntry): EntryTerms {
  const forms = [entry.title, ...entry.asks].map((form): QuestionForm => {
    return { terms: new Set(questionTerms(form)), wording: new Set(questionWording(form)) }
  })
  const tags = entry.tags.flatMap(questionTerms)
  const body = questionTerms(entry.body).filter((term) => !isLightTerm(term))
  const named = new Set([...tags, ...forms.flatMap(({ terms }) => [...terms])])
  return {
    entry,
    title: questionTerms(entry.title),
    plainName: forms[1]!.terms,
    tags,
    body,
    forms,
    named,
    told: new Set(body),
  }
}
