import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSessionRecord } from '../../src/commands/session-record.ts'
import { createCodec } from '../../src/events/codec.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { mintId } from '../../src/shared/ids.ts'
import { type RecordHarness, startRecord } from '../support/record-harness.ts'

let record: RecordHarness
beforeAll(async () => {
  record = await startRecord()
})
afterAll(() => record.stop())

const node = (clock = systemClock) => createSessionRecord({ store: record.another(), codec: createCodec(), clock })
const soon = () => new Date(Date.now() + 60_000)

describe('a token', () => {
  it('is taken once, whoever asks, on whichever node, at the same moment', async () => {
    const nodes = [node(), node(), node()]
    const tokens = Array.from({ length: 40 }, () => mintId())
    const taken = await Promise.all(
      tokens.map((token) => Promise.all([...nodes, ...nodes].map((one) => one.take(token, soon())))),
    )
    expect(taken.map((answers) => answers.filter(Boolean).length)).toEqual(tokens.map(() => 1))
  })

  it('stays taken for a node that starts later', async () => {
    const token = mintId()
    expect(await node().take(token, soon())).toBe(true)
    expect(await node().take(token, soon())).toBe(false)
  })

  it('that has expired is remembered no more: nobody would accept it', async () => {
    let nowMs = Date.now()
    const one = node(() => new Date(nowMs))
    const token = mintId()
    await one.take(token, new Date(nowMs + 1_000))
    nowMs += 1_000
    expect(await one.take(token, new Date(nowMs + 1_000))).toBe(true)
  })
})
