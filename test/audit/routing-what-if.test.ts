/** Recorded traffic through another router: what would go elsewhere is told, and nothing is written. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CorrectedRow, collectCorrections } from '../../src/audit/intent-corrections.ts'
import { type Rerouting, whatIf } from '../../src/audit/routing-what-if.ts'
import { createCodec } from '../../src/events/codec.ts'
import type { ConversationEvent } from '../../src/events/conversation-events.ts'
import { conversationIdOf, conversationStream } from '../../src/events/stream-names.ts'
import type { Router } from '../../src/routing/router.ts'
import type { RoutingInput } from '../../src/routing/routing-decision.ts'
import { type Position, toRevision } from '../../src/shared/ids.ts'
import { readerOf } from '../../src/store/event-store.ts'
import { router } from '../routing/the-router.ts'
import * as the from '../support/examples.ts'
import { type RecordHarness, startRecord } from '../support/record-harness.ts'

const codec = createCodec()
let record: RecordHarness
let afterFirst: Position

/** Another router: everything that mentions RAG is support, all else is as before. */
const asked: RoutingInput[] = []
const another: Router = {
  version: '9+sha256:abcdefabcdef',
  route(input) {
    asked.push(input)
    const decision = router.route(input)
    return input.text.includes('RAG')
      ? { ...decision, intent: 'support', agent: 'support', confidence: 0.7, routerVersion: '9+sha256:abcdefabcdef' }
      : decision
  },
}

async function append(owner: string, events: readonly ConversationEvent[]): Promise<Position> {
  const stream = conversationStream(conversationIdOf(owner, 'chat'))
  const encoded = await Promise.all(
    events.map((event, index) =>
      codec.encode(stream, event, the.envelope({ commandId: randomUUID() }), { index, person: owner }),
    ),
  )
  let next = 0
  for await (const _ of record.store.readStream(stream)) next += 1
  const outcome = await record.store.append(stream, encoded, next === 0 ? 'no-stream' : toRevision(next - 1))
  if (outcome.kind === 'conflict') throw new Error('somebody else wrote')
  return outcome.position
}

beforeAll(async () => {
  record = await startRecord()
  afterFirst = await append('ada', [the.started(), the.sent('m1', { text: 'What is RAG in AI?' }), the.routed('m1')])
  await append('ada', [
    the.completed('m1', { text: 'It is a technique.' }),
    the.sent('m2', { text: 'thanks!', parentMessageId: the.answerOf('m1') }),
    the.routed('m2', { intent: 'smalltalk', agent: 'smalltalk' }),
    the.sent('m3', { text: 'and how is RAG measured?', parentMessageId: the.answerOf('m1') }),
    the.routed('m3'),
    the.corrected('m3', 'discovery'),
    the.correctedByAnalyst('m3', 'support'),
  ])
  await append('bob', [the.started(), the.sent('m4', { text: '' }), the.routed('m4'), the.corrected('m4', 'image')])
})
afterAll(async () => await record.stop())

async function ask(range: { after?: Position; since?: Date } = {}) {
  const reroutings: Rerouting[] = []
  const totals = await whatIf({
    ...{ reader: readerOf(record.store), codec, router: another, ...range },
    onRerouting: (rerouting) => reroutings.push(rerouting),
  })
  return { totals, reroutings }
}

describe('what-if', () => {
  test('tells every turn that would go elsewhere, with both decisions', async () => {
    const { totals, reroutings } = await ask()
    expect(totals).toEqual({
      turns: 4,
      same: 1,
      elsewhere: 2,
      erased: 1,
      unreadable: 0,
      moves: { 'learning → support': 2 },
    })
    expect(reroutings.map(({ turnId }) => turnId)).toEqual([the.turnOf('m1'), the.turnOf('m3')])
    expect(reroutings[0]).toMatchObject({
      from: { intent: 'learning', method: 'model', confidence: 0.97, routerVersion: '1+sha256:0123456789ab' },
      to: { intent: 'support', agent: 'support', confidence: 0.7, routerVersion: another.version },
    })
  })

  test('gives the router the conversation as it stood, and who had answered', async () => {
    asked.length = 0
    await ask()
    expect(asked.find(({ text }) => text.includes('measured'))?.history).toEqual([
      { role: 'user', text: 'What is RAG in AI?' },
      { role: 'assistant', text: 'It is a technique.', agent: 'learning' },
    ])
  })

  test('begins after a position, or at a time', async () => {
    expect((await ask({ after: afterFirst })).totals).toMatchObject({ turns: 3, elsewhere: 1 })
    expect((await ask({ since: new Date(Date.now() + 3_600_000) })).totals).toMatchObject({ turns: 0 })
  })

  test('writes nothing', async () => {
    const before = await record.store.lastPosition()
    await ask()
    expect(await record.store.lastPosition()).toBe(before)
    expect(Object.keys(readerOf(record.store))).not.toContain('append')
  })
})

describe('the export of corrections', () => {
  test('gives the last correction of a turn as a row to train on, with what went before, and counts what is left out', async () => {
    const rows: CorrectedRow[] = []
    const totals = await collectCorrections({
      ...{ reader: readerOf(record.store), codec },
      onRow: (row) => rows.push(row),
    })
    expect(totals).toEqual({ rows: 1, superseded: 1, erased: 1, unreadable: 0 })
    expect(rows).toEqual([
      {
        text: 'and how is RAG measured?',
        intent: 'support',
        family: `support.correction.${the.turnOf('m3')}`,
        language: 'unknown',
        part: 'train',
        kinds: ['hard', 'history'],
        history: [
          { role: 'user', text: 'What is RAG in AI?' },
          { role: 'assistant', text: 'It is a technique.', agent: 'learning' },
        ],
        was: 'learning',
        source: 'correction',
      },
    ])
  })
})
