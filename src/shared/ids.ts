/** Every kind of number and id has its own type, so that a revision is never taken for a position. */
import { v5, v7, validate } from 'uuid'

declare const brand: unique symbol
type Branded<T, Name extends string> = T & { readonly [brand]: Name }

/** A place inside one stream: 0, 1, 2 … */
export type Revision = Branded<bigint, 'Revision'>
/** A place in the whole log: the commit position of an event, 64 bit. Travels as a decimal string. */
export type Position = Branded<bigint, 'Position'>
/** A UUID in lower case. */
export type Uuid = Branded<string, 'Uuid'>

const LARGEST_64_BIT = 2n ** 64n - 1n

export function toRevision(value: bigint | number): Revision {
  return BigInt(value) as Revision
}

export function toPosition(value: bigint | number): Position {
  return BigInt(value) as Position
}

/** Parses a position as it travels in headers and JSON; undefined when it is not an unsigned 64-bit decimal. */
export function parsePosition(text: string): Position | undefined {
  if (!/^\d{1,20}$/.test(text)) return undefined
  const value = BigInt(text)
  return value > LARGEST_64_BIT ? undefined : (value as Position)
}

/** Parses a UUID of any version, folding it to lower case; undefined when it is none. */
export function parseUuid(text: string): Uuid | undefined {
  return validate(text) ? (text.toLowerCase() as Uuid) : undefined
}

/** Mints a UUID v7: sortable by the time it was made. */
export function mintId(): Uuid {
  return v7() as Uuid
}

/** Derives a UUID v5 from a namespace and a name: the same inputs give the same id, everywhere and always. */
export function deriveId(namespace: Uuid, name: string): Uuid {
  return v5(name, namespace) as Uuid
}
