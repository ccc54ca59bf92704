/** What the ledger commits to: which events are leaves, and the exact bytes of a leaf. */
import type { StoredEvent } from '../events/codec.ts'
import { DRAFT_CATEGORY_PREFIX } from '../events/stream-names.ts'
import { canonicalJson } from './canonical-json.ts'
import { hashLeaf } from './tree-hash.ts'

/**
 * Streams that are not in the ledger, as a pattern that every event store's filter understands (no look-ahead): the store's
 * own (`$…`) and drafts, which age out by design. This one matches all others.
 */
export const LEDGER_STREAM_PATTERN = patternOfOthers(DRAFT_CATEGORY_PREFIX)

/** True for a stream whose every event is a leaf. */
export function isInLedger(stream: string): boolean {
  return !stream.startsWith('$') && !stream.startsWith(DRAFT_CATEGORY_PREFIX)
}

/** `^([^$d]|d([^r]|$)|…)`: begins with neither `$` nor the prefix. */
function patternOfOthers(prefix: string): string {
  const alternatives = [...prefix].map((letter, at) => {
    const begin = prefix.slice(0, at)
    return at === 0 ? `[^$${letter}]` : `${begin}([^${letter === '-' ? '\\-' : letter}]|$)`
  })
  return `^(${alternatives.join('|')})`
}

/**
 * The RFC 8785 canonical JSON of an event as it is stored. Numbers of 64 bits are decimal strings. Data or metadata that is
 * no JSON is given in base64, and the member `binary` then names it; without binary parts there is no such member.
 */
export function leafText(event: StoredEvent): string {
  const { stream, revision, position, eventId, type, created, data, metadata } = event
  const binary = binaryParts(data, metadata)
  // Written member by member in the order of their names: a leaf is made for every event there ever is.
  return `{${binary === '' ? '' : `"binary":[${binary}],`}"created":"${created.toISOString()}","data":${storedText(data)},"eventId":${JSON.stringify(eventId)},"metadata":${storedText(metadata)},"position":"${position}","revision":"${revision}","stream":${JSON.stringify(stream)},"type":${JSON.stringify(type)}}`
}

export function leafHashOf(event: StoredEvent): Buffer {
  return hashLeaf(leafText(event))
}

function binaryParts(data: unknown, metadata: unknown): string {
  const names = [data instanceof Uint8Array && '"data"', metadata instanceof Uint8Array && '"metadata"']
  return names.filter(Boolean).join(',')
}

function storedText(value: unknown): string {
  return value instanceof Uint8Array ? `"${Buffer.from(value).toString('base64')}"` : canonicalJson(value ?? null)
}
