/** Signed heads of the tree over the whole log. Never rename or reshape one; add a version. */
import { z } from 'zod'

export const ledgerEventSchemas = {
  CheckpointSigned: z.object({
    /** How many leaves the tree has. */
    treeSize: z.number().int().min(0),
    /** 32 bytes in base64. */
    rootHash: z.base64().length(44),
    /** The position of the event that is the last leaf, a decimal string; null for an empty tree. */
    lastPosition: z
      .string()
      .regex(/^\d{1,20}$/)
      .nullable(),
    /** The checkpoint as a C2SP signed note, byte for byte. */
    signedNote: z.string().min(1).max(10_000),
  }),
} as const

type Schemas = typeof ledgerEventSchemas
export type LedgerEventType = keyof Schemas
export type LedgerEvent = {
  [Type in LedgerEventType]: { readonly type: Type; readonly data: Readonly<z.infer<Schemas[Type]>> }
}[LedgerEventType]
