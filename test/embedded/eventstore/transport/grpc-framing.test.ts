import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameReader, UnfinishedBytes } from '../../../../src/embedded/eventstore/transport/grpc-framing.ts'

function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + message.length)
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, 5)
  return frame
}

describe('gRPC frames', () => {
  test('give the same messages however they are cut', () => {
    const cut = fc.tuple(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }),
      fc.array(fc.nat(40), { minLength: 1 }),
    )
    fc.assert(
      fc.property(cut, ([messages, cuts]) => {
        const reader = new FrameReader(new UnfinishedBytes())
        const found: Buffer[] = []
        let rest = Buffer.concat(messages.map(framed))
        for (let turn = 0; rest.length > 0; turn += 1) {
          const length = Math.max(1, cuts[turn % cuts.length] ?? 1)
          reader.push(rest.subarray(0, length), (message) => found.push(Buffer.from(message)))
          rest = rest.subarray(length)
        }
        expect(found.map((message) => message.toString('hex'))).toEqual(
          messages.map((message) => Buffer.from(message).toString('hex')),
        )
        expect(reader.isInside).toBe(false)
      }),
    )
  })

  test('count what is unfinished and let go of it', () => {
    const unfinished = new UnfinishedBytes()
    const large = Buffer.alloc(6_000_000)
    large.writeUInt32BE(16_000_000, 1)
    const readers = Array.from({ length: 44 }, () => new FrameReader(unfinished))
    for (const reader of readers) reader.push(large, () => {})
    const one = new FrameReader(unfinished)
    expect(() => one.push(large, () => {})).toThrow('too many unfinished')
    one.clear()
    for (const reader of readers) reader.clear()
    expect(() => new FrameReader(unfinished).push(large, () => {})).not.toThrow()
  })
})
