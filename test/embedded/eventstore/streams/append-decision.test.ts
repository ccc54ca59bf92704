import { describe, expect, test } from 'vitest'
import {
  decideAppend,
  decideDelete,
  decideTombstone,
  type StreamState,
} from '../../../../src/embedded/eventstore/streams/append-decision.ts'
import { EXPECT } from '../../../../src/embedded/eventstore/streams/expected-revision.ts'

const missing: StreamState = { lastRevision: -1, isTombstoned: false, isSoftDeleted: false, hasMetadata: false }
const written: StreamState = { ...missing, lastRevision: 3 }
const softDeleted: StreamState = { ...written, isSoftDeleted: true, hasMetadata: true }
const tombstoned: StreamState = { ...written, isTombstoned: true }
const metadataOnly: StreamState = { ...missing, hasMetadata: true }

/** The stream holds the ids s, a, b, c at revisions 0 to 3. */
const standing = ['s', 'a', 'b', 'c']
const lookup = {
  recent: (id: string) => (standing.includes(id) ? standing.indexOf(id) : undefined),
  idsFrom: (from: number, count: number) => standing.slice(from, from + count),
}
const decide = (state: StreamState, expected: number | bigint, ids: string) =>
  decideAppend(state, expected, ids === '' ? [] : ids.split(' '), lookup)

describe('an append', () => {
  test.each([
    [0, 'a b c', 3],
    [0, 'a', 1],
    [EXPECT.noStream, 's a', 1],
    [EXPECT.any, 'b', 2],
    [EXPECT.any, 'a c', 3],
    [EXPECT.exists, 'a b c', 3],
  ])('expecting %s with %s repeats what ended at %s', (expected, ids, lastRevision) => {
    expect(decide(written, expected, ids)).toEqual({ kind: 'duplicate', lastRevision })
  })

  test.each([
    [0, 'b c'],
    [0, 'a b c d'],
    [0, 'a c'],
    [EXPECT.any, 'a b c d'],
    [EXPECT.any, 'c b a'],
    [EXPECT.noStream, 'x'],
    [9, 'x'],
    [2n ** 60n, 'x'],
  ])('expecting %s with %s is wrong', (expected, ids) => {
    expect(decide(written, expected, ids)).toEqual({ kind: 'wrong-revision' })
  })

  test.each([
    [3, 'a b c'],
    [EXPECT.any, 'x a b'],
    [EXPECT.any, ''],
  ])('expecting %s with %s is made', (expected, ids) => {
    expect(decide(written, expected, ids)).toEqual({ kind: 'append' })
  })

  test('to a deleted stream may expect none, if it brings something, but not that it exists', () => {
    expect(decide(softDeleted, EXPECT.noStream, 'x')).toEqual({ kind: 'append' })
    expect(decide(softDeleted, EXPECT.noStream, '')).toEqual({ kind: 'wrong-revision' })
    expect(decide(softDeleted, EXPECT.exists, 'x')).toEqual({ kind: 'deleted' })
  })

  test('to a stream with nothing but metadata may expect that it exists', () => {
    expect(decide(metadataOnly, EXPECT.exists, 'x')).toEqual({ kind: 'append' })
    expect(decide(missing, EXPECT.exists, 'x')).toEqual({ kind: 'wrong-revision' })
  })

  test('to a closed stream is refused, repeated or not', () => {
    expect(decide(tombstoned, 0, 'a b c')).toEqual({ kind: 'deleted' })
  })
})

describe('a deletion', () => {
  test('of what never existed is wrong, and closing it for ever is not', () => {
    expect(decideDelete(missing, EXPECT.any)).toBe('wrong-revision')
    expect(decideDelete(missing, EXPECT.noStream)).toBe('wrong-revision')
    expect(decideTombstone(missing, EXPECT.any)).toBe('delete')
    expect(decideTombstone(missing, EXPECT.exists)).toBe('wrong-revision')
  })

  test('of what was deleted may be repeated, and is refused for what is closed', () => {
    expect(decideDelete(softDeleted, 3)).toBe('delete')
    expect(decideDelete(softDeleted, EXPECT.noStream)).toBe('delete')
    expect(decideDelete(softDeleted, 2)).toBe('wrong-revision')
    expect(decideTombstone(softDeleted, EXPECT.exists)).toBe('deleted')
    expect(decideTombstone(tombstoned, EXPECT.any)).toBe('deleted')
  })
})
