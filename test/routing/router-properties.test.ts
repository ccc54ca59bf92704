/** Whatever the text, the router answers, answers the same again, and keeps its bounds. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { intents } from '../../src/events/conversation-events.ts'
import { agentFor } from '../../src/routing/intents.ts'
import { EVIDENCE_MAX, type RoutingDecision, type RoutingInput } from '../../src/routing/routing-decision.ts'
import { router } from './the-router.ts'

const oddTexts = [
  '',
  ' ',
  '\0',
  '\ud800',
  '\udfff\ud800',
  '\u202e\u200b',
  '?'.repeat(50),
  'A'.repeat(20_000),
  '😀'.repeat(10_000),
  '\u0301'.repeat(20_000),
]
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.string({ maxLength: 400 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 200 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom(...oddTexts),
)
const anyInput: fc.Arbitrary<RoutingInput> = fc.record(
  {
    text: anyText,
    history: fc.array(
      fc.record(
        {
          role: fc.constantFrom('user' as const, 'assistant' as const),
          text: anyText,
          agent: fc.constantFrom(...intents.map(agentFor)),
          asked: fc.boolean(),
        },
        { requiredKeys: ['role', 'text'] },
      ),
      { maxLength: 4 },
    ),
  },
  { requiredKeys: ['text'] },
)

function keepsItsBounds(decision: RoutingDecision): void {
  expect(decision.agent).toBe(agentFor(decision.intent))
  expect(decision.confidence).toBeGreaterThanOrEqual(0)
  expect(decision.confidence).toBeLessThanOrEqual(1)
  expect(decision.candidates.map(({ intent }) => intent).toSorted()).toEqual([...intents].toSorted())
  expect(decision.candidates.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 6)
  expect(decision.evidence.length).toBeLessThanOrEqual(EVIDENCE_MAX)
  expect(decision.evidence.every(({ weight }) => Number.isFinite(weight))).toBe(true)
}

test('any input gets a decision within bounds', () => {
  fc.assert(
    fc.property(anyInput, (input) => keepsItsBounds(router.route(input))),
    { numRuns: 400 },
  )
})

test('the same input gets the same decision', () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      expect(router.route(input)).toEqual(router.route(input))
    }),
    { numRuns: 150 },
  )
})

test.each(oddTexts.map((text) => [JSON.stringify(text.slice(0, 6)), text]))('%s gets a decision', (_, text) => {
  keepsItsBounds(router.route({ text }))
})

test('a hostile text of full length takes no longer than its length allows', () => {
  const timeOf = (text: string): number => {
    const times = Array.from({ length: 5 }, () => {
      const startedAt = performance.now()
      router.route({ text })
      return performance.now() - startedAt
    })
    return Math.min(...times)
  }
  // Twice the text, at most a few times the work: quadratic matching would show as far more.
  for (const text of [
    'a',
    'aA1',
    'a.',
    '<img ',
    '[image: ',
    "' ",
    '%41',
    'ignore ',
    'i g ',
    '../',
    'http://',
    'system ',
  ]) {
    const half = timeOf(text.repeat(10_000 / text.length))
    const whole = timeOf(text.repeat(20_000 / text.length))
    expect(whole, text).toBeLessThan(4 * half + 20)
  }
})
