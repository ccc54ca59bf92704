import { describe, expect, test } from 'vitest'
import {
  NO_METADATA,
  parseStreamMetadata,
  softDeletion,
  undeletion,
} from '../../../../src/embedded/eventstore/streams/stream-metadata.ts'

const json = (text: string) => ({ isJson: true, data: Buffer.from(text) })

describe('stream metadata', () => {
  test('says what may be seen', () => {
    expect(parseStreamMetadata(json('{"$maxCount":5,"$maxAge":60,"$tb":2,"$cacheControl":1,"own":"yes"}'))).toEqual({
      maxCount: 5,
      maxAgeMs: 60_000,
      truncateBefore: 2,
      isSoftDeleted: false,
    })
  })

  test.each([
    '{"$maxCount":0,"$tb":3}',
    '{"$maxCount":1.5,"$tb":3}',
    '{"$maxCount":"two","$tb":3}',
    '{"$maxAge":-1,"$tb":3}',
    '{"$cacheControl":0,"$tb":3}',
    '{"$tb":-1}',
    '{"$tb":9223372036854775808}',
    '[1]',
    '"text"',
    'null',
    'nonsense',
    '',
  ])('is void when it is %s', (text) => {
    expect(parseStreamMetadata(json(text))).toEqual(NO_METADATA)
  })

  test('is void when it is not marked as JSON', () => {
    expect(parseStreamMetadata({ isJson: false, data: Buffer.from('{"$maxCount":2}') })).toEqual(NO_METADATA)
  })

  test('deletes a stream with the largest number there is', () => {
    expect(softDeletion().toString()).toBe('{"$tb":9223372036854775807}')
    expect(parseStreamMetadata(json(softDeletion().toString()))).toEqual({ isSoftDeleted: true })
  })

  test('keeps every other key and digit when it brings a stream back', () => {
    const before = '{"own":12345678901234567890,"list":[1.50,{"deep":null}],"$tb":9223372036854775807}'
    expect(undeletion(json(before), 5).toString()).toBe(
      '{"own":12345678901234567890,"list":[1.50,{"deep":null}],"$tb":5}',
    )
    expect(undeletion(undefined, 0).toString()).toBe('{"$tb":0}')
  })
})
