import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createCodec, type StoredEvent } from '../../src/events/codec.ts'
import { eventSchemas, type RecordEvent } from '../../src/events/event-catalogue.ts'
import { erased, type OpenOne, openSealer, type SealOne, sealedFields } from '../../src/events/sealing.ts'
import {
  accessStream,
  conversationIdFromStream,
  draftStream,
  eventIdOf,
  LEDGER_STREAM,
  personIdFromStream,
  projectionStream,
  userStream,
} from '../../src/events/stream-names.ts'
import { currentVersion, upcasterSteps } from '../../src/events/upcasters.ts'
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
    const expected = Object.keys(eventSchemas).flatMap((type) =>
      Array.from({ length: currentVersion(type, upcasterSteps) }, (_, at) => `${type}.v${at + 1}.json`),
    )
    const whole = samples.map(({ file }) => file).filter((file) => !file.includes('.with-additions.'))
    expect(whole.sort()).toEqual(expected.sort())
  })

  it.each(samples.filter(({ file }) => file.includes('.with-additions.')))(
    'has in $file every optional field that was added to its version',
    ({ type, data }) => {
      const { shape } = eventSchemas[type as keyof typeof eventSchemas]
      const added = Object.entries(shape).filter(([, field]) => field instanceof z.ZodOptional)
      expect(Object.keys(data as object)).toEqual(expect.arrayContaining(added.map(([name]) => name)))
    },
  )

  const isCurrent = (sample: { type: string; metadata: unknown }): boolean =>
    (sample.metadata as { schemaVersion: number }).schemaVersion === currentVersion(sample.type, upcasterSteps)

  it.each(samples.filter((sample) => !isCurrent(sample)))(
    'still reads $file, lifted to the current version',
    async (sample) => {
      const decoded = await codec.decode(stored(sample))
      expect(decoded.type).toBe(sample.type)
      expect(decoded.envelope).toEqual(sample.metadata)
    },
  )

  it.each(samples.filter(isCurrent))('still reads $file', async (sample) => {
    const decoded = await codec.decode(stored(sample))
    expect(decoded.type).toBe(sample.type)
    expect(decoded.data).toEqual(sample.data)
    expect(decoded.envelope).toEqual(sample.metadata)
  })

  it.each(samples.filter(isCurrent))('would write $file the same way today', async (sample) => {
    const { data } = await codec.decode(stored(sample))
    const event = { type: sample.type, data } as RecordEvent
    const encoded = await codec.encode(the.stream, event, the.envelope(), { index: 0, person: the.ownerId })
    expect(encoded.data).toEqual(sample.data)
  })

  it('names its sealed fields as the catalogue does', () => {
    const fields = Object.entries(eventSchemas).flatMap(([type, schema]) =>
      sealedFields(schema).map((field) => `${type}.${field}`),
    )
    expect(fields).toEqual([
      'ConversationStarted.title',
      'MessageSent.text',
      'MessageSent.attachments',
      'IntentRouted.evidence',
      'ResponseCompleted.text',
      'ResponseCompleted.toolCalls',
      'ResponseCompleted.attachments',
      'ResponseFailed.partialText',
      'ResponseFailed.toolCalls',
      'ResponseStopped.partialText',
      'ResponseStopped.toolCalls',
      'IntentCorrected.note',
      'ResponseRated.note',
      'ConversationRenamed.title',
      'ProfileFactNoted.value',
      'ProjectDrafted.title',
      'ProjectDrafted.link',
      'ProjectNoteAdded.note',
      'ProjectRenamed.title',
      'AttachmentStored.content',
      'DraftExtended.deltas',
    ])
  })
})

describe('the codec', () => {
  const sent = the.sent()
  const encode = (event: RecordEvent) =>
    codec.encode(the.stream, event, the.envelope(), { index: 0, person: the.ownerId })

  it('gives the same event the same id, and the next event of a command another', async () => {
    const { eventId } = await encode(sent)
    expect((await encode(sent)).eventId).toBe(eventId)
    const next = await codec.encode(the.stream, sent, the.envelope(), { index: 1, person: the.ownerId })
    expect(next.eventId).not.toBe(eventId)
  })

  it('refuses to write data that does not fit its schema', async () => {
    const misfit = { type: 'MessageSent', data: { messageId: 'm1' } } as unknown as RecordEvent
    await expect(encode(misfit)).rejects.toThrow('event-not-encodable')
  })

  it('names a type it does not know', async () => {
    for (const type of ['MessageShouted', 'constructor']) {
      const unknown = stored({ type, data: {}, metadata: the.envelope() })
      await expect(codec.decode(unknown)).rejects.toThrow('event-type-unknown')
    }
  })

  it('names a version it does not know', async () => {
    const newer = stored({ type: 'MessageSent', data: sent.data, metadata: the.envelope({ schemaVersion: 2 }) })
    await expect(codec.decode(newer)).rejects.toThrow('event-version-unknown')
  })

  it.each([
    ['data of another shape', { text: 5 }, the.envelope()],
    ['data that is bytes', new Uint8Array([1]), the.envelope()],
    ['no envelope', the.sent().data, undefined],
    ['an envelope without an actor', the.sent().data, { schemaVersion: 1 }],
  ])('does not read %s', async (_what, data, metadata) => {
    const misfit = stored({ type: 'MessageSent', data, metadata })
    await expect(codec.decode(misfit)).rejects.toThrow('event-not-decodable')
  })

  it('does not read an old event that lacks what a step to the current version takes for granted', async () => {
    const misfit = stored({ type: 'IntentRouted', data: {}, metadata: the.envelope({ schemaVersion: 1 }) })
    await expect(codec.decode(misfit)).rejects.toThrow('event-not-decodable')
  })

  it('lifts an old event step by step to the current version', async () => {
    const steps = {
      ConversationRenamed: [
        (data: object) => ({ ...data, title: `${(data as { name: string }).name}!` }),
        (data: object) => ({ title: (data as { title: string }).title.toUpperCase() }),
      ],
    }
    const versioned = createCodec({ sealer: openSealer, steps })
    const read = async (schemaVersion: number, data: object) => {
      const metadata = the.envelope({ schemaVersion })
      return (await versioned.decode(stored({ type: 'ConversationRenamed', data, metadata }))).data
    }
    expect(await read(1, { name: 'ember' })).toEqual({ title: 'EMBER!' })
    expect(await read(2, { title: 'ember' })).toEqual({ title: 'EMBER' })
    expect(await read(3, { title: 'ember' })).toEqual({ title: 'ember' })
  })

  it('parts the rules of an old decision from the words of the message, which are sealed from now on', async () => {
    const old = samples.find(({ file }) => file === 'IntentRouted.v1.json')!
    const rule = { kind: 'rule', name: 'first-of-several-wishes', weight: 1 }
    const word = { kind: 'feature', name: 'what is', weight: 1.5 }
    const { data } = await codec.decode(stored({ ...old, data: { ...(old.data as object), evidence: [rule, word] } }))
    expect(data).toMatchObject({ rules: ['first-of-several-wishes'], evidence: [word], context: null })
  })

  it('reads many at once, and puts what it cannot read in its place as the fault', async () => {
    const good = stored({ type: 'MessageSent', data: sent.data, metadata: the.envelope() })
    const [first, second, third] = await codec.decodeAll([good, { ...good, type: 'MessageShouted' }, good])
    expect(first).toMatchObject({ type: 'MessageSent', data: sent.data })
    expect(second).toMatchObject({ name: 'Fault', code: 'event-type-unknown' })
    expect(third).toEqual(first)
  })

  it('passes sealed fields, and only those, through the sealer, with their place and person', async () => {
    const places: string[] = []
    const seal: SealOne = (value, { field, stream, eventId }) => {
      places.push(`${stream} ${eventId} ${field}`)
      return { sealed: [...JSON.stringify(value)].reverse().join('') }
    }
    const open: SealOne = (value) => JSON.parse([...(value as { sealed: string }).sealed].reverse().join(''))
    const people: string[] = []
    const sealer = {
      sealFor: async (person: string) => {
        people.push(person)
        return seal
      },
      openAll: async () => open,
      forgetKeys: () => {},
    }
    const sealing = createCodec({ steps: {}, sealer })
    const attachments = [{ mediaType: 'text/plain', name: 'a.txt', reference: 'a' }]
    const sent = the.sent('m1', { attachments })
    const encoded = await sealing.encode(the.stream, sent, the.envelope(), { index: 0, person: the.ownerId })
    expect(JSON.stringify(encoded.data)).not.toContain('RAG')
    expect(encoded.data['messageId']).toBe('m1')
    expect(places).toEqual(['text', 'attachments'].map((field) => `${the.stream} ${encoded.eventId} ${field}`))
    expect(people).toEqual([the.ownerId])
    const read = await sealing.decode(stored({ type: 'MessageSent', data: encoded.data, metadata: encoded.metadata }))
    expect(read.data).toEqual(sent.data)
  })

  it.each(samples)('reads $file though all its text was erased, and says which', async ({ type, data, metadata }) => {
    const sealer = { ...openSealer, openAll: async (): Promise<OpenOne> => () => erased }
    const reading = createCodec({ sealer, steps: upcasterSteps })
    const read = await reading.decode(stored({ type, data, metadata }))
    const fields = sealedFields(eventSchemas[type as keyof typeof eventSchemas])
    expect(read.erased).toEqual(fields.filter((field) => Object.hasOwn(data as object, field)))
  })

  it("writes no personal text that is nobody's", async () => {
    const context = { index: 0, person: undefined }
    await expect(codec.encode(the.stream, sent, the.envelope(), context)).rejects.toThrow('personal text of nobody')
  })
})

describe('stream names', () => {
  it('lead back to the conversation, and no other stream does', () => {
    expect(conversationIdFromStream(the.stream)).toBe(the.conversationId)
    expect(conversationIdFromStream(userStream(the.ownerId))).toBeUndefined()
    expect(personIdFromStream(userStream(the.ownerId))).toMatch(/^[0-9a-f-]{36}$/)
    for (const name of ['nowhere', '', `${the.conversationId}0`, the.conversationId.toUpperCase()]) {
      expect(conversationIdFromStream(`conversation-${name}`)).toBeUndefined()
      expect(personIdFromStream(`user-${name}`)).toBeUndefined()
    }
  })

  it('are the same for the same person, turn, month and set of read models, and for no other', () => {
    expect(userStream('ada')).toBe(userStream('ada'))
    expect(userStream('ada')).not.toBe(userStream('bob'))
    expect(userStream('ada')).toMatch(/^user-[0-9a-f-]{36}$/)
    expect(draftStream(the.turnOf('m1'))).toBe(`draft-${the.turnOf('m1')}`)
    expect(accessStream(new Date('2026-11-30T23:59:59.999Z'))).toBe('access-2026-11')
    expect(projectionStream('chat')).toBe('projection-chat')
    expect(LEDGER_STREAM).toBe('ledger-checkpoints')
  })
})
