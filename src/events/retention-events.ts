/** What rules of retention were applied to: a batch at a time, after its keys were destroyed. Never rename or reshape one; add a version. */
import { z } from 'zod'

export const retentionEventSchemas = {
  RetentionApplied: z.object({
    batchId: z.uuid(),
    /** The rule's name: `conversation`, a kind of conversations, `archived`, `deleted` or `attachment`. */
    rule: z.string().min(1).max(64),
    ageDays: z.number().int().min(1),
    /** What the batch is about was last added to before this. */
    until: z.iso.datetime({ precision: 3 }),
    /** The streams whose text can never be read again. */
    streams: z.array(z.string().min(1)),
    keys: z.number().int().min(0),
    /** Rows that were made anew, of all read models and generations together. */
    rows: z.number().int().min(0),
    requestedBy: z.string().min(1).max(256),
    reason: z.string().min(1).max(2_000),
  }),
} as const

type Schemas = typeof retentionEventSchemas
export type RetentionEventType = keyof Schemas
export type RetentionEvent = {
  [Type in RetentionEventType]: { readonly type: Type; readonly data: Readonly<z.infer<Schemas[Type]>> }
}[RetentionEventType]
