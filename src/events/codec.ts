/** The boundary with bytes: what is stored is checked on the way in and on the way out, upcast, and sealed. */
import type { z } from 'zod'
import { assert } from '../shared/assert.ts'
import { Fault, isFault } from '../shared/failures.ts'
import type { Position, Revision, Uuid } from '../shared/ids.ts'
import { type Envelope, envelopeSchema } from './envelope.ts'
import { eventSchemas, type RecordEvent } from './event-catalogue.ts'
import { type JsonValue, openSealer, type Sealer, type SealOne, sealedFields } from './sealing.ts'
import { eventIdOf } from './stream-names.ts'
import { currentVersion, type UpcasterSteps, upcast, upcasterSteps } from './upcasters.ts'

type JsonObject = { [name: string]: JsonValue }

/** An event as it goes to the store. */
export interface EncodedEvent {
  readonly eventId: Uuid
  readonly type: string
  readonly data: JsonObject
  readonly metadata: JsonObject
}

/** An event as it comes from the store, before decoding. */
export interface StoredEvent {
  readonly stream: string
  readonly revision: Revision
  readonly position: Position
  readonly eventId: string
  readonly type: string
  readonly created: Date
  readonly data: unknown
  readonly metadata: unknown
}

/** An event of the record, checked and upcast to its current version. */
export type RecordedEvent = RecordEvent & {
  readonly stream: string
  readonly revision: Revision
  readonly position: Position
  readonly eventId: string
  readonly envelope: Envelope
}

export interface EncodingContext {
  /** The event's place among those of its command. */
  readonly index: number
  /** Whose record it is, and under whose key personal text is sealed; undefined where an event holds none. */
  readonly person: string | undefined
}

export interface Codec {
  /** Throws `event-not-encodable` when the data does not fit its schema. */
  readonly encode: (
    stream: string,
    event: RecordEvent,
    envelope: Envelope,
    context: EncodingContext,
  ) => Promise<EncodedEvent>
  /** Throws `event-type-unknown`, `event-version-unknown` or `event-not-decodable`; never skips an event silently. */
  readonly decode: (stored: StoredEvent) => Promise<RecordedEvent>
  /** Decodes many events at the price of one look for keys; what cannot be decoded is its fault, in its place. */
  readonly decodeAll: (stored: readonly StoredEvent[]) => Promise<(RecordedEvent | Fault)[]>
}

export interface CodecParts {
  readonly sealer: Sealer
  readonly steps: UpcasterSteps
}

/** The sealed fields of each type, found once. */
const sealedFieldsByType = new Map(Object.entries(eventSchemas).map(([type, schema]) => [type, sealedFields(schema)]))

export function createCodec({ sealer, steps }: CodecParts = { sealer: openSealer, steps: upcasterSteps }): Codec {
  const decodeAll: Codec['decodeAll'] = async (stored) => {
    const open = await sealer.openAll(stored.flatMap(sealedValuesOf))
    return stored.map((event) => faultOf(() => decodeWith(open, steps, event)))
  }
  return {
    async encode(stream, event, envelope, { index, person }) {
      const schema: z.ZodObject = eventSchemas[event.type]
      const eventId = eventIdOf(stream, envelope.commandId, index)
      const parsed = schema.safeParse(event.data)
      if (!parsed.success) throw new Fault('event-not-encodable', { type: event.type, stream }, { cause: parsed.error })
      const given = parsed.data as JsonObject
      const data = holdsPersonalText(event.type, given) ? await sealFields(event.type, given, stream, eventId) : given
      return { eventId, type: event.type, data, metadata: withoutUndefined(envelope) }

      async function sealFields(type: string, open: JsonObject, toStream: string, id: string): Promise<JsonObject> {
        assert(person !== undefined, `personal text of nobody: ${type} in ${toStream}`)
        const seal = await sealer.sealFor(person)
        return mapSealed(type, open, (value, field) => seal(value, { stream: toStream, eventId: id, field }))
      }
    },

    async decode(stored) {
      const [decoded] = await decodeAll([stored])
      assert(decoded !== undefined, 'one event gives one')
      if (isFault(decoded)) throw decoded
      return decoded
    },

    decodeAll,
  }
}

function faultOf(decode: () => RecordedEvent): RecordedEvent | Fault {
  try {
    return decode()
  } catch (error) {
    if (isFault(error)) return error
    throw error
  }
}

function decodeWith(open: SealOne, steps: UpcasterSteps, stored: StoredEvent): RecordedEvent {
  const place = { stream: stored.stream, revision: stored.revision, type: stored.type }
  const schema: z.ZodObject | undefined = schemaOf(stored.type)
  if (schema === undefined) throw new Fault('event-type-unknown', place)
  const envelope = envelopeSchema.safeParse(stored.metadata)
  if (!envelope.success) throw new Fault('event-not-decodable', place, { cause: envelope.error })
  const version = envelope.data.schemaVersion
  if (version > currentVersion(stored.type, steps)) throw new Fault('event-version-unknown', { ...place, version })
  if (!isObject(stored.data)) throw new Fault('event-not-decodable', place)
  const opened = mapSealed(stored.type, stored.data, (value, field) =>
    open(value, { stream: stored.stream, eventId: stored.eventId, field }),
  )
  const data = schema.safeParse(upcast(stored.type, version, opened, steps))
  if (!data.success) throw new Fault('event-not-decodable', { ...place, version }, { cause: data.error })
  const { stream, revision, position, eventId } = stored
  const event = { type: stored.type, data: data.data } as RecordEvent
  return { ...event, stream, revision, position, eventId, envelope: envelope.data }
}

/** The schema version that new events of a type are written in. */
export function writtenVersion(type: RecordEvent['type']): number {
  return currentVersion(type, upcasterSteps)
}

function schemaOf(type: string): z.ZodObject | undefined {
  return Object.hasOwn(eventSchemas, type) ? eventSchemas[type as keyof typeof eventSchemas] : undefined
}

function sealedValuesOf({ type, data }: StoredEvent): JsonValue[] {
  if (!isObject(data)) return []
  return (sealedFieldsByType.get(type) ?? []).flatMap((field) => data[field] ?? [])
}

function holdsPersonalText(type: string, data: JsonObject): boolean {
  return (sealedFieldsByType.get(type) ?? []).some((field) => data[field] !== undefined)
}

function mapSealed(type: string, data: JsonObject, change: (value: JsonValue, field: string) => JsonValue): JsonObject {
  const changed = { ...data }
  for (const field of sealedFieldsByType.get(type) ?? []) {
    const value = changed[field]
    if (value !== undefined) changed[field] = change(value, field)
  }
  return changed
}

function withoutUndefined(envelope: Envelope): JsonObject {
  return Object.fromEntries(Object.entries(envelope).filter(([, value]) => value !== undefined)) as JsonObject
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
