/** An answer while it is being written: batches of its deltas, kept for a day, for clients that come back and nodes that take over. */
import { z } from 'zod'
import { sealed } from './sealing.ts'

export const draftEventSchemas = {
  DraftExtended: z.object({
    turnId: z.uuid(),
    conversationId: z.uuid(),
    /** The number of the first delta in this batch; deltas count 1, 2, 3 … in a turn. */
    firstDelta: z.number().int().min(1),
    deltas: sealed(z.array(z.string())),
  }),
} as const

type Schemas = typeof draftEventSchemas
export type DraftEventType = keyof Schemas
export type DraftEvent = {
  [Type in DraftEventType]: { readonly type: Type; readonly data: Readonly<z.infer<Schemas[Type]>> }
}[DraftEventType]
