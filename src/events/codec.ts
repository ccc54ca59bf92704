/** The boundary with bytes: what is stored is checked on the way in and on the way out, upcast, and sealed. */
import type { z } from 'zod'
import { Fault } from '../shared/failures.ts'
import type { Position, Revision, Uuid } from '../shared/ids.ts'
import { type ConversationEvent, conversationEventSchemas } from './conversation-events.ts'
import { type Envelope, envelopeSchema } from './envelope.ts'
import { type JsonValue, openSealer, type Sealer, sealedFields } from './sealing.ts'
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
export type RecordedEvent = ConversationEvent & {
  readonly stream: string
  readonly revision: Revision
  readonly position: Position
  readonly eventId: string
  readonly envelope: Envelope
}

export interface Codec {
  /** Encodes the `index`-th event of a command. Throws `event-not-encodable` when the data does not fit its schema. */
  readonly encode: (stream: string, event: ConversationEvent, envelope: Envelope, index: number) => EncodedEvent
  /** Throws `event-type-unknown`, `event-version-unknown` or `event-not-decodable`; never skips an event silently. */
  readonly decode: (stored: StoredEvent) => RecordedEvent
}

export interface CodecParts {
  readonly sealer: Sealer
  readonly steps: UpcasterSteps
}

export function createCodec({ sealer, steps }: CodecParts = { sealer: openSealer, steps: upcasterSteps }): Codec {
  return {
    encode(stream, event, envelope, index) {
      const schema: z.ZodObject = conversationEventSchemas[event.type]
      const eventId = eventIdOf(stream, envelope.commandId, index)
      const parsed = schema.safeParse(event.data)
      if (!parsed.success) throw new Fault('event-not-encodable', { type: event.type, stream }, { cause: parsed.error })
      const data = mapSealed(schema, parsed.data as JsonObject, (value, field) =>
        sealer.seal(value, { stream, eventId, field }),
      )
      return { eventId, type: event.type, data, metadata: withoutUndefined(envelope) }
    },

    decode(stored) {
      const place = { stream: stored.stream, revision: stored.revision, type: stored.type }
      const schema: z.ZodObject | undefined = schemaOf(stored.type)
      if (schema === undefined) throw new Fault('event-type-unknown', place)
      const envelope = envelopeSchema.safeParse(stored.metadata)
      if (!envelope.success) throw new Fault('event-not-decodable', place, { cause: envelope.error })
      const version = envelope.data.schemaVersion
      if (version > currentVersion(stored.type, steps)) throw new Fault('event-version-unknown', { ...place, version })
      if (!isObject(stored.data)) throw new Fault('event-not-decodable', place)
      const opened = mapSealed(schema, stored.data, (value, field) =>
        sealer.open(value, { stream: stored.stream, eventId: stored.eventId, field }),
      )
      const data = schema.safeParse(upcast(stored.type, version, opened, steps))
      if (!data.success) throw new Fault('event-not-decodable', { ...place, version }, { cause: data.error })
      const { stream, revision, position, eventId } = stored
      const event = { type: stored.type, data: data.data } as ConversationEvent
      return { ...event, stream, revision, position, eventId, envelope: envelope.data }
    },
  }
}

/** The schema version that new events of a type are written in. */
export function writtenVersion(type: ConversationEvent['type']): number {
  return currentVersion(type, upcasterSteps)
}

function schemaOf(type: string): z.ZodObject | undefined {
  return Object.hasOwn(conversationEventSchemas, type)
    ? conversationEventSchemas[type as keyof typeof conversationEventSchemas]
    : undefined
}

function mapSealed(
  schema: z.ZodObject,
  data: JsonObject,
  change: (value: JsonValue, field: string) => JsonValue,
): JsonObject {
  const changed = { ...data }
  for (const field of sealedFields(schema)) {
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
