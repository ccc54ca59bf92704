/** Labelled utterances are read as this project and others write them, and a line that is wrong is named. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseUtterances } from '../../src/routing/labelled-utterances.ts'

const rowOf = (row: object) => parseUtterances(JSON.stringify(row)).rows[0]

describe('labelled utterances', () => {
  test("are read in the project's own form, part by part", () => {
    const file = readFileSync(new URL('../../data/routing/utterances.jsonl', import.meta.url), 'utf8')
    const { rows } = parseUtterances(file, 'test')
    expect(rows.length).toBeGreaterThanOrEqual(350)
    expect(rows.some(({ history }) => history !== undefined)).toBe(true)
    expect(rows.flatMap(({ slices }) => slices)).toEqual(expect.arrayContaining(['language:de', 'history:yes']))
  })

  test('may call the text of earlier messages their content, and need not say who spoke', () => {
    const history = [{ role: 'assistant', content: 'What should I draw?' }]
    expect(rowOf({ text: 'a fox', intent: 'image', history })).toMatchObject({
      history: [{ role: 'assistant', text: 'What should I draw?' }],
    })
  })

  test('whose context is told in words are left out and counted', () => {
    const row = { text: 'a sunset', intent: 'image', context: 'the assistant had asked what to draw' }
    expect(parseUtterances(JSON.stringify(row))).toEqual({
      rows: [],
      withoutTheirContext: 1,
      withOtherLabels: 0,
    })
  })

  test('give slices of language, source and kind', () => {
    const row = { text: 'hola', intent: 'smalltalk', lang: 'es', strength: 'explicit', kinds: ['typo'] }
    expect(rowOf(row)?.slices).toEqual(['language:es', 'history:no', 'kind:typo', 'strength:explicit'])
  })

  test('may be labelled as others do, the first of several counting; what is none of ours is left out and counted', () => {
    const labelled = ['games', 'learning+discovery', 'ambiguous'].map((intent) => JSON.stringify({ text: 'x', intent }))
    const { rows, withOtherLabels } = parseUtterances(labelled.join('\n'))
    expect(rows.map(({ intent }) => intent)).toEqual(['smalltalk', 'learning'])
    expect(withOtherLabels).toBe(1)
  })

  test('with a wrong line are refused, and the line is named', () => {
    for (const line of ['{"text":"hi"}', 'no json']) {
      const file = `{"text":"hi","intent":"smalltalk"}\n${line}`
      expect(() => parseUtterances(file)).toThrow('utterances-unreadable (line=2)')
    }
  })
})
