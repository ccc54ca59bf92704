import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { conversationAsOf } from '../../src/audit/conversation-as-of.ts'
import { selectEvents } from '../../src/audit/event-selection.ts'
import { traceExchange, traceLines } from '../../src/audit/exchange-trace.ts'
import { reportOn } from '../../src/audit/period-report.ts'
import { reportAsHtml, reportAsMarkdown } from '../../src/audit/report-pages.ts'
import { replay, replayAndFollow } from '../../src/audit/stream-replay.ts'
import type { StoredEvent } from '../../src/events/codec.ts'
import { openLedgerReader } from '../../src/ledger/ledger-reader.ts'
import { type EventReader, readerOf } from '../../src/store/event-store.ts'
import { append, codec, ledgerDirectoryOfTest, newSigner, signOnce } from '../reactors/ledger-harness.ts'
import {
  completed,
  conversationId,
  envelope,
  failed,
  renamed,
  routed,
  sent,
  started,
  stream,
  turnOf,
} from '../support/examples.ts'
import { type RecordHarness, startRecord } from '../support/record-harness.ts'

let record: RecordHarness
let reader: EventReader
let ledger: Awaited<ReturnType<typeof ledgerDirectoryOfTest>>
let events: StoredEvent[]

beforeAll(async () => {
  record = await startRecord()
  reader = readerOf(record.store)
  ledger = await ledgerDirectoryOfTest()
  const turn = { $correlationId: turnOf('m1') }
  const steps = [
    [started(), envelope({ commandId: 'm1', ...turn })],
    [sent('m1'), envelope({ commandId: 'm1', ...turn })],
    [
      routed('m1'),
      envelope({ commandId: 'r1', $causationId: 'm1', ...turn, actor: { kind: 'agent', id: 'responder' } }),
    ],
    [
      completed('m1'),
      envelope({ commandId: 'a1', $causationId: 'r1', ...turn, actor: { kind: 'agent', id: 'learning' } }),
    ],
    [renamed('Another title'), envelope({ commandId: 'n1', $causationId: 'n1', $correlationId: 'n1' })],
  ] as const
  for (const [index, [event, at]] of steps.entries()) {
    const encoded = await codec.encode(stream, event, at, { index, person: 'ada' })
    await record.store.append(stream, [encoded], 'any')
  }
  await append(record.store, stream, [sent('m2'), failed('m2')], { $correlationId: 'another' })
  await signOnce(record.store, ledger.directory, [newSigner()])
  events = []
  for await (const event of reader.readStream(stream)) events.push(event)
})
afterAll(async () => {
  await record?.stop()
  await ledger?.remove()
})

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

describe('a replay', () => {
  it('is the same bytes twice', async () => {
    const read = async () => JSON.stringify(await all(replay({ reader, codec }, {})))
    expect(await read()).toBe(await read())
    expect(JSON.parse(await read()).length).toBe(9)
  })

  it('filters by type, actor, correlation and position', async () => {
    const types = async (filter: Parameters<typeof selectEvents>[1]) =>
      (await all(selectEvents(reader, filter))).map(({ type }) => type)
    expect(await types({ type: 'MessageSent' })).toEqual(['MessageSent', 'MessageSent'])
    expect(await types({ actor: 'agent:responder' })).toEqual(['IntentRouted'])
    expect(await types({ correlationId: 'n1' })).toEqual(['ConversationRenamed'])
    expect(await types({ stream, after: events[4]?.position as never })).toEqual(['MessageSent', 'ResponseFailed'])
    expect(await types({ to: new Date(0) })).toEqual([])
  })

  it('that follows goes on with what comes', async () => {
    const ending = new AbortController()
    const seen: string[] = []
    for await (const { type } of replayAndFollow({ reader, codec }, { type: 'ConversationRenamed' }, ending.signal)) {
      seen.push(type)
      if (seen.length === 1)
        await append(record.store, 'conversation-elsewhere', [renamed('later')], { $correlationId: 'another' })
      if (seen.length === 2) ending.abort()
    }
    expect(seen).toHaveLength(2)
  })
})

describe('a conversation as of', () => {
  it('each of its events is what the events until then make of it', async () => {
    for (const event of events) {
      const found = await conversationAsOf(reader, codec, { conversationId, asOf: { position: event.position } })
      expect(found?.position).toBe(event.position)
      expect(found?.conversation.title).toBe(Number(event.revision) >= 4 ? 'Another title' : found?.conversation.title)
    }
    const counts = await Promise.all(
      events.map(
        async ({ position }) =>
          (await conversationAsOf(reader, codec, { conversationId, asOf: { position } }))?.messages.length,
      ),
    )
    expect(counts).toEqual([0, 1, 1, 2, 2, 3, 4])
  })

  it('a time before it is nothing, and the same twice now', async () => {
    expect(await conversationAsOf(reader, codec, { conversationId, asOf: { time: new Date(0) } })).toBeUndefined()
    const read = () => conversationAsOf(reader, codec, { conversationId, asOf: 'now' })
    expect(await read()).toEqual(await read())
  })
})

describe('a trace', () => {
  it.each([['m1'], [turnOf('m1')], ['r1']])('of %s shows the exchange as a tree of causes', async (id) => {
    const [first, ...others] = await traceExchange(reader, id)
    const shape = (event: typeof first): unknown => event && [event.type, ...event.effects.map(shape)]
    expect([first, ...others].map(shape)).toEqual([
      ['ConversationStarted'],
      ['MessageSent', ['IntentRouted', ['ResponseCompleted']]],
    ])
    expect(traceLines([first, ...others] as never)[1]).toMatch(/^└─ MessageSent/)
  })

  it('of what nobody knows is empty', async () => {
    expect(await traceExchange(reader, 'nobody')).toEqual([])
  })
})

describe('a report', () => {
  const period = { from: new Date(0), to: new Date('2100-01-01') }

  it('counts what happened, without a word of what was said', async () => {
    const report = await reportOn({ reader, ledger: openLedgerReader(ledger.directory) }, period)
    expect(report).toMatchObject({
      turns: { completed: 1, failed: 1, stopped: 0 },
      failures: { 'model-timeout': 1 },
      models: { 'offline/emberlog-knowledge-1': 1 },
      checkpoints: 1,
      ledger: { origin: 'emberlog.test/log', size: 8 },
    })
    for (const page of [reportAsMarkdown(report), reportAsHtml(report)]) {
      expect(page).toContain('model-timeout')
      expect(page).not.toContain('RAG')
    }
  })

  it('holds no HTML of anybody else', async () => {
    const report = await reportOn({ reader, ledger: openLedgerReader(ledger.directory) }, period)
    expect(reportAsHtml({ ...report, lookers: { '<script>': 1 } })).not.toContain('<script>')
    expect(reportAsMarkdown({ ...report, lookers: { 'a|b\nc': 1 } })).toContain('| a b c | 1 |')
  })
})
