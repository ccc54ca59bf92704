/** Every look that an auditor or operator takes at somebody's record. Never rename or reshape one; add a version. */
import { z } from 'zod'

export const accessEventSchemas = {
  RecordsAccessed: z.object({
    who: z.string().min(1).max(256),
    role: z.enum(['auditor', 'operator', 'analyst', 'user']),
    what: z.object({
      /** `content` shows what people wrote; `metadata` shows only that, when and by whom something happened. */
      kind: z.enum(['content', 'metadata']),
      /** The command or route that was used. */
      by: z.string().min(1).max(256),
      /** Whose record it was; null when the look was not at one person's. */
      subjectId: z.string().min(1).max(256).nullable(),
      conversationId: z.uuid().nullable(),
      /** What was asked for, as far as it says nothing of anybody's words: filters, times, positions. */
      filters: z.record(z.string(), z.string()),
    }),
    purpose: z.string().min(1).max(2_000),
  }),
} as const

type Schemas = typeof accessEventSchemas
export type AccessEventType = keyof Schemas
export type AccessEvent = {
  [Type in AccessEventType]: { readonly type: Type; readonly data: Readonly<z.infer<Schemas[Type]>> }
}[AccessEventType]
