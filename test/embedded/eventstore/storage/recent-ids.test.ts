import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LOG_LIMITS } from '../../../../src/embedded/eventstore/storage/event-log.ts'
import { RecentIds } from '../../../../src/embedded/eventstore/storage/recent-ids.ts'

describe('the recent event ids', () => {
  test('are found at their newest position, with gaps and hashes that fall together', () => {
    const steps = fc.array(fc.record({ gap: fc.integer({ min: 0, max: 300 }), hash: fc.integer({ min: 0, max: 5 }) }), {
      maxLength: 200,
    })
    const property = fc.property(steps, fc.integer({ min: 0, max: 2 ** 33 }), (entries, start) => {
      const recent = new RecentIds()
      const newest = new Map<number, number>()
      const known = new Set<string>()
      let position = start
      for (const { gap, hash } of entries) {
        position += 1 + gap
        recent.add(position, hash * 1_000_003)
        newest.set(hash, position)
        known.add(`${hash}@${position}`)
      }
      for (let hash = 0; hash <= 5; hash += 1) {
        expect(recent.find(hash * 1_000_003, (at) => known.has(`${hash}@${at}`))).toBe(newest.get(hash))
      }
    })
    fc.assert(property)
    fc.assert(property, { seed: 1599048040 }) // It once met the edge of 32 bits.
  })

  test('are found at the last position before a multiple of 2³², and before that one in its chain', () => {
    const recent = new RecentIds()
    const last = 2 ** 33 - 1
    for (const position of [last - 2, last, last + 3]) recent.add(position, 7)
    for (const position of [last - 2, last, last + 3]) expect(recent.find(7, (at) => at === position)).toBe(position)
    expect(recent.find(7, () => false)).toBeUndefined()
    expect(recent.find(8, () => true)).toBeUndefined()
  })

  test('are kept for as many records as promised, and not for ever', () => {
    const recent = new RecentIds()
    for (let position = 0; position < LOG_LIMITS.recentIdsMax * 2; position += 1) recent.add(position, position)
    const find = (position: number) => recent.find(position, (at) => at === position)
    expect(find(LOG_LIMITS.recentIdsMax * 2 - 1)).toBe(LOG_LIMITS.recentIdsMax * 2 - 1)
    expect(find(LOG_LIMITS.recentIdsMax)).toBe(LOG_LIMITS.recentIdsMax)
    expect(find(1000)).toBeUndefined()
  })
})
