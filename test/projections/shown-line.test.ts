import fc from 'fast-check'
import { expect, test } from 'vitest'
import { shownLine } from '../../src/projections/shown-line.ts'

test.each([
  ['', ''],
  [' \n \t ', ''],
  ['\n\n  first\t line \nsecond', 'first line'],
  ['ab cd', 'ab cd'],
  ['abcdefghij', 'abcdefghij'],
  ['abcdefghijk', 'abcdefghi…'],
  ['😀😀😀😀😀😀😀😀😀😀', '😀😀😀😀😀😀😀😀😀😀'],
  ['😀😀😀😀😀😀😀😀😀😀😀', '😀😀😀😀😀😀😀😀😀…'],
])('%j is shown as %j in ten characters', (text, shown) => {
  expect(shownLine(text, 10)).toBe(shown)
})

test('only the beginning of a long line decides, and how much white space it holds does not', () => {
  const words = fc.array(fc.stringMatching(/^[a-z😀ü]{1,9}$/u), { minLength: 1, maxLength: 60 })
  const spaces = fc.stringMatching(/^[ \t]{1,80}$/)
  fc.assert(
    fc.property(words, spaces, (line, space) => {
      expect(shownLine(line.join(space), 20)).toBe(shownLine(line.join(' '), 20))
    }),
  )
})
