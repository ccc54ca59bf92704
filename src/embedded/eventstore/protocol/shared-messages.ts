/** The messages that every service uses: stream identifiers, UUIDs, and status details. */
import type { ProtobufReader } from './protobuf-reader.ts'
import { ProtobufWriter } from './protobuf-writer.ts'

/** event_store.client.StreamIdentifier: the name's UTF-8 bytes in field 3. */
export function readStreamIdentifier(reader: ProtobufReader): string {
  let name = ''
  while (reader.next()) if (reader.field === 3) name = reader.string()
  return name
}

export function writeStreamIdentifier(writer: ProtobufWriter, field: number, stream: string): void {
  writer.message(field, (identifier) => identifier.string(3, stream))
}

/** event_store.client.UUID as text: given as text as it came, or as two 64-bit numbers. */
export function readUuid(reader: ProtobufReader): string {
  let id = ''
  while (reader.next()) {
    if (reader.field === 1) id = readStructuredUuid(reader.message())
    else if (reader.field === 2) id = reader.string()
  }
  return id
}

function readStructuredUuid(reader: ProtobufReader): string {
  let [most, least] = [0n, 0n]
  while (reader.next()) {
    if (reader.field === 1) most = reader.uint64()
    else if (reader.field === 2) least = reader.uint64()
  }
  const hex = most.toString(16).padStart(16, '0') + least.toString(16).padStart(16, '0')
  return hyphenated(hex)
}

export function writeUuid(writer: ProtobufWriter, field: number, id: string): void {
  writer.message(field, (uuid) => uuid.string(2, id))
}

/** The same id as two signed 64-bit numbers, for clients that ask for it. */
export function writeStructuredUuid(writer: ProtobufWriter, field: number, id: string): void {
  const hex = id.replaceAll('-', '')
  writer.message(field, (uuid) =>
    uuid.message(1, (structured) =>
      structured.uint(1, BigInt(`0x${hex.slice(0, 16)}`)).uint(2, BigInt(`0x${hex.slice(16)}`)),
    ),
  )
}

const CANONICAL = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const ACCEPTED = /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/
const NIL = '00000000-0000-0000-0000-000000000000'

/**
 * Lower case with hyphens, from any of the usual spellings: upper case, without hyphens, in braces or parentheses.
 * Undefined for anything else and for the nil UUID, which the server takes for a missing id.
 */
export function canonicalUuid(text: string): string | undefined {
  if (CANONICAL.test(text)) return text === NIL ? undefined : text
  const bare = text
    .trim()
    .toLowerCase()
    .replace(/^\{(.*)\}$|^\((.*)\)$/, '$1$2')
  if (!ACCEPTED.test(bare)) return undefined
  const canonical = hyphenated(bare.replaceAll('-', ''))
  return canonical === NIL ? undefined : canonical
}

function hyphenated(hex: string): string {
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)]
  return parts.join('-')
}

const TYPE_URL = 'type.googleapis.com/event_store.client.'

/** google.rpc.Status in the form the client understands: a code, a message and exactly one detail. */
export interface StatusMessage {
  readonly code: number
  readonly message: string
  /** Name of the detail's message, which `fill` writes. */
  readonly detail: string
  readonly fill?: (detail: ProtobufWriter) => void
}

export function writeStatus(writer: ProtobufWriter, field: number, status: StatusMessage): void {
  const detail = new ProtobufWriter(64)
  status.fill?.(detail)
  writer.message(field, (message) =>
    message
      .uint(1, status.code)
      .string(2, status.message)
      .message(3, (any) => any.string(1, TYPE_URL + status.detail).bytes(2, detail.finish())),
  )
}

/** google.protobuf.Timestamp in milliseconds. */
export function readTimestampMs(reader: ProtobufReader): number {
  let [seconds, nanos] = [0, 0]
  while (reader.next()) {
    if (reader.field === 1) seconds = Number(reader.int64())
    else if (reader.field === 2) nanos = reader.int32()
  }
  return seconds * 1_000 + nanos / 1_000_000
}

/** One entry of a map of texts. */
export function readMapEntry(reader: ProtobufReader): [key: string, value: string] {
  let [key, value] = ['', '']
  while (reader.next()) {
    if (reader.field === 1) key = reader.string()
    else if (reader.field === 2) value = reader.string()
  }
  return [key, value]
}
