/** Decides what an append comes to, from what is known of the stream: pure, and the whole of the idempotency rules. */
import { EXPECT, type ExpectedRevision } from './expected-revision.ts'

/** A stream as a writer finds it, everything decided so far included. */
export interface StreamState {
  /** -1 while nothing was ever written to it. */
  readonly lastRevision: number
  readonly isTombstoned: boolean
  readonly isSoftDeleted: boolean
  /** Somebody has set metadata, which is enough to count as existing. */
  readonly hasMetadata: boolean
}

/** How to look for events written before. */
export interface Lookup {
  /** The revision of an event id among the stream's recent ones. */
  recent(eventId: string): number | undefined
  /** The ids that stand in the stream from a revision on, at most `count`. */
  idsFrom(revision: number, count: number): readonly string[]
}

export type AppendDecision =
  | { readonly kind: 'append' }
  /** All of it was written before; `lastRevision` is where its last event stands. */
  | { readonly kind: 'duplicate'; readonly lastRevision: number }
  | { readonly kind: 'wrong-revision' }
  | { readonly kind: 'deleted' }

const APPEND: AppendDecision = { kind: 'append' }
const WRONG: AppendDecision = { kind: 'wrong-revision' }
const DELETED: AppendDecision = { kind: 'deleted' }

// expected          duplicate                            wrong revision          appended again
// exact, no stream  the ids stand there from it on       anything else           –
// any, exists       all ids known, in rising order       first known, not all    first id unknown

export function decideAppend(
  state: StreamState,
  expected: ExpectedRevision,
  eventIds: readonly string[],
  lookup: Lookup,
): AppendDecision {
  if (state.isTombstoned) return DELETED
  if (expected === EXPECT.exists) {
    if (state.isSoftDeleted) return DELETED
    if (!exists(state)) return WRONG
  }
  if (expected === EXPECT.any || expected === EXPECT.exists) return decideByRecentIds(eventIds, lookup)
  if (expected === state.lastRevision) return APPEND
  if (expected > state.lastRevision) return WRONG
  const lastRevision = Number(expected) + eventIds.length
  if (eventIds.length > 0 && standFrom(Number(expected) + 1, lastRevision, state, eventIds, lookup))
    return { kind: 'duplicate', lastRevision }
  // A deleted stream counts as none, but only for an append that brings something.
  if (expected === EXPECT.noStream && state.isSoftDeleted && eventIds.length > 0) return APPEND
  return WRONG
}

function decideByRecentIds(eventIds: readonly string[], lookup: Lookup): AppendDecision {
  let lastRevision = -1
  for (const [index, eventId] of eventIds.entries()) {
    const revision = lookup.recent(eventId)
    if (revision === undefined && index === 0) return APPEND
    if (revision === undefined || revision <= lastRevision) return WRONG
    lastRevision = revision
  }
  return eventIds.length === 0 ? APPEND : { kind: 'duplicate', lastRevision }
}

function standFrom(first: number, last: number, state: StreamState, eventIds: readonly string[], lookup: Lookup) {
  if (last > state.lastRevision) return false
  const standing = lookup.idsFrom(first, eventIds.length)
  return standing.length === eventIds.length && standing.every((eventId, index) => eventId === eventIds[index])
}

/** Decides whether a deletion that keeps the stream's name usable may go ahead. */
export function decideDelete(state: StreamState, expected: ExpectedRevision): 'delete' | 'wrong-revision' | 'deleted' {
  if (state.isTombstoned) return 'deleted'
  if (expected === EXPECT.exists && state.isSoftDeleted) return 'deleted'
  const isWord = expected === EXPECT.any || expected === EXPECT.exists || expected === EXPECT.noStream
  // What never existed cannot be deleted, whatever is expected of it.
  if (isWord && !exists(state)) return 'wrong-revision'
  return fits(state, expected) ? 'delete' : 'wrong-revision'
}

/** Decides whether a deletion for ever may go ahead; a stream that was never written may be closed too. */
export function decideTombstone(
  state: StreamState,
  expected: ExpectedRevision,
): 'delete' | 'wrong-revision' | 'deleted' {
  if (state.isTombstoned) return 'deleted'
  if (expected === EXPECT.exists && state.isSoftDeleted) return 'deleted'
  if (expected === EXPECT.exists && !exists(state)) return 'wrong-revision'
  return fits(state, expected) ? 'delete' : 'wrong-revision'
}

function fits(state: StreamState, expected: ExpectedRevision): boolean {
  if (expected === EXPECT.any || expected === EXPECT.exists) return true
  if (expected === EXPECT.noStream) return state.lastRevision === -1 || state.isSoftDeleted
  return expected === state.lastRevision
}

const exists = (state: StreamState) => state.lastRevision >= 0 || state.hasMetadata
