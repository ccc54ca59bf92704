/** The facts of one person: what they told about themselves, what is held, and that they were erased. Never rename or reshape one; add a version. */
import { z } from 'zod'
import { sealed } from './sealing.ts'

const personIdSchema = z.string().min(1).max(256)
const reasonSchema = z.string().min(1).max(2_000)

export const userEventSchemas = {
  ProfileFactNoted: z.object({
    ownerId: personIdSchema,
    factId: z.uuid(),
    /** What sort of fact: interest, role, skill … */
    kind: z.string().min(1).max(64),
    value: sealed(z.string().min(1)),
    sourceTurnId: z.uuid(),
    sourceConversationId: z.uuid(),
    /** Where in the person's own message it was said, in UTF-16 code units: from the first, to before the last. */
    span: z.object({ from: z.number().int().min(0), to: z.number().int().min(0) }),
  }),
  ProfileFactRemoved: z.object({
    ownerId: personIdSchema,
    factId: z.uuid(),
    /** The turn in which the person asked for it. Absent: outside a conversation, or removed before this was recorded. */
    sourceTurnId: z.uuid().optional(),
  }),
  PersonErased: z.object({
    subjectId: personIdSchema,
    /** The data key that was destroyed; null when the person never had one. */
    keyId: z.string().min(1).max(128).nullable(),
    requestedBy: personIdSchema,
    reason: reasonSchema,
  }),
  LegalHoldPlaced: z.object({
    holdId: z.uuid(),
    subjectId: personIdSchema,
    /** The one conversation that is held; null when all of the person's record is. */
    conversationId: z.uuid().nullable(),
    by: personIdSchema,
    reason: reasonSchema,
  }),
  LegalHoldLifted: z.object({ holdId: z.uuid(), subjectId: personIdSchema, by: personIdSchema, reason: reasonSchema }),
} as const

type Schemas = typeof userEventSchemas
export type UserEventType = keyof Schemas
export type UserEvent = {
  [Type in UserEventType]: { readonly type: Type; readonly data: Readonly<z.infer<Schemas[Type]>> }
}[UserEventType]
