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

/** What opening a sealed value comes to when its key was destroyed: somebody wrote something, and nobody can know what. */
export const erased: unique symbol = Symbol('erased')

/** Throws a fault when the value cannot be opened though its key is there. */
export type OpenOne = (stored: JsonValue, place: SealedPlace) => JsonValue | typeof erased

/** Keys are fetched first, for one stream or for many values at once; sealing and opening with them then waits for nothing. */
export interface Sealer {
  /**
   * Fetches the key for the person whose text it is and the scope it shares a key with, by the name of a stream; makes one where
   * there is none.
   */
  readonly sealFor: (person: string, scope: string) => Promise<SealOne>
  /** Fetches the keys that the stored values name, each once. Values that were never sealed are opened as they are. */
  readonly openAll: (stored: readonly JsonValue[]) => Promise<OpenOne>
  /** Looks keys up again when they are needed next, because some may have been destroyed. */
  readonly forgetKeys: () => void
}

const asItIs = (value: JsonValue): JsonValue => value

/** Stores personal text as it is written. */
export const openSealer: Sealer = { sealFor: async () => asItIs, openAll: async () => asItIs, forgetKeys: () => {} }

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

/** An empty value says nothing that its sealed form would not show by its length: it is stored as it is. */
export function isEmpty(value: JsonValue): boolean {
  return value === '' || (Array.isArray(value) && value.length === 0)
}

const PLACEHOLDERS: readonly JsonValue[] = ['', [], 'erased']

/** What stands in an erased field, so that it still fits its schema: nothing where that is allowed, else something empty. */
export function placeholderOf(schema: z.ZodType): JsonValue | undefined {
  return schema.safeParse(undefined).success ? undefined : PLACEHOLDERS.find((value) => schema.safeParse(value).success)
}
