import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createKnowledgeBase } from '../../src/agents/knowledge-base.ts'
import { parseKnowledgeFile, wordCount } from '../../src/agents/knowledge-entry.ts'
import { isFault } from '../../src/shared/failures.ts'
import { knowledge } from './conversation.ts'

describe('the knowledge base', () => {
  test('has at least 300 entries, for learning and for help', () => {
    expect(knowledge.entries.length).toBeGreaterThanOrEqual(300)
    const areas = Object.groupBy(knowledge.entries, ({ area }) => area)
    expect(areas.learning?.length).toBeGreaterThanOrEqual(120)
    expect(areas.support?.length).toBeGreaterThanOrEqual(50)
  })

  test('gives every entry a source, a body of bounded length and a first sentence that can stand alone', () => {
    for (const { id, body, source } of knowledge.entries) {
      expect(source.url, id).toMatch(/^https:\/\/|^(README|docs\/[\w-]+)\.md/)
      expect(wordCount(body), id).toBeGreaterThanOrEqual(60)
      expect(wordCount(body), id).toBeLessThanOrEqual(180)
      expect(body, id).toMatch(/^[^\n]{20,300}?[.:](\s|$)/)
    }
  })

  test('names pages of this repository that exist', () => {
    const pages = new Set(knowledge.entries.map(({ source }) => source.url).filter((url) => !url.startsWith('https:')))
    expect(pages.size).toBeGreaterThan(1)
    const missing = [...pages].filter(
      (page) => !existsSync(new URL(`../../${page.replace(/#.*/, '')}`, import.meta.url)),
    )
    expect(missing).toEqual([])
  })

  test('finds every entry by each of its question forms: nearly always first, and always among the first three', () => {
    const forms = knowledge.entries.flatMap((entry) => entry.asks.map((form) => ({ entry, form })))
    const ranks = forms.map(({ entry, form }) => {
      return knowledge.search(form, { limit: 3, area: entry.area }).findIndex((match) => match.entry === entry)
    })
    expect(ranks.filter((rank) => rank === 0).length / forms.length).toBeGreaterThanOrEqual(0.98)
    expect(forms.filter((_, index) => ranks[index] === -1)).toEqual([])
  })

  test('names its content: the same entries have the same version, other entries another', () => {
    expect(createKnowledgeBase(knowledge.entries).version).toBe(knowledge.version)
    const changed = knowledge.entries.map((entry) =>
      entry.id === 'rag' ? { ...entry, body: `${entry.body}!` } : entry,
    )
    expect(createKnowledgeBase(changed).version).not.toBe(knowledge.version)
  })
})

describe('a knowledge file', () => {
  const body = Array.from({ length: 70 }, (_, index) => `word${index}`).join(' ')
  const entryText = (changes: Record<string, string> = {}) => {
    const fields = {
      title: 'One thing',
      area: 'learning',
      asks: 'what is one thing; explain one thing; one thing please',
      tags: 'thing',
      related: 'one-thing',
      source: 'A book | https://example.org/book',
      ...changes,
    }
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`)
    return `# Title\n\n## one-thing\n\n${lines.join('\n')}\n\n${changes['body'] ?? body}\n`
  }

  test('is read into entries', () => {
    expect(parseKnowledgeFile('things.md', entryText())).toEqual([
      {
        id: 'one-thing',
        title: 'One thing',
        area: 'learning',
        asks: ['what is one thing', 'explain one thing', 'one thing please'],
        tags: ['thing'],
        related: ['one-thing'],
        source: { title: 'A book', url: 'https://example.org/book' },
        body,
      },
    ])
  })

  test.each([
    ['a body that is too short', { body: 'too short' }, 'a body has 60 to 180 words, not 2'],
    ['a body that is too long', { body: `${body} ${body} ${body}` }, 'not 210'],
    ['a source that is not https', { source: 'A book | http://example.org' }, 'source.url'],
    ['a source without an address', { source: 'A book' }, 'source.url'],
    ['an unknown area', { area: 'gossip' }, 'area'],
    ['too few question forms', { asks: 'what is it' }, 'asks'],
  ])('is refused for %s, naming file, entry and problem', (_, changes, problem) => {
    expect(() => parseKnowledgeFile('things.md', entryText(changes))).toThrow(
      expect.toSatisfy((error: Error) => {
        const named = ['things.md', 'one-thing', problem].every((part) => error.message.includes(part))
        return isFault(error, 'knowledge-not-readable') && named
      }),
    )
  })

  test('is refused when entries point at nothing or share a question form', () => {
    const [entry] = parseKnowledgeFile('things.md', entryText())
    expect(() => createKnowledgeBase([{ ...entry!, related: ['nothing'] }])).toThrow('nothing')
    expect(() => createKnowledgeBase([entry!, { ...entry!, id: 'other', title: 'Other' }])).toThrow('what is one thing')
  })
})
