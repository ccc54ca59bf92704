/** What every event carries besides its data: when, who, why. Set once, by the command handler. */
import { z } from 'zod'

export const envelopeSchema = z.object({
  schemaVersion: z.number().int().min(1),
  /** UTC, millisecond precision. */
  occurredAt: z.iso.datetime({ precision: 3 }),
  actor: z.object({ kind: z.enum(['user', 'agent', 'system', 'auditor', 'operator']), id: z.string().min(1).max(256) }),
  /** The turn or request that this event belongs to; EventStoreDB's own reserved name. */
  $correlationId: z.string().min(1).max(256),
  /** The event or command that caused this one; EventStoreDB's own reserved name. */
  $causationId: z.string().min(1).max(256),
  commandId: z.string().min(1).max(256),
  traceparent: z.string().max(128).optional(),
})

export type Envelope = Readonly<z.infer<typeof envelopeSchema>>
export type Actor = Envelope['actor']
