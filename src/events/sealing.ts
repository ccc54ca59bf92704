/**
 * Marks the fields of the record that hold personal text, and seals them at the boundary with bytes.
 *
 * A schema says `sealed(z.string())`; the codec finds the mark and passes the value through a `Sealer`. Values are sealed
 * before they are stored, so whatever commits to stored bytes commits to sealed text.
 */
import { z } from 'zod'

export type JsonValue = string | number | boolean | null | JsonValue[] | { [name: string]: JsonValue }

/** Where a sealed value stands; sealing may bind a value to its place, so that it cannot be moved unnoticed. */
export interface SealedPlace {
  readonly stream: string
  readonly eventId: string
  readonly field: string
}

export type SealOne = (value: JsonValue, place: SealedPlace) => JsonValue

/** Keys are fetched first, for one person or for many values at once; sealing and opening with them then waits for nothing. */
export interface Sealer {
  /** Fetches the key of the person whose text it is; makes one for a person who has none. */
  readonly sealFor: (person: string) => Promise<SealOne>
  /** Fetches the keys that the stored values name, each once. */
  readonly openAll: (stored: readonly JsonValue[]) => Promise<SealOne>
}

const asItIs: SealOne = (value) => value

/** Stores personal text as it is written. */
export const openSealer: Sealer = { sealFor: async () => asItIs, openAll: async () => asItIs }

const marks = z.registry<{ sealed: true }>()

/** Marks a field (◆ in the catalogue) as personal text. */
export function sealed<Schema extends z.ZodType>(schema: Schema): Schema {
  marks.add(schema, { sealed: true })
  return schema
}

/** Names the sealed fields of an event's data, in the order of the schema. */
export function sealedFields(schema: z.ZodObject): string[] {
  return Object.entries(schema.shape)
    .filter(([, field]) => isMarked(field as z.ZodType))
    .map(([name]) => name)
}

function isMarked(schema: z.ZodType): boolean {
  if (marks.has(schema)) return true
  return schema instanceof z.ZodOptional && isMarked(schema.unwrap() as z.ZodType)
}
