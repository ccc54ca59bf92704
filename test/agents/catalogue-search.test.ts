import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { loadCatalogue } from '../../src/agents/catalogue/catalogue-search.ts'

const catalogue = loadCatalogue()
const ids = (query: string, kind?: 'tool' | 'project' | 'learning-path' | 'challenge') =>
  catalogue.search(query, { limit: 6, ...(kind && { kind }) }).map(({ id }) => id)

describe('the catalogue', () => {
  it('names each thing once, and where what it says can be checked', () => {
    expect(new Set(catalogue.entries.map(({ id }) => id)).size).toBe(catalogue.size)
    for (const { source } of catalogue.entries) {
      const isHere = !source.startsWith('https://')
      if (isHere) expect(existsSync(new URL(`../../${source}`, import.meta.url)), source).toBe(true)
    }
  })

  it('is found by telling words, not by words that fit everything', () => {
    expect(ids('vector database')).toContain('qdrant')
    expect(ids('AI tools')).toEqual([])
    expect(ids('underwater basket weaving')).toEqual([])
  })

  it('shows a kind on request', () => {
    expect(ids('', 'challenge')).toHaveLength(6)
    expect(ids('rag', 'learning-path')).toContain('path-rag')
  })
})
