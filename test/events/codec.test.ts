import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createCodec, type StoredEvent } from '../../src/events/codec.ts'
import { type ConversationEvent, conversationEventSchemas } from '../../src/events/conversation-events.ts'
import { openSealer, sealedFields } from '../../src/events/sealing.ts'
import { conversationIdFromStream, eventIdOf } from '../../src/events/stream-names.ts'
import { toPosition, toRevision } from '../../src/shared/ids.ts'
import * as the from '../support/examples.ts'

const samplesDirectory = new URL('./samples/', import.meta.url)
const samples = readdirSync(samplesDirectory).map((file) => ({
  file,
  ...(JSON.parse(readFileSync(new URL(file, samplesDirectory), 'utf8')) as {
    type: string
    data: unknown
    metadata: unknown
  }),
}))
const codec = createCodec()

function stored(event: { type: string; data: unknown; metadata: unknown }): StoredEvent {
  return {
    stream: the.stream,
    revision: toRevision(0),
    position: toPosition(7),
    eventId: eventIdOf(the.stream, 'message:m1', 0),
    created: new Date(0),
    ...event,
  }
}

describe('the record', () => {
  it('has a frozen sample for every event type and schema version', () => {
    const expected = Object.keys(conversationEventSchemas).map((type) => `${type}.v1.json`)
    expect(samples.map(({ file }) => file).sort()).toEqual(expected.sort())
  })

  it.each(samples)('still reads $file', (sample) => {
    const decoded = codec.decode(stored(sample))
    expect(decoded.type).toBe(sample.type)
    expect(decoded.data).toEqual(sample.data)
    expect(decoded.envelope).toEqual(sample.metadata)
  })

  it.each(samples)('would write $file the same way today', (sample) => {
    const { data } = codec.decode(stored(sample))
    const event = { type: sample.type, data } as ConversationEvent
    const encoded = codec.encode(the.stream, event, the.envelope(), 0)
    expect(encoded.data).toEqual(sample.data)
  })

  it('names its sealed fields as the catalogue does', () => {
    const fields = Object.entries(conversationEventSchemas).flatMap(([type, schema]) =>
      sealedFields(schema).map((field) => `${type}.${field}`),
    )
    expect(fields).toEqual([
      'ConversationStarted.title',
      'MessageSent.text',
      'MessageSent.attachments',
      'ResponseCompleted.text',
      'ResponseCompleted.toolCalls',
      'ResponseCompleted.attachments',
      'ResponseFailed.partialText',
      'ResponseStopped.partialText',
      'IntentCorrected.note',
      'ResponseRated.note',
      'ConversationRenamed.title',
    ])
  })
})

describe('the codec', () => {
  const sent = the.sent()
  const encode = (event: ConversationEvent) => codec.encode(the.stream, event, the.envelope(), 0)

  it('gives the same event the same id, and the next event of a command another', () => {
    expect(encode(sent).eventId).toBe(encode(sent).eventId)
    expect(codec.encode(the.stream, sent, the.envelope(), 1).eventId).not.toBe(encode(sent).eventId)
  })

  it('refuses to write data that does not fit its schema', () => {
    const misfit = { type: 'MessageSent', data: { messageId: 'm1' } } as unknown as ConversationEvent
    expect(() => encode(misfit)).toThrow('event-not-encodable')
  })

  it('names a type it does not know', () => {
    expect(() => codec.decode(stored({ type: 'MessageShouted', data: {}, metadata: the.envelope() }))).toThrow(
      'event-type-unknown',
    )
    expect(() => codec.decode(stored({ type: 'constructor', data: {}, metadata: the.envelope() }))).toThrow(
      'event-type-unknown',
    )
  })

  it('names a version it does not know', () => {
    const metadata = the.envelope({ schemaVersion: 2 })
    expect(() => codec.decode(stored({ type: 'MessageSent', data: sent.data, metadata }))).toThrow(
      'event-version-unknown',
    )
  })

  it.each([
    ['data of another shape', { text: 5 }, the.envelope()],
    ['data that is bytes', new Uint8Array([1]), the.envelope()],
    ['no envelope', the.sent().data, undefined],
    ['an envelope without an actor', the.sent().data, { schemaVersion: 1 }],
  ])('does not read %s', (_what, data, metadata) => {
    expect(() => codec.decode(stored({ type: 'MessageSent', data, metadata }))).toThrow('event-not-decodable')
  })

  it('lifts an old event step by step to the current version', () => {
    const steps = {
      ConversationRenamed: [
        (data: object) => ({ ...data, title: `${(data as { name: string }).name}!` }),
        (data: object) => ({ title: (data as { title: string }).title.toUpperCase() }),
      ],
    }
    const versioned = createCodec({ sealer: openSealer, steps })
    const read = (schemaVersion: number, data: object) =>
      versioned.decode(stored({ type: 'ConversationRenamed', data, metadata: the.envelope({ schemaVersion }) })).data
    expect(read(1, { name: 'ember' })).toEqual({ title: 'EMBER!' })
    expect(read(2, { title: 'ember' })).toEqual({ title: 'EMBER' })
    expect(read(3, { title: 'ember' })).toEqual({ title: 'ember' })
  })

  it('passes sealed fields, and only those, through the sealer, with their place', () => {
    const places: string[] = []
    const sealing = createCodec({
      steps: {},
      sealer: {
        seal: (value, { field, stream, eventId }) => {
          places.push(`${stream} ${eventId} ${field}`)
          return { sealed: [...JSON.stringify(value)].reverse().join('') }
        },
        open: (value) => JSON.parse([...(value as { sealed: string }).sealed].reverse().join('')),
      },
    })
    const encoded = sealing.encode(the.stream, sent, the.envelope(), 0)
    expect(JSON.stringify(encoded.data)).not.toContain('RAG')
    expect(encoded.data['messageId']).toBe('m1')
    expect(places).toEqual(['text', 'attachments'].map((field) => `${the.stream} ${encoded.eventId} ${field}`))
    expect(
      sealing.decode(stored({ type: 'MessageSent', data: encoded.data, metadata: encoded.metadata })).data,
    ).toEqual(sent.data)
  })
})

describe('stream names', () => {
  it('lead back to the conversation, and no other stream does', () => {
    expect(conversationIdFromStream(the.stream)).toBe(the.conversationId)
    expect(conversationIdFromStream('user-123')).toBeUndefined()
  })
})
