import { describe, expect, it } from 'vitest'
import { dueBefore, parseRetentionRules, ruleFor, shortestConversationRule } from '../../src/events/retention-rules.ts'

const parsed = (text: string) => {
  const { rules, problems } = parseRetentionRules(text)
  expect(problems).toEqual([])
  return rules
}
const open = { kind: 'ember_chat', isArchived: false, isDeleted: false } as const

describe('rules of retention', () => {
  it('are read from text, in days or years', () => {
    expect([...parsed(' conversation=2y, image = 90d,attachment=1d, ember_learn=keep,')]).toEqual([
      ['conversation', 730],
      ['image', 90],
      ['attachment', 1],
      ['ember_learn', 'keep'],
    ])
    expect(parsed('').size).toBe(0)
  })

  it.each([
    ['conversation', 'a rule is written like'],
    ['conversation=soon', 'a rule is written like'],
    ['conversation=365', 'a rule is written like'],
    ['conversation=-1d', 'a rule is written like'],
    ['conversation=1.5y', 'a rule is written like'],
    ['conversation=0d', 'an age is 1 to 36500 days'],
    ['conversation=101y', 'an age is 1 to 36500 days'],
    ['project=1d', 'project: there are rules for conversation'],
    ['constructor=1d', 'constructor: there are rules for'],
    ['image=1d,image=2d', 'image: has more than one rule'],
    ['deleted=keep', 'only kinds of conversations can be kept'],
    ['conversation=keep', 'only kinds of conversations can be kept'],
  ])('refuse %s and say why', (text, problem) => {
    expect(parseRetentionRules(text).problems).toEqual([expect.stringContaining(problem)])
  })

  it('name every problem at once, and take none of it', () => {
    const { rules, problems } = parseRetentionRules('soon,project=1d,image=3d')
    expect(problems).toHaveLength(2)
    expect([...rules]).toEqual([['image', 3]])
  })

  it('of a kind go before the one for all conversations, also when they are longer', () => {
    const rules = parsed('conversation=100d,ember_learn=300d,image=keep')
    expect(ruleFor(rules, open)).toEqual({ name: 'conversation', ageDays: 100 })
    expect(ruleFor(rules, { ...open, kind: 'ember_learn' })).toEqual({ name: 'ember_learn', ageDays: 300 })
    expect(ruleFor(rules, { ...open, kind: 'image' })).toBeUndefined()
    expect(ruleFor(parsed('image=5d'), open)).toBeUndefined()
  })

  it('for archived and deleted ones hold where they are shorter, for kept kinds too', () => {
    const rules = parsed('conversation=100d,archived=200d,deleted=7d,image=keep')
    expect(ruleFor(rules, { ...open, isArchived: true })).toEqual({ name: 'conversation', ageDays: 100 })
    expect(ruleFor(rules, { ...open, isArchived: true, isDeleted: true })).toEqual({ name: 'deleted', ageDays: 7 })
    expect(ruleFor(rules, { ...open, kind: 'image', isDeleted: true })).toEqual({ name: 'deleted', ageDays: 7 })
    expect(shortestConversationRule(rules)).toEqual({ name: 'deleted', ageDays: 7 })
    expect(shortestConversationRule(parsed('attachment=1d'))).toBeUndefined()
  })

  it('count whole days back from now', () => {
    const now = new Date('2026-03-31T12:00:00.000Z')
    expect(dueBefore({ name: 'image', ageDays: 30 }, now).toISOString()).toBe('2026-03-01T12:00:00.000Z')
  })
})
