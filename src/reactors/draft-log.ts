/** Keeps an answer in a stream of its own while it is written, and reads it back: here, on another node, after a crash. */
import { type Codec, writtenVersion } from '../events/codec.ts'
import type { DraftEvent } from '../events/draft-events.ts'
import type { Actor } from '../events/envelope.ts'
import { conversationStream, draftStream } from '../events/stream-names.ts'
import type { Clock } from '../shared/clock.ts'
import type { Revision, Uuid } from '../shared/ids.ts'
import type { EventReader, EventStore, ExpectedRevision } from '../store/event-store.ts'

/** Drafts and requests to stop are needed while an answer is written, and a while after for clients that come back. */
export const DRAFT_MAX_AGE_S = 24 * 60 * 60

/** How far an answer was written down: its deltas 1, 2, 3 … and their text put together. */
export interface Draft {
  readonly deltas: readonly string[]
  readonly text: string
  /** Of the last batch; undefined when there is none, or none any more. */
  readonly revision: Revision | undefined
}

/** Whose answer it is, and what caused it. */
export interface DraftAddress {
  readonly turnId: string
  readonly conversationId: Uuid
  readonly ownerId: string
  readonly correlationId: string
  readonly causationId: string
}

export interface DraftBatch {
  /** The number of the first delta. */
  readonly firstDelta: number
  readonly deltas: readonly string[]
  readonly expected: ExpectedRevision
  /** Who writes: the same batch of two writers is two batches, of which the expected revision lets one pass. */
  readonly writerId: string
}

export interface DraftLog {
  readonly read: (conversationId: string, turnId: string) => Promise<Draft>
  /** Hands on batches as they are written, those that are there first, until the signal aborts. */
  readonly follow: (
    conversationId: string,
    turnId: string,
    signal: AbortSignal,
  ) => AsyncIterable<{ readonly firstDelta: number; readonly deltas: readonly string[] }>
  /** Undefined when somebody else wrote first. Repeating a batch changes nothing. */
  readonly append: (address: DraftAddress, batch: DraftBatch) => Promise<Revision | undefined>
}

export interface DraftLogParts {
  readonly store: Pick<EventStore, 'append' | 'setStreamMaxAge'> & EventReader
  readonly codec: Codec
  readonly clock: Clock
}

const actor: Actor = { kind: 'agent', id: 'responder' }

export function createDraftLog({ store, codec, clock }: DraftLogParts): DraftLog {
  return {
    async read(conversationId, turnId) {
      const deltas: string[] = []
      let revision: Revision | undefined
      for await (const stored of store.readStream(draftStream(turnId))) {
        revision = stored.revision
        const event = await codec.decode(stored)
        if (event.type !== 'DraftExtended' || event.data.conversationId !== conversationId) continue
        // What is left of a draft that ages out has no beginning, and is no draft.
        if (event.data.firstDelta === deltas.length + 1) deltas.push(...event.data.deltas)
      }
      return { deltas, text: deltas.join(''), revision }
    },

    async *follow(conversationId, turnId, signal) {
      for await (const stored of store.subscribeToStream(draftStream(turnId), { signal })) {
        const event = await codec.decode(stored)
        if (event.type === 'DraftExtended' && event.data.conversationId === conversationId) yield event.data
      }
    },

    async append(address, { firstDelta, deltas, expected, writerId }) {
      const { turnId, conversationId, ownerId, correlationId, causationId } = address
      const stream = draftStream(turnId)
      const event: DraftEvent = {
        type: 'DraftExtended',
        data: { turnId, conversationId, firstDelta, deltas: [...deltas] },
      }
      const envelope = {
        schemaVersion: writtenVersion(event.type),
        occurredAt: clock().toISOString(),
        actor,
        $correlationId: correlationId,
        $causationId: causationId,
        commandId: `draft:${writerId}:${firstDelta}:${deltas.length}`,
      }
      const encoded = await codec.encode(stream, event, envelope, {
        ...{ index: 0, person: ownerId },
        scope: conversationStream(conversationId), // What is left of a draft on disk goes with the conversation.
      })
      const [result] = await Promise.all([
        store.append(stream, [encoded], expected),
        ...(expected === 'no-stream' || expected === 'any' ? [store.setStreamMaxAge(stream, DRAFT_MAX_AGE_S)] : []),
      ])
      return result.kind === 'appended' ? result.revision : undefined
    },
  }
}
