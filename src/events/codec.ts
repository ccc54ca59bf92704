/** The boundary with bytes: what is stored is checked on the way in and on the way out, upcast, and sealed. */
import type { z } from 'zod'
import { assert } from '../shared/assert.ts'
import { Fault, isFault } from '../shared/failures.ts'
import type { Position, Revision, Uuid } from '../shared/ids.ts'
import { inSlices } from '../shared/slices.ts'
import { type Envelope, envelopeSchema } from './envelope.ts'
import { eventSchemas, type RecordEvent } from './event-catalogue.ts'
import {
  erased,
  isEmpty,
  type JsonValue,
  type OpenOne,
  openSealer,
  placeholderOf,
  type Sealer,
  type SealOne,
  sealedFields,
} from './sealing.ts'
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
  /** Fields whose text can never be read again because its key was destroyed; what stands in them means nothing. */
  readonly erased: readonly string[]
}

export interface EncodingContext {
  /** The event's place among those of its command. */
  readonly index: number
  /** Whose record it is, and under whose key personal text is sealed; undefined where an event holds none. */
  readonly person: string | undefined
  /** What its text shares a key with, so that both are forgotten together; the event's own stream when left out. */
  readonly scope?: string
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
  /** Fetches, or makes, the keys under which a person's text in these streams is sealed, so that the first event need not wait for them. */
  readonly prepare: (person: string, streams: readonly string[]) => Promise<void>
  /** From now on what was erased elsewhere is erased here, too: keys in memory are looked up again. */
  readonly forgetKeys: () => void
}

export interface CodecParts {
  readonly sealer: Sealer
  readonly steps: UpcasterSteps
}

interface SealedField {
  readonly name: string
  /** Stands for what was erased; undefined when the field is then left out. */
  readonly placeholder: JsonValue | undefined
}

/** The sealed fields of each type, found once. */
const sealedFieldsByType = new Map<string, readonly SealedField[]>(
  Object.entries(eventSchemas).map(([type, schema]: [string, z.ZodObject]) => [
    type,
    sealedFields(schema).map((name) => ({ name, placeholder: placeholderOf(schema.shape[name] as z.ZodType) })),
  ]),
)
/** About a millisecond of work. */
const EVENTS_AT_ONCE_MAX = 200
const NO_FIELDS: readonly string[] = Object.freeze([])

export function createCodec({ sealer, steps }: CodecParts = { sealer: openSealer, steps: upcasterSteps }): Codec {
  const decodeAll: Codec['decodeAll'] = async (stored) => {
    const open = await sealer.openAll(stored.flatMap(sealedValuesOf))
    const decoded: (RecordedEvent | Fault)[] = []
    await inSlices(stored, EVENTS_AT_ONCE_MAX, (slice) => {
      for (const event of slice) decoded.push(faultOf(() => decodeWith(open, steps, event)))
    })
    return decoded
  }
  return {
    async encode(stream, event, envelope, { index, person, scope = stream }) {
      const schema: z.ZodObject = eventSchemas[event.type]
      const eventId = eventIdOf(stream, envelope.commandId, index)
      const parsed = schema.safeParse(event.data)
      if (!parsed.success) throw new Fault('event-not-encodable', { type: event.type, stream }, { cause: parsed.error })
      const given = parsed.data as JsonObject
      const data = holdsPersonalText(event.type, given) ? await sealFields(event.type, given, stream, eventId) : given
      return { eventId, type: event.type, data, metadata: withoutUndefined(envelope) }

      async function sealFields(type: string, open: JsonObject, toStream: string, id: string): Promise<JsonObject> {
        assert(person !== undefined, `personal text of nobody: ${type} in ${toStream}`)
        return sealedWith(await sealer.sealFor(person, scope), type, open, { stream: toStream, eventId: id })
      }
    },

    async decode(stored) {
      const [decoded] = await decodeAll([stored])
      assert(decoded !== undefined, 'one event gives one')
      if (isFault(decoded)) throw decoded
      return decoded
    },

    decodeAll,
    prepare: async (person, streams) => void (await Promise.all(streams.map((each) => sealer.sealFor(person, each)))),
    forgetKeys: sealer.forgetKeys,
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

function decodeWith(open: OpenOne, steps: UpcasterSteps, stored: StoredEvent): RecordedEvent {
  const place = { stream: stored.stream, revision: stored.revision, type: stored.type }
  const schema: z.ZodObject | undefined = schemaOf(stored.type)
  if (schema === undefined) throw new Fault('event-type-unknown', place)
  const envelope = envelopeSchema.safeParse(stored.metadata)
  if (!envelope.success) throw new Fault('event-not-decodable', place, { cause: envelope.error })
  const version = envelope.data.schemaVersion
  if (version > currentVersion(stored.type, steps)) throw new Fault('event-version-unknown', { ...place, version })
  if (!isObject(stored.data)) throw new Fault('event-not-decodable', place)
  const opened = openedWith(open, stored, stored.data)
  const data = schema.safeParse(lifted())
  if (!data.success) throw new Fault('event-not-decodable', { ...place, version }, { cause: data.error })
  const { stream, revision, position, eventId } = stored
  const event = { type: stored.type, data: data.data } as RecordEvent
  return { ...event, stream, revision, position, eventId, envelope: envelope.data, erased: opened.erased }

  /** A step takes for granted what its version had: data that is not even that cannot be decoded, and is no bug of ours. */
  function lifted() {
    try {
      return upcast(stored.type, version, opened.data, steps)
    } catch (cause) {
      throw new Fault('event-not-decodable', { ...place, version }, { cause })
    }
  }
}

function openedWith(
  open: OpenOne,
  { type, stream, eventId }: StoredEvent,
  data: JsonObject,
): { readonly data: JsonObject; readonly erased: readonly string[] } {
  const opened = { ...data }
  let erasedFields = NO_FIELDS
  for (const { name, placeholder } of sealedFieldsByType.get(type) ?? []) {
    const stored = data[name]
    if (stored === undefined) continue
    const value = open(stored, { stream, eventId, field: name })
    if (value !== erased) opened[name] = value
    else {
      erasedFields = [...erasedFields, name]
      if (placeholder === undefined) delete opened[name]
      else opened[name] = placeholder
    }
  }
  return { data: opened, erased: erasedFields }
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
  const values: JsonValue[] = []
  for (const { name } of sealedFieldsByType.get(type) ?? []) {
    const value = data[name]
    if (value !== undefined) values.push(value)
  }
  return values
}

function holdsPersonalText(type: string, data: JsonObject): boolean {
  return (sealedFieldsByType.get(type) ?? []).some(({ name }) => isPersonal(data[name]))
}

function isPersonal(value: JsonValue | undefined): value is JsonValue {
  return value !== undefined && !isEmpty(value)
}

function sealedWith(
  seal: SealOne,
  type: string,
  open: JsonObject,
  place: { readonly stream: string; readonly eventId: string },
): JsonObject {
  const changed = { ...open }
  for (const { name } of sealedFieldsByType.get(type) ?? []) {
    const value = open[name]
    if (isPersonal(value)) changed[name] = seal(value, { ...place, field: name })
  }
  return changed
}

function withoutUndefined(envelope: Envelope): JsonObject {
  return Object.fromEntries(Object.entries(envelope).filter(([, value]) => value !== undefined)) as JsonObject
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
