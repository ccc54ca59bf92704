/** Reads the written knowledge: Markdown files with several entries each, checked before anything is answered from them. */
import { z } from 'zod'
import { Fault } from '../shared/failures.ts'

const wordsMin = 60
const wordsMax = 180

const line = z.string().trim().min(1).max(200)
const entryId = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'an id is words in lower case joined by hyphens')

/** An https address, or a page of Emberlog's own repository. */
const address = z.union([z.url({ protocol: /^https$/ }), z.string().regex(/^(README|docs\/[\w-]+)\.md(#[\w-]+)?$/)])

const knowledgeEntrySchema = z.strictObject({
  id: entryId,
  title: line,
  /** Which agent the entry is written for; both may answer from any entry. */
  area: z.enum(['learning', 'support']),
  /** The forms in which people really ask, in any language. */
  asks: z.array(line).min(3).max(32),
  tags: z.array(line).min(1).max(12),
  related: z.array(entryId).min(1).max(6),
  source: z.strictObject({ title: line, url: address }),
  /** Light Markdown. The first sentence alone must answer "what is it?". */
  body: z.string().refine((text) => wordCount(text) >= wordsMin && wordCount(text) <= wordsMax, {
    error: (issue) => `a body has ${wordsMin} to ${wordsMax} words, not ${wordCount(String(issue.input))}`,
  }),
})

export type KnowledgeEntry = Readonly<z.infer<typeof knowledgeEntrySchema>>
export type KnowledgeArea = KnowledgeEntry['area']

/**
 * Parses one knowledge file: each entry is a heading `## its-id`, an empty line, lines `name: value` (lists separated by
 * `;`, the source as `title | url`), an empty line, and the body up to the next heading. Throws `knowledge-not-readable` naming the
 * file, the entry and what is wrong with it.
 */
export function parseKnowledgeFile(file: string, content: string): KnowledgeEntry[] {
  const sections = content.split(/^## /m).slice(1)
  return sections.map((section) => parseEntry(file, section))
}

function parseEntry(file: string, section: string): KnowledgeEntry {
  const [id = '', fieldLines = '', ...rest] = section.split(/\n\s*\n/)
  const fields = new Map(fieldLines.split('\n').map(toField))
  const [sourceTitle = '', url = ''] = (fields.get('source') ?? '').split('|').map((part) => part.trim())
  const parsed = knowledgeEntrySchema.safeParse({
    id: id.trim(),
    title: fields.get('title') ?? '',
    area: fields.get('area') ?? '',
    asks: toList(fields.get('asks')),
    tags: toList(fields.get('tags')),
    related: toList(fields.get('related')),
    source: { title: sourceTitle, url },
    body: rest.join('\n\n').trim(),
  })
  if (parsed.success) return parsed.data
  throw new Fault('knowledge-not-readable', { file, entry: id.trim(), problem: z.prettifyError(parsed.error) })
}

function toField(text: string): [string, string] {
  const colon = text.indexOf(':')
  return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()]
}

function toList(text = ''): string[] {
  return text
    .split(';')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

export function wordCount(text: string): number {
  return text.split(/\s+/).filter((word) => word !== '').length
}
