import { describe, expect, test } from 'vitest'
import { createEventFilter, UnusableFilter } from '../../../../src/embedded/eventstore/streams/event-filter.ts'

function matches(filter: { prefixes?: string[]; regex?: string }, name: string): boolean {
  return createEventFilter({ on: 'stream', prefixes: [], regex: '', ...filter })({ stream: name, type: 'other' })
}

describe('a filter', () => {
  test.each([
    [{ prefixes: ['user-', 'order-'] }, 'order-1', true],
    [{ prefixes: ['user-'] }, 'User-1', false],
    [{ prefixes: [''] }, 'anything', true],
    [{ prefixes: [] }, 'anything', false],
    [{ regex: '' }, 'anything', false],
    [{ regex: 'b+c' }, 'abbcd', true],
    [{ regex: '^[^$].*' }, '$system', false],
    [{ regex: '(?i)^ORDER' }, 'order-1', true],
    [{ regex: '^\\w+-\\d+$' }, 'žluť-١', true],
    [{ regex: '^[\\w.]+$' }, 'ñ.ñ', true],
    [{ regex: '^\\W+$' }, 'ñ', false],
    [{ regex: '^a(?!b)' }, 'ac', true],
    [{ regex: '^a(?!b)' }, 'ab', false],
    [{ regex: '(?i)^A(?!b)' }, 'ac', true],
    [{ regex: '^(a+)\\1$' }, 'aaaa', true],
  ])('%j on %s answers %s', (filter, name, answer) => {
    expect(matches(filter, name)).toBe(answer)
  })

  test('looks at the type when told to', () => {
    const filter = createEventFilter({ on: 'type', prefixes: ['Order'], regex: '' })
    expect(filter({ stream: 'x', type: 'OrderPlaced' })).toBe(true)
    expect(filter({ stream: 'Order', type: 'x' })).toBe(false)
  })

  test('that is no expression, or too much of one, is refused', () => {
    expect(() => matches({ regex: '[' }, 'a')).toThrow(UnusableFilter)
    expect(() => matches({ regex: 'a'.repeat(20_000) }, 'a')).toThrow(UnusableFilter)
    expect(() => matches({ prefixes: Array.from({ length: 2_000 }, () => 'a') }, 'a')).toThrow(UnusableFilter)
  })

  test('needs no more than linear time where an expression allows it', () => {
    const started = performance.now()
    expect(matches({ regex: '^(a+)+$' }, `${'a'.repeat(20_000)}b`)).toBe(false)
    expect(performance.now() - started).toBeLessThan(2_000)
  })

  test('that takes too long without it is given up', () => {
    expect(() => matches({ regex: '^(?=a)(a+)+$' }, `${'a'.repeat(60)}b`)).toThrow('takes too long')
  })
})
