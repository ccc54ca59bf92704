import { describe, expect, test } from 'vitest'
import { categoryOf, emissionsOf } from '../../../../src/embedded/eventstore/projections/link-rules.ts'

const event = (changes: object = {}) => ({
  stream: 'order-1',
  revision: 3,
  type: 'Placed',
  metadata: () => '{}',
  ...changes,
})
const written = (changes: object = {}) =>
  emissionsOf(event(changes)).map(({ stream, type, data }) => `${stream} ${type} ${data}`)

describe('the standard projections', () => {
  test('link an event by its category and its type', () => {
    expect(written()).toEqual(['$ce-order $> 3@order-1', '$et-Placed $> 3@order-1'])
  })

  test('list a stream when it begins', () => {
    expect(written({ revision: 0 }).slice(2)).toEqual(['$streams $> 0@order-1', '$category-order $@ order-1'])
  })

  test('link an event by the correlation id in its metadata, when it is a text', () => {
    expect(written({ metadata: () => '{"$correlationId":"turn-7"}' })).toContain('$bc-turn-7 $> 3@order-1')
    for (const metadata of ['{"$correlationId":7}', '{"$correlationId":""}', '{"$correlationId"', 'text', ''])
      expect(written({ metadata: () => metadata })).toHaveLength(2)
  })

  test('leave the system’s own streams and events out', () => {
    expect(written({ stream: '$ce-order' })).toEqual([])
    expect(written({ stream: '$$order-1', type: '$metadata' })).toEqual([])
    expect(written({ type: '$streamDeleted' })).toEqual([])
  })

  test('link a link in somebody’s stream by its category only', () => {
    expect(written({ type: '$>' })).toEqual(['$ce-order $> 3@order-1'])
  })

  test.each([
    ['order-1', 'order'],
    ['order-1-2', 'order'],
    ['order-', 'order'],
    ['order', undefined],
    ['-1', undefined],
  ])('take what stands before the first hyphen as the category: %s', (stream, category) => {
    expect(categoryOf(stream)).toBe(category)
  })
})
