/** What a stream's metadata says about how much of it may be seen, parsed from the last event of `$$stream`. */
import type { StoredContent } from '../protocol/recorded-event.ts'

/** The settings the server itself obeys; everything else in the metadata is the users' own. */
export interface StreamMetadata {
  readonly maxCount?: number
  readonly maxAgeMs?: number
  /** First revision that may be seen. */
  readonly truncateBefore?: number
  /** The stream was deleted and may be written again. */
  readonly isSoftDeleted: boolean
  /** The access control list as it stands there; who may what is decided in access/. */
  readonly acl?: unknown
}

export const NO_METADATA: StreamMetadata = { isSoftDeleted: false }

/** `$tb` of a deleted stream: the largest signed 64-bit number, which no JavaScript number can hold. */
const SOFT_DELETED = '9223372036854775807'
const SOFT_DELETED_VALUE = 2 ** 63

export const METADATA_TYPE = '$metadata'
export const TOMBSTONE_TYPE = '$streamDeleted'

export const metastreamOf = (stream: string) => `$$${stream}`
export const isMetastream = (stream: string) => stream.startsWith('$$')
export const streamOfMetastream = (metastream: string) => metastream.slice(2)

/** Metadata events keep only their latest. */
export const METASTREAM_METADATA: StreamMetadata = { maxCount: 1, isSoftDeleted: false }

/**
 * Takes what a metadata event says. One value that is not what it should be (a fraction, a text, zero, something
 * negative) makes all of it void, as does anything but a JSON object: the stream is then as if it had no metadata.
 */
export function parseStreamMetadata(content: Pick<StoredContent, 'isJson' | 'data'>): StreamMetadata {
  const json = content.isJson ? parseObject(content.data.toString('utf8')) : undefined
  if (!json) return NO_METADATA
  const truncateBefore = json['$tb']
  const isSoftDeleted = truncateBefore === SOFT_DELETED_VALUE
  const maxAge = json['$maxAge']
  const isValid =
    isIntegerFrom(1, json['$maxCount']) &&
    isIntegerFrom(1, maxAge) &&
    isIntegerFrom(1, json['$cacheControl']) &&
    (isSoftDeleted || isIntegerFrom(0, truncateBefore))
  if (!isValid) return NO_METADATA
  return {
    ...(json['$maxCount'] === undefined ? {} : { maxCount: json['$maxCount'] as number }),
    ...(maxAge === undefined ? {} : { maxAgeMs: (maxAge as number) * 1_000 }),
    ...(truncateBefore === undefined || isSoftDeleted ? {} : { truncateBefore: truncateBefore as number }),
    ...(json['$acl'] === undefined ? {} : { acl: json['$acl'] }),
    isSoftDeleted,
  }
}

/** The metadata that deletes a stream: it replaces all that was there. */
export function softDeletion(): Buffer {
  return Buffer.from(`{"$tb":${SOFT_DELETED}}`)
}

/** The metadata that brings a deleted stream back: what is there, but visible from `revision` on. */
export function undeletion(content: Pick<StoredContent, 'isJson' | 'data'> | undefined, revision: number): Buffer {
  const json = content?.isJson ? parseObject(content.data.toString('utf8'), keepSource) : undefined
  return Buffer.from(JSON.stringify({ ...json, $tb: revision }))
}

type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown

function parseObject(text: string, reviver: Reviver = exactNumbers): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text, reviver as (key: string, value: unknown) => unknown)
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** Numbers that lose digits in JavaScript become NaN, so that nobody takes them for something they are not. */
function exactNumbers(_key: string, value: unknown, context: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || !Number.isInteger(value)) return value
  return context.source === SOFT_DELETED ? SOFT_DELETED_VALUE : Number.NaN
}

/** Numbers stay as they were written, however many digits they have. */
function keepSource(_key: string, value: unknown, context: { source?: string }): unknown {
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown }
  return typeof value === 'number' && context.source !== undefined ? rawJSON(context.source) : value
}

function isIntegerFrom(lowest: number, value: unknown): boolean {
  return value === undefined || (typeof value === 'number' && Number.isSafeInteger(value) && value >= lowest)
}
