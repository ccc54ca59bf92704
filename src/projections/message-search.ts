/** Finds messages of one person by their words: prefixes, phrases in quotes, other forms of a word, in any script. */
import { z } from 'zod'
import type { Uuid } from '../shared/ids.ts'
import type { Database } from './database.ts'
import { readCursor, writeCursor } from './page-cursor.ts'
import type { Page } from './query-types.ts'
import { type SnippetPart, snippetOf } from './search-snippet.ts'
import { parseSearch, type SearchTerm } from './search-terms.ts'

export interface FoundMessage {
  readonly conversationId: Uuid
  readonly clientConversationId: string
  readonly title: string
  readonly messageId: string
  readonly turnId: string
  readonly role: 'user' | 'assistant'
  readonly createdAt: Date
  /** The place where it was found, in parts; those that match are to be highlighted. Plain text, never markup. */
  readonly snippet: readonly SnippetPart[]
}

export interface MessageSearch {
  /** Newest first; deleted conversations are left out. Throws a Fault `cursor-invalid` for a cursor made elsewhere. */
  readonly search: (options: {
    readonly ownerId: string
    readonly q: string
    readonly limit: number
    readonly cursor?: string
  }) => Promise<Page<FoundMessage>>
}

const PAGE_ROWS_MAX = 50

const place = z.object({ before: z.string().regex(/^\d{1,19}$/) })

export function createMessageSearch({ database }: { readonly database: Pick<Database, 'queries'> }): MessageSearch {
  return {
    async search({ ownerId, q, limit, cursor }) {
      const before = cursor === undefined ? undefined : readCursor(cursor, place).before
      const terms = parseSearch(q)
      if (terms.length === 0) return { results: [], next: null }
      const size = Math.min(Math.max(1, Math.trunc(limit)), PAGE_ROWS_MAX)
      const values: unknown[] = [ownerId, size + 1]
      const condition = searchCondition('$1', terms, values)
      const beforeCondition = before === undefined ? '' : `and position < $${values.push(before)}`
      const rows = await database.queries.query<Omit<FoundMessage, 'snippet'> & { text: string; position: bigint }>(
        `select message.conversation_id as "conversationId", client_conversation_id as "clientConversationId", title,
          message_id as "messageId", turn_id as "turnId", role, message.created_at as "createdAt", text, position
        from chat.message
          join chat.conversation using (conversation_id)
        where ${condition}
          and conversation.owner_id = $1
          and deleted_at is null
          ${beforeCondition}
        order by position desc
        limit $2`,
        values,
      )
      const results = rows.slice(0, size).map(({ text, position: _position, ...row }) => {
        return { ...row, snippet: snippetOf(text, terms) }
      })
      const last = rows[size - 1]
      const next = rows.length > size && last !== undefined ? writeCursor({ before: String(last.position) }) : null
      return { results, next }
    },
  }
}

/** Adds what it needs to `values`. The owner is one more word to look for, so that the index alone finds the rows. */
export function searchCondition(owner: string, terms: readonly SearchTerm[], values: unknown[]): string {
  const words = terms.map((term) => `(${wordQuery(term, `$${values.push(term.searched)}`)})`)
  return `search @@ (${ownerQuery(owner)} && ${words.join(' && ')})`
}

function ownerQuery(owner: string): string {
  const lexeme = `' ' || ${owner}::text`
  return `('''' || replace(replace(${lexeme}, '\\', '\\\\'), '''', '''''') || '''')::tsquery`
}

const LANGUAGES = ['english', 'german', 'french', 'spanish', 'italian', 'portuguese', 'dutch']

/** A phrase must be there word by word; a single word may also be a beginning, or another form of the word. */
function wordQuery({ isPhrase }: SearchTerm, value: string): string {
  const exact = `phraseto_tsquery('simple', ${value}::text)`
  if (isPhrase) return exact
  const beginning = `(nullif(${exact}::text, '') || ':*')::tsquery`
  const forms = LANGUAGES.map((language) => `plainto_tsquery('${language}', ${value}::text)`)
  return `coalesce(${beginning}, ${exact}) || ${forms.join(' || ')}`
}
