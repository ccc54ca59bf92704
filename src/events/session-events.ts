/** What all nodes must know of sign-ins: single-use tokens that are taken, and sessions that were ended. Kept in bounded streams. */
import { z } from 'zod'

const ownerIdSchema = z.string().min(1).max(256)
const timeSchema = z.iso.datetime({ precision: 3 })

export const sessionEventSchemas = {
  ConnectionTokenTaken: z.object({ tokenId: z.string().min(1).max(128), expiresAt: timeSchema }),
  AccessTokenEnded: z.object({ tokenId: z.string().min(1).max(128), ownerId: ownerIdSchema, expiresAt: timeSchema }),
  /** Ends every session of a person that was begun before a moment. */
  SessionsEnded: z.object({ ownerId: ownerIdSchema, begunBefore: timeSchema }),
} as const

type Schemas = typeof sessionEventSchemas
export type SessionEventType = keyof Schemas
export type SessionEvent = {
  [Type in SessionEventType]: { readonly type: Type; readonly data: Readonly<z.infer<Schemas[Type]>> }
}[SessionEventType]
