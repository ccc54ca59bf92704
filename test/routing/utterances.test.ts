/** The committed utterances are what the templates give, varied enough, and their parts do not leak into one another. */
import { describe, expect, test } from 'vitest'
import { withoutNearCopies } from '../../scripts/routing/held-out-rows.ts'
import { readUtterances } from '../../scripts/routing/utterance-files.ts'
import { makeUtterances } from '../../scripts/routing/utterance-making.ts'
import { intents } from '../../src/events/conversation-events.ts'
import { trainLinearModel } from '../../src/routing/linear-trainer.ts'
import { seededRandom } from '../../src/routing/seeded-random.ts'
import { featuresOf } from '../../src/routing/text-features.ts'
import { normalizeText } from '../../src/routing/text-normalizer.ts'

const utterances = readUtterances()
const shareOf = (kind: 'hard' | 'typo' | 'history'): number =>
  utterances.filter(({ kinds }) => kinds.includes(kind)).length / utterances.length

describe('the committed utterances', () => {
  test('are exactly what the templates expand to', () => {
    expect(makeUtterances()).toEqual(utterances)
  })

  test('are at least 4,000, over all intents and at least five languages', () => {
    expect(utterances.length).toBeGreaterThanOrEqual(4_000)
    expect(new Set(utterances.map(({ intent }) => intent))).toEqual(new Set(intents))
    expect(new Set(utterances.map(({ language }) => language)).size).toBeGreaterThanOrEqual(5)
  })

  test('are hard look-alikes in a quarter, have history in a tenth, and typing mistakes', () => {
    expect(shareOf('hard')).toBeGreaterThanOrEqual(0.25)
    expect(shareOf('history')).toBeGreaterThanOrEqual(0.1)
    expect(shareOf('typo')).toBeGreaterThanOrEqual(0.08)
  })

  test('never have one family in two parts', () => {
    const parts = new Map<string, Set<string>>()
    for (const { family, part } of utterances) parts.set(family, (parts.get(family) ?? new Set()).add(part))
    expect([...parts].filter(([, of]) => of.size > 1)).toEqual([])
  })

  test('have no near copy of a sealed or tuning row among the training rows', () => {
    expect(withoutNearCopies(utterances)).toHaveLength(utterances.length)
  })
})

describe('training', () => {
  test('gives the same weights when run again', () => {
    const rows = utterances
      .filter((_, at) => at % 60 === 0)
      .map(({ text, intent }) => ({ blocks: featuresOf(normalizeText(text)), label: intents.indexOf(intent), cost: 1 }))
    const train = () =>
      trainLinearModel(rows, {
        labels: intents,
        blockWeights: { words: 1, letters: 1, senses: 0, marks: 1 },
        penalty: 1,
        rounds: 5,
        rowsPerFeatureMin: 2,
        featuresMax: 2_000,
        random: seededRandom(7),
      })
    const [first, second] = [train(), train()]
    expect(first.weights).toEqual(second.weights)
    expect(first.vocabulary.size).toBe(2_000)
  })
})
