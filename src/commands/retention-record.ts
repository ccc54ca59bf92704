/** Puts applied rules of retention into the record: into each conversation before its keys go, and as a batch when they are gone. */
import { writtenVersion } from '../events/codec.ts'
import type { Actor, Envelope } from '../events/envelope.ts'
import type { RecordEvent } from '../events/event-catalogue.ts'
import type { RetentionEvent } from '../events/retention-events.ts'
import { retentionStream } from '../events/stream-names.ts'
import { type Revision, toRevision } from '../shared/ids.ts'
import { createFactRecorder, type FactRecorderParts } from './fact-recorder.ts'

export interface RetentionRecord {
  /**
   * Says in a conversation that its text is going, if nothing was added since `revision`; whoever wants to add something at the same
   * time has to read this first, and seals with another key. Repeating it appends nothing. `active`: something was added.
   */
  readonly expire: (conversation: ExpiringConversation) => Promise<'expired' | 'active'>
  /** Says what a rule was applied to. Repeating it appends nothing. */
  readonly applied: (event: RetentionEvent, batch: { readonly begunAt: Date; readonly by: Actor }) => Promise<void>
}

export interface ExpiringConversation {
  readonly stream: string
  readonly revision: bigint
  readonly event: Extract<RecordEvent, { type: 'ConversationExpired' }>
  readonly by: Actor
}

export function createRetentionRecord(parts: FactRecorderParts): RetentionRecord {
  const { store, codec, clock } = parts
  const record = createFactRecorder<RetentionEvent>(parts)
  return {
    async expire({ stream, revision, event, by }) {
      const envelope = { ...envelopeOf(event, by), occurredAt: clock().toISOString() }
      const encoded = await codec.encode(stream, event, envelope, { index: 0, person: undefined })
      const result = await store.append(stream, [encoded], toRevision(revision))
      if (result.kind === 'appended') return 'expired'
      for await (const next of store.readStream(stream, { from: (revision + 1n) as Revision })) {
        return next.eventId === encoded.eventId ? 'expired' : 'active'
      }
      return 'active'
    },

    async applied(event, { begunAt, by }) {
      const { commandId, $correlationId, $causationId } = envelopeOf(event, by)
      const context = { commandId, actor: by, correlationId: $correlationId, causationId: $causationId }
      await record(retentionStream(begunAt), event, context)
    },
  }
}

function envelopeOf(
  { type, data: { batchId } }: RetentionEvent | ExpiringConversation['event'],
  actor: Actor,
): Omit<Envelope, 'occurredAt'> {
  const commandId = `retention:${batchId}`
  return { schemaVersion: writtenVersion(type), actor, $correlationId: batchId, $causationId: batchId, commandId }
}
