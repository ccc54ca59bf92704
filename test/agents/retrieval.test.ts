import { describe, expect, test } from 'vitest'
import { foldText, questionTerms, stem } from '../../src/agents/question-terms.ts'
import { knowledge } from './conversation.ts'
import { outsideQuestions, paraphrases } from './retrieval-examples.ts'

function found(question: string, entryId: string): string[] {
  const area = knowledge.entry(entryId)?.area
  return knowledge.search(question, { limit: 3, ...(area && { area }) }).map(({ entry }) => entry.id)
}

/** A question without what does not count as other words: case, accents, question marks. */
function plain(question: string): string {
  return foldText(question).replaceAll(/[¿?]/g, '').trim()
}

describe('a question in words of its own', () => {
  test('is not one of the listed forms', () => {
    const listed = new Set(knowledge.entries.flatMap(({ asks }) => asks.map(plain)))
    expect(paraphrases.filter(([question]) => listed.has(plain(question)))).toEqual([])
  })

  test('finds its entry first in at least 95 of 100 cases, and among the first three in 97', () => {
    const ranks = paraphrases.map(([question, id]) => found(question, id).indexOf(id))
    expect(paraphrases.length).toBeGreaterThanOrEqual(200)
    expect(ranks.filter((rank) => rank === 0).length / ranks.length).toBeGreaterThanOrEqual(0.95)
    expect(ranks.filter((rank) => rank >= 0).length / ranks.length).toBeGreaterThanOrEqual(0.97)
  })

  test('is understood with typing errors', () => {
    expect(found('what is retreival augmentd generation', 'rag')[0]).toBe('rag')
    expect(found('how do neural netwroks learn', 'neural-network')).toContain('neural-network')
    expect(found('waht is overfiting', 'overfitting')[0]).toBe('overfitting')
  })

  test('may have much around its point', () => {
    const question =
      'Hi there! I am a nurse from Porto, I love sailing and my sister told me about AI. What is a token, please?'
    expect(found('so what is this RAG thing everybody keeps talking about', 'rag')[0]).toBe('rag')
    expect(knowledge.search('What is a token, please?')[0]?.entry.id).toBe('token')
    expect(knowledge.nearest(question).length).toBeGreaterThan(0)
  })
})

describe('a question about something else', () => {
  test('is answered by no entry in at least 94 of 100 cases', () => {
    expect(outsideQuestions.length).toBeGreaterThanOrEqual(100)
    const answered = outsideQuestions.filter((question) => knowledge.search(question).length > 0)
    expect(answered.length / outsideQuestions.length).toBeLessThanOrEqual(0.06)
  })

  test('gets nothing at all when no word is known', () => {
    expect(knowledge.nearest('Zzyzx qwfp arst?')).toEqual([])
    expect(knowledge.nearest('')).toEqual([])
  })
})

describe('search', () => {
  test('returns at most as many as asked for, best first, the same each time', () => {
    const matches = knowledge.search('retrieval of documents for a chatbot', { limit: 2 })
    expect(matches.length).toBeLessThanOrEqual(2)
    const scores = knowledge.nearest('vector search for documents', { limit: 20 }).map(({ score }) => score)
    expect(scores).toEqual(scores.toSorted((a, b) => b - a))
    expect(knowledge.nearest('vector search for documents', { limit: 20 }).map(({ score }) => score)).toEqual(scores)
    expect(knowledge.nearest('model', { limit: 10_000 }).length).toBeLessThanOrEqual(20)
  })

  test('prefers entries written for the agent that asks', () => {
    expect(knowledge.search('privacy', { area: 'support' })[0]?.entry.area).toBe('support')
    expect(knowledge.search('privacy', { area: 'learning' })[0]?.entry.area).toBe('learning')
  })
})

describe('the terms of a question', () => {
  test('are the same for the forms of a word and for accents', () => {
    expect(questionTerms('Generating embeddings')).toEqual(questionTerms('generate embedding'))
    expect(questionTerms('quantisation')).toEqual(questionTerms('quantized'))
    expect(questionTerms('¿Qué es una red neuronal?')).toEqual(questionTerms('what is a neural network'))
    expect(stem('classifies')).toBe(stem('classification'))
  })

  test('are bounded, however long the text', () => {
    expect(questionTerms('word '.repeat(20_000)).length).toBeLessThanOrEqual(600)
    expect(questionTerms('a'.repeat(20_000))).toEqual(['a'.repeat(40)])
  })
})
