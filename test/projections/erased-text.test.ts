import { describe, expect, it } from 'vitest'
import { createCodec, type RecordedEvent } from '../../src/events/codec.ts'
import type { ConversationEvent } from '../../src/events/conversation-events.ts'
import { erased, type OpenOne, openSealer } from '../../src/events/sealing.ts'
import { upcasterSteps } from '../../src/events/upcasters.ts'
import { foldBatch } from '../../src/projections/batch-fold.ts'
import { Rows } from '../../src/projections/batch-rows.ts'
import { answerOf, completed, rated, renamed, routed, sent, started, stopped } from '../support/examples.ts'
import { TestRecord } from './support/record.ts'

/** The rows of a conversation whose first events, so many of them, were erased. */
async function rowsOf(events: ConversationEvent[], erasedEvents = events.length) {
  const record = new TestRecord()
  record.append(events)
  const gone = new Set(record.events.slice(0, erasedEvents).map(({ eventId }) => eventId))
  const open: OpenOne = (value, { eventId }) => (gone.has(eventId) ? erased : value)
  const codec = createCodec({ sealer: { ...openSealer, openAll: async () => open }, steps: upcasterSteps })
  const recorded = (await codec.decodeAll(record.events)) as RecordedEvent[]
  const rows = new Rows()
  foldBatch(recorded, rows)
  return (model: string) => rows.of(model).changed.map(({ row }) => row as Record<string, unknown>)
}

const turn = (messageId: string) => [
  sent(messageId),
  routed(messageId),
  completed(messageId),
  rated(answerOf(messageId)),
]

describe('a conversation whose text was erased', () => {
  it('keeps every row and every count, and shows that it is erased instead of a title', async () => {
    const events = [started(), ...turn('m1'), sent('m2'), stopped('m2')]
    const kept = await rowsOf(events, 0)
    const gone = await rowsOf(events)
    for (const model of ['conversation', 'message', 'turn', 'routing_decision', 'feedback', 'event_index']) {
      expect(gone(model)).toHaveLength(kept(model).length)
    }
    expect(gone('conversation')).toMatchObject([
      { title: 'Erased', titleSource: 'erased', preview: '', messageCount: 4 },
    ])
    expect(gone('message').map(({ text, isErased, rating }) => [text, isErased, rating])).toEqual([
      ['', true, null],
      ['', true, 'up'],
      ['', true, null],
      ['', true, null],
    ])
    expect(gone('turn').map(({ status }) => status)).toEqual(['completed', 'stopped'])
  })

  it('loses a title that a person gave it, too', async () => {
    const rows = await rowsOf([started(), renamed('Grandmother'), ...turn('m1')], 2)
    expect(rows('conversation')).toMatchObject([{ title: 'What is RAG in AI?', titleSource: 'first message' }])
    const titled = await rowsOf([started({ title: 'Grandmother' }), renamed('Her house')])
    expect(titled('conversation')).toMatchObject([{ title: 'Erased', titleSource: 'erased' }])
  })

  it('goes on with what is said afterwards', async () => {
    const rows = await rowsOf([started(), ...turn('m1'), sent('m2', { text: 'A new beginning' })], 5)
    expect(rows('conversation')).toMatchObject([
      { title: 'A new beginning', titleSource: 'first message', preview: 'A new beginning', messageCount: 3 },
    ])
    expect(rows('message').map(({ isErased }) => isErased)).toEqual([true, true, false])
  })
})
