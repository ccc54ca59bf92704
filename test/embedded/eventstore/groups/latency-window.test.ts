import { describe, expect, test } from 'vitest'
import { LatencyWindow } from '../../../../src/embedded/eventstore/groups/latency-window.ts'

describe('statistics of answers', () => {
  test('name the measures of a known series', () => {
    const window = new LatencyWindow(1_000)
    for (let ms = 100; ms >= 1; ms -= 1) window.add(ms)
    const { Mean, Median, Fastest, Highest, ...rest } = Object.fromEntries(window.summary())
    expect({ Mean, Median, Fastest, Highest }).toEqual({ Mean: 51, Median: 50, Fastest: 1, Highest: 100 })
    expect(rest).toMatchObject({ 'Quintile 1': 20, 'Quintile 5': 100, '90%': 90, '99.9%': 100 })
  })

  test('forget what is long ago, and are zero before anything was answered', () => {
    const window = new LatencyWindow(2)
    expect(window.summary().get('Highest')).toBe(0)
    for (const ms of [500, 3, 4]) window.add(ms)
    expect(window.summary().get('Highest')).toBe(4)
  })
})
