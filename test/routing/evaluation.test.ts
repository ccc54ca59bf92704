/** The figures of an evaluation, on outcomes small enough to reckon by hand. */
import { describe, expect, test } from 'vitest'
import { evaluate, type Outcome } from '../../src/routing/evaluation.ts'

function outcome(truth: Outcome['truth'], decided: Outcome['decided'], confidence = 1, slices: string[] = []): Outcome {
  return { truth, decided, confidence, unsafeProbability: decided === 'unsafe' ? confidence : 0, slices }
}

describe('an evaluation', () => {
  const figures = evaluate([
    outcome('learning', 'learning', 0.95, ['language:en']),
    outcome('learning', 'profile', 0.55, ['language:en']),
    outcome('support', 'support', 0.95, ['language:de']),
    outcome('support', 'unsafe', 0.95, ['language:de']),
  ])

  test('counts the share of right decisions', () => {
    expect(figures).toMatchObject({ count: 4, accuracy: 0.5 })
  })

  test('gives each intent precision, recall and their harmonic mean', () => {
    expect(figures.perIntent.learning).toEqual({ precision: 1, recall: 0.5, f1: 2 / 3, count: 2 })
    expect(figures.perIntent.smalltalk).toBeUndefined()
  })

  test('takes the mean of F1 over the intents that occur', () => {
    expect(figures.macroF1).toBeCloseTo(2 / 3, 9)
  })

  test('says what was taken for what', () => {
    expect(figures.confusion.learning).toMatchObject({ learning: 1, profile: 1, support: 0 })
  })

  test('counts a harmless message taken for an attack as a false alarm', () => {
    expect(figures.falseAlarmRate).toBe(0.25)
  })

  test('measures how far confidence is from the share of right decisions, bin by bin', () => {
    // Being too sure here and too unsure there must not cancel out.
    const { calibrationError } = evaluate([outcome('learning', 'profile', 0.95), outcome('support', 'support', 0.15)])
    expect(calibrationError).toBeCloseTo((0.95 + 0.85) / 2, 9)
  })

  test('reports every slice on its own', () => {
    expect(figures.slices).toEqual([
      { name: 'language:de', count: 2, accuracy: 0.5 },
      { name: 'language:en', count: 2, accuracy: 0.5 },
    ])
  })

  test('of nothing is all zeros', () => {
    expect(evaluate([])).toMatchObject({ count: 0, accuracy: 0, macroF1: 0, calibrationError: 0, falseAlarmRate: 0 })
  })
})
