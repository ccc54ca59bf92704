import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CheckpointRule, type CheckpointSettings } from '../../../../src/embedded/eventstore/groups/checkpoint-rule.ts'

const often: CheckpointSettings = {
  checkpointAfterMs: 1_000,
  checkpointCountMin: 1,
  checkpointCountMax: 100,
  passedMax: 1_000,
}

function ruleAt(places: readonly number[], settings: Partial<CheckpointSettings> = {}): CheckpointRule {
  const rule = new CheckpointRule({ ...often, ...settings }, undefined, 0)
  for (const place of places) rule.enter(place)
  return rule
}

describe('what is done', () => {
  test('is nothing before the first event is handled', () => {
    expect(ruleAt([0, 1, 2]).done).toBeUndefined()
  })

  test('ends before the first event that is not handled, whatever was handled behind it', () => {
    const rule = ruleAt([10, 20, 30, 40])
    for (const place of [10, 30, 40]) rule.leave(place)
    expect(rule.done).toBe(10)
    rule.leave(20)
    expect(rule.done).toBe(40)
  })

  test('goes on from where an earlier life had come to', () => {
    const rule = new CheckpointRule(often, 7, 0)
    rule.enter(8)
    expect(rule.done).toBe(7)
    rule.leave(8)
    expect(rule.done).toBe(8)
  })

  test('includes what a filter passed over, but not before what is still open', () => {
    const rule = ruleAt([5])
    rule.pass(9, 4)
    expect(rule.done).toBeUndefined()
    rule.leave(5)
    expect(rule.done).toBe(9)
  })

  test('never passes an open event, in whatever order events are handled', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(Array.from({ length: 30 }, (_, place) => place)), (handled) => {
        const rule = ruleAt(Array.from({ length: 30 }, (_, place) => place))
        const open = new Set(Array.from({ length: 30 }, (_, place) => place))
        for (const place of handled) {
          rule.leave(place)
          open.delete(place)
          expect(rule.done ?? -1).toBe(open.size === 0 ? 29 : Math.min(...open) - 1)
        }
      }),
    )
  })
})

describe('a checkpoint', () => {
  test('is due when enough was handled and the time has come', () => {
    const rule = ruleAt([0, 1, 2], { checkpointCountMin: 2 })
    rule.leave(0)
    expect([rule.due(5_000), rule.nextDueMs]).toEqual([undefined, undefined])
    rule.leave(1)
    expect(rule.nextDueMs).toBe(1_000)
    expect(rule.due(999)).toBeUndefined()
    expect(rule.due(1_000)).toBe(1)
  })

  test('counts how far it would move, not what was handled behind an open event', () => {
    const rule = ruleAt([0, 1, 2, 3, 4], { checkpointCountMin: 3 })
    for (const place of [0, 1, 3, 4]) rule.leave(place)
    expect([rule.due(9_000), rule.nextDueMs]).toEqual([undefined, undefined])
    rule.leave(2)
    expect(rule.due(9_000)).toBe(4)
  })

  test('is due at once when very much was handled', () => {
    const rule = ruleAt([0, 1, 2], { checkpointCountMax: 3 })
    rule.leave(0)
    rule.leave(1)
    expect(rule.due(0)).toBeUndefined()
    rule.leave(2)
    expect(rule.due(0)).toBe(2)
  })

  test('counts anew once it is written', () => {
    const rule = ruleAt([0, 1])
    rule.leave(0)
    rule.noteWritten(1_500)
    rule.leave(1)
    expect(rule.due(2_499)).toBeUndefined()
    expect(rule.due(2_500)).toBe(1)
  })

  test('is not written twice for the same place, and waits for no time while an event holds it back', () => {
    const rule = ruleAt([0, 1, 2])
    rule.leave(0)
    rule.noteWritten(0)
    rule.leave(2)
    expect([rule.due(9_000), rule.nextDueMs, rule.unwritten]).toEqual([undefined, undefined, undefined])
    rule.leave(1)
    expect(rule.due(9_000)).toBe(2)
  })

  test('is written for what a filter passed over once that is much, though nothing was handled', () => {
    const rule = ruleAt([])
    rule.pass(998, 999)
    expect([rule.due(9_000), rule.unwritten]).toEqual([undefined, undefined])
    rule.pass(999, 1)
    expect(rule.due(9_000)).toBe(999)
  })

  test('does not make another one due by being read itself', () => {
    const rule = ruleAt([])
    rule.enter(0, false)
    rule.leave(0)
    expect(rule.due(9_000)).toBeUndefined()
    expect(rule.done).toBe(0)
  })

  test('is due without a minimum of one only when something was handled', () => {
    const rule = ruleAt([0], { checkpointCountMin: 0, checkpointCountMax: 0 })
    expect(rule.due(9_000)).toBeUndefined()
    rule.leave(0)
    expect(rule.due(0)).toBe(0)
  })
})
