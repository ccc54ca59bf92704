import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MalformedMessage, ProtobufReader } from '../../../../src/embedded/eventstore/protocol/protobuf-reader.ts'
import { ProtobufWriter } from '../../../../src/embedded/eventstore/protocol/protobuf-writer.ts'
import {
  decodeContent,
  encodeRecordedEvent,
  withStructuredId,
} from '../../../../src/embedded/eventstore/protocol/recorded-event.ts'
import { canonicalUuid } from '../../../../src/embedded/eventstore/protocol/shared-messages.ts'

const field = fc.integer({ min: 1, max: 100_000 })

describe('protobuf', () => {
  test('reads back every number it writes', () => {
    fc.assert(
      fc.property(field, fc.oneof(fc.maxSafeNat(), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })), (number, value) => {
        const reader = new ProtobufReader(new ProtobufWriter(1).uint(number, value).finish())
        expect(reader.next()).toBe(true)
        expect(reader.field).toBe(number)
        expect(reader.uint64()).toBe(BigInt(value))
        expect(reader.next()).toBe(false)
      }),
    )
  })

  test('reads back nested messages of any size, whatever is skipped around them', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.nat(40_000), (text, size) => {
        const bytes = Buffer.alloc(size, 7)
        const writer = new ProtobufWriter(1).uint(9, 1).message(1, (one) => {
          one.message(2, (two) => two.string(3, text).bytes(4, bytes)).uint(5, 77)
        })
        const reader = new ProtobufReader(writer.finish())
        reader.next()
        reader.next()
        const one = reader.message()
        one.next()
        const two = one.message()
        two.next()
        expect(two.string()).toBe(text.toWellFormed())
        two.next()
        expect(two.bytes().equals(bytes)).toBe(true)
        one.next()
        expect(one.number()).toBe(77)
      }),
    )
  })

  test('throws nothing but MalformedMessage at random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const reader = new ProtobufReader(Buffer.from(bytes))
        try {
          while (reader.next()) if (reader.field % 2) reader.bytes()
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessage)
        }
        expect(true).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  test('refuses a number that JavaScript cannot hold where it needs one that it can', () => {
    const reader = new ProtobufReader(new ProtobufWriter().uint(1, 2n ** 60n).finish())
    reader.next()
    expect(() => reader.number()).toThrow(MalformedMessage)
  })
})

describe('a stored event', () => {
  const id = '0f8fad5b-d9cb-469f-a165-70867728950e'
  const event = { id, type: 'noted', isJson: true, data: Buffer.from('{"a":1}'), metadata: Buffer.from('m') }
  const body = encodeRecordedEvent(event, { stream: 'a', revision: 3, position: 7, createdMs: 1_700_000_000_000 })

  test('gives its content back', () => {
    const { data, metadata, ...rest } = decodeContent(body)
    expect({ data: data.toString(), metadata: metadata.toString(), ...rest }).toEqual({
      id,
      isJson: true,
      data: '{"a":1}',
      metadata: 'm',
    })
  })

  test('gives its id as two numbers to clients that ask for it', () => {
    const reader = new ProtobufReader(withStructuredId(body))
    reader.next()
    const uuid = reader.message()
    uuid.next()
    const structured = uuid.message()
    structured.next()
    expect(structured.int64()).toBe(BigInt.asIntN(64, 0x0f8fad5bd9cb469fn))
    structured.next()
    expect(structured.int64()).toBe(BigInt.asIntN(64, 0xa16570867728950en))
  })
})

describe('an event id', () => {
  test.each([
    ['0F8FAD5B-D9CB-469F-A165-70867728950E', '0f8fad5b-d9cb-469f-a165-70867728950e'],
    ['{0f8fad5b-d9cb-469f-a165-70867728950e}', '0f8fad5b-d9cb-469f-a165-70867728950e'],
    ['(0f8fad5b-d9cb-469f-a165-70867728950e)', '0f8fad5b-d9cb-469f-a165-70867728950e'],
    ['0f8fad5bd9cb469fa16570867728950e', '0f8fad5b-d9cb-469f-a165-70867728950e'],
    ['{0f8fad5b-d9cb-469f-a165-70867728950e', undefined],
    ['00000000-0000-0000-0000-000000000000', undefined],
    ['not-a-uuid', undefined],
    ['', undefined],
  ])('written %s is %s', (text, canonical) => {
    expect(canonicalUuid(text)).toBe(canonical)
  })
})
