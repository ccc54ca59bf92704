import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { conversationIdOf, conversationStream } from '../../src/events/stream-names.ts'
import type { Database } from '../../src/projections/database.ts'
import { languageOf } from '../../src/projections/message-language.ts'
import { createMessageSearch } from '../../src/projections/message-search.ts'
import { snippetOf } from '../../src/projections/search-snippet.ts'
import { parseSearch } from '../../src/projections/search-terms.ts'
import { isFault } from '../../src/shared/failures.ts'
import { deleted, ownerId, sent, started } from '../support/examples.ts'
import { emptyReadModels, handleBatches } from './support/projection.ts'
import { TestRecord } from './support/record.ts'
import { startTestPostgres, type TestPostgres } from './support/test-postgres.ts'

let postgres: TestPostgres
let database: Database
beforeAll(async () => {
  postgres = await startTestPostgres()
  database = await postgres.open()
})
afterAll(() => postgres.stop())
beforeEach(() => emptyReadModels(database))

/** The texts of one person's messages, each in a conversation of its own. */
async function given(texts: readonly string[], owner = ownerId) {
  const record = new TestRecord()
  for (const [index, text] of texts.entries()) {
    const id = conversationIdOf(owner, `c${index}`)
    const start = started({ conversationId: id, ownerId: owner, clientConversationId: `c${index}` })
    record.append([start, sent('m', { text })], conversationStream(id))
  }
  await handleBatches(database, [record.events])
  return record
}

async function found(q: string, owner = ownerId): Promise<string[]> {
  const page = await createMessageSearch({ database }).search({ ownerId: owner, q, limit: 50 })
  return page.results.map(({ snippet }) => snippet.map(({ text }) => text).join(''))
}

describe('a search in messages', () => {
  test('finds words, their beginnings and their forms, newest first', async () => {
    const texts = ['How do I run an embedding?', 'The vectors are running in the index', 'Nothing of the kind']
    await given(texts)
    expect(await found('embed')).toEqual([texts[0]])
    expect(await found('RUNS')).toEqual([texts[1], texts[0]])
    expect(await found('vectors index')).toEqual([texts[1]])
    expect(await found('vectors nothing')).toEqual([])
  })

  test('knows the forms of other languages', async () => {
    const texts = ['Wie werden die Häuser mit der Suche gefunden?', 'Où sont les maisons et les chevaux de la ville?']
    await given(texts)
    expect(await found('Haus')).toEqual([texts[0]])
    expect(await found('maison')).toEqual([texts[1]])
  })

  test('finds a phrase only word by word', async () => {
    const texts = ['retrieval augmented generation', 'augmented retrieval for a generation']
    await given(texts)
    expect(await found('"augmented generation"')).toEqual([texts[0]])
    expect(await found('augmented generation')).toHaveLength(2)
  })

  test('finds parts of text in scripts without spaces, and right-to-left text', async () => {
    const texts = ['検索拡張生成について教えてください', '生成検索', 'ما هو الذكاء الاصطناعي', '검색 증강 생성']
    await given(texts)
    expect(await found('拡張')).toEqual([texts[0]])
    expect(await found('検索')).toEqual([texts[1], texts[0]])
    expect(await found('الذكاء')).toEqual([texts[2]])
    expect(await found('증강')).toEqual([texts[3]])
  })

  test('never meets the messages of another person, however the owner is called', async () => {
    const odd = `o'b\\rien & ada`
    await given(['mine alone'])
    await given(['yours alone'], odd)
    expect(await found('alone')).toEqual(['mine alone'])
    expect(await found('alone', odd)).toEqual(['yours alone'])
    expect(await found('alone', 'ad')).toEqual([])
    expect(await found('owner')).toEqual([])
  })

  test('leaves deleted conversations out', async () => {
    const record = await given(['here', 'here no more'])
    record.append([deleted()], conversationStream(conversationIdOf(ownerId, 'c1')))
    await handleBatches(database, [record.events.slice(-1)])
    expect(await found('here')).toEqual(['here'])
  })

  test('takes anything that people type', async () => {
    await given(['a plain text'])
    for (const q of [
      '',
      ' ',
      '"',
      '""',
      '& | !',
      ':*',
      "'",
      '\\',
      '\0',
      '\ud800',
      '<->',
      'a'.repeat(9_999),
      '(((',
      '%',
    ]) {
      expect(await found(q)).toEqual([])
    }
    expect(await found('plain & !text')).toEqual(['a plain text'])
  })

  test('comes in pages', async () => {
    await given(['one word', 'two word', 'three word'])
    const { search } = createMessageSearch({ database })
    const first = await search({ ownerId, q: 'word', limit: 2 })
    const second = await search({ ownerId, q: 'word', limit: 2, cursor: first.next as string })
    expect([...first.results, ...second.results].map(({ clientConversationId }) => clientConversationId)).toEqual([
      'c2',
      'c1',
      'c0',
    ])
    expect(second.next).toBeNull()
    await expect(search({ ownerId, q: 'word', limit: 2, cursor: 'x' })).rejects.toSatisfy((error) =>
      isFault(error, 'cursor-invalid'),
    )
  })
})

describe('a snippet', () => {
  const shown = (text: string, q: string) =>
    snippetOf(text, parseSearch(q))
      .map(({ text: part, isMatch }) => (isMatch ? `[${part}]` : part))
      .join('')

  test('marks what was found', () => {
    expect(shown('What is RAG in AI?', 'rag')).toBe('What is [RAG] in AI?')
    expect(shown('Vectors and a vector', 'vector')).toBe('[Vectors] and a [vector]')
    expect(shown('It was running', 'runs')).toBe('It was [running]')
    expect(shown('検索拡張生成', '拡張')).toBe('検索[拡張]生成')
    expect(shown('a  b c', '"a b"')).toBe('[a  b] c')
    expect(shown('storage', 'rag')).toBe('storage')
    expect(shown('1 + 1 (a) [b]', '(a)')).toBe('1 + 1 [(a)] [b]')
  })

  test('is short, and shows the place', () => {
    const text = `${'before '.repeat(100)}needle${' after'.repeat(100)}`
    expect(shown(text, 'needle')).toMatch(/^…(before )+\[needle\]( after)+.*…$/)
    expect(shown(text, 'needle').length).toBeLessThan(260)
    expect(shown('🦊'.repeat(500), 'nothing')).toBe(`${'🦊'.repeat(240)}…`)
  })
})

describe('the language of a message', () => {
  test('is told by its small words, or not at all', () => {
    expect(languageOf('What is the meaning of this?')).toBe('english')
    expect(languageOf('Wie kann ich das mit der API machen?')).toBe('german')
    expect(languageOf('¿Cómo puedo usar la búsqueda en el sistema?')).toBe('spanish')
    expect(languageOf('print(hello)')).toBe('simple')
    expect(languageOf('')).toBe('simple')
    expect(languageOf('検索拡張生成')).toBe('simple')
  })
})
