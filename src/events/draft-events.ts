/** An answer while it is being written: batches of its deltas, and wishes to stop it on their way to the node that writes; kept for a day. */
import { z } from 'zod'
import { sealed } from './sealing.ts'

export const draftEventSchemas = {
  DraftExtended: z.object({
    turnId: z.uuid(),
    conversationId: z.uuid(),
    /** The number of the first delta in this batch; deltas count 1, 2, 3 … in a turn. */
    firstDelta: z.number().int().min(1),
    /** None in a batch by which a node takes the draft over: whoever wrote it before can add nothing any more. */
    deltas: sealed(z.array(z.string())),
  }),
  /** Not a fact of the conversation yet: the node that writes the answer ends it, and that is the fact. */
  StopRequested: z.object({
    turnId: z.uuid(),
    conversationId: z.uuid(),
    by: z.string().min(1).max(256),
  }),
} as const

type Schemas = typeof draftEventSchemas
export type DraftEventType = keyof Schemas
export type DraftEvent = {
  [Type in DraftEventType]: { readonly type: Type; readonly data: Readonly<z.infer<Schemas[Type]>> }
}[DraftEventType]
