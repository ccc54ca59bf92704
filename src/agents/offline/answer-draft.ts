/** Collects the paragraphs of an answer and the entries they rest on, and numbers the citations. */
import type { KnowledgeEntry } from '../knowledge-entry.ts'
import type { Citation } from '../language-model.ts'

export interface Answer {
  readonly text: string
  readonly citations: readonly Citation[]
}

export interface AnswerDraft {
  paragraph(text: string): AnswerDraft
  /** Sets the last line, which stands under the sources: what is asked of the person, or offered. */
  closing(text: string): AnswerDraft
  /** Returns the mark, such as `[1]`, that cites an entry; the same entry keeps its number. */
  cite(entry: KnowledgeEntry): string
  /** Joins the paragraphs, the list of the sources cited, and the closing line. */
  finish(): Answer
}

export function createAnswerDraft(): AnswerDraft {
  const paragraphs: string[] = []
  const cited: KnowledgeEntry[] = []
  const closings: string[] = []

  function cite(entry: KnowledgeEntry): string {
    if (!cited.includes(entry)) cited.push(entry)
    return `[${cited.indexOf(entry) + 1}]`
  }

  const draft: AnswerDraft = {
    paragraph(text) {
      paragraphs.push(text)
      return draft
    },
    closing(text) {
      closings.push(text)
      return draft
    },
    cite,
    finish() {
      const marks = Map.groupBy(cited, ({ source }) => `${source.title}: ${source.url}`)
      const sources = [...marks].map(([source, entries]) => `${entries.map(cite).join('')} ${source}`)
      const citations = cited.map(({ id, title, source }, index) => {
        return { number: index + 1, entryId: id, title, source: source.url }
      })
      const list = sources.length > 0 ? [sources.join('\n')] : []
      const text = [...paragraphs, ...list, ...closings].join('\n\n')
      return { text, citations }
    },
  }
  return draft
}

const quoteCharactersMax = 300

/** Repeats a person's words as code, on one line, so that nothing in them is taken for markup. */
export function quoted(text: string): string {
  const line = text.replaceAll('`', "'").replaceAll(/\s+/g, ' ').trim()
  return `\`${line.length > quoteCharactersMax ? `${line.slice(0, quoteCharactersMax)}…` : line}\``
}
