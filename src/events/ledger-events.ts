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
  LedgerKeyIntroduced: z.object({
    /** The public key that checkpoints are signed with from now on, as text for verifiers of signed notes. */
    verifierKey: z.string().min(1).max(1_000),
    /** The new key as a note, signed by itself and by every former key that was still at hand. */
    endorsement: z.string().min(1).max(10_000),
  }),
} as const

type Schemas = typeof ledgerEventSchemas
export type LedgerEventType = keyof Schemas
export type LedgerEvent = {
  [Type in LedgerEventType]: { readonly type: Type; readonly data: Readonly<z.infer<Schemas[Type]>> }
}[LedgerEventType]
