/** One plain form for every way of writing the same. */
import { describe, expect, test } from 'vitest'
import { featuresOf, wordsOf } from '../../src/routing/text-features.ts'
import { normalizeText, TEXT_LENGTH_MAX } from '../../src/routing/text-normalizer.ts'

describe('a normalized text', () => {
  test.each([
    ['  What   IS\n RAG? ', 'what is rag?'],
    ['¿Qué ES?', '¿que es?'],
    ['Größe', 'grosse'],
    ['It’s', "it's"],
    ['ｆｕｌｌ', 'full'],
    ['sо fаr', 'so far'],
    ['in\u200bvisi\u00adble', 'invisible'],
    ['lone \ud800 surrogate', 'lone \ufffd surrogate'],
    ['', ''],
  ])('%j becomes %j', (text, plain) => {
    expect(normalizeText(text)).toBe(plain)
  })

  test('leaves texts in Russian what they are', () => {
    expect(normalizeText('Привет, как дела')).toBe('привет, как дела')
  })

  test('is never longer than the limit', () => {
    expect(normalizeText('ﷺ'.repeat(TEXT_LENGTH_MAX)).length).toBeLessThanOrEqual(TEXT_LENGTH_MAX)
  })
})

describe('the features of a text', () => {
  test('are its words, pairs, pairs with a gap, and letter groups', () => {
    const { words, letters } = featuresOf('what is rag?')
    expect([...words.keys()]).toEqual(
      expect.arrayContaining(['w:rag', 'w:^ what', 'w:what is', 'w:what _ rag', 'w:? $']),
    )
    expect([...letters.keys()]).toEqual(expect.arrayContaining(['c: rag ', 'c:wh', 'c: what']))
  })

  test('take questions marks for words and long numbers for one', () => {
    expect(wordsOf('call 5551234 now?!')).toEqual(['call', '#', 'now', '?', '!'])
  })

  test('are bounded, however long the text', () => {
    const { words } = featuresOf(Array.from({ length: 9_000 }, (_, at) => `word${at.toString(36)}`).join(' '))
    expect(words.size).toBeLessThan(1_500)
  })
})
