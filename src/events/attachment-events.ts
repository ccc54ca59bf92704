/** What an answer holds besides text, such as a picture: the content itself, in parts that fit into one append. Never rename or reshape one; add a version. */
import { z } from 'zod'
import { sealed } from './sealing.ts'

export const attachmentEventSchemas = {
  AttachmentStored: z.object({
    ownerId: z.string().min(1).max(256),
    attachmentId: z.uuid(),
    mediaType: z.string().min(1).max(128),
    /** Counts 1, 2, 3 … up to `parts`; the content is all parts, in order. */
    part: z.number().int().min(1),
    parts: z.number().int().min(1),
    /** Base64. */
    content: sealed(z.string()),
  }),
} as const

type Schemas = typeof attachmentEventSchemas
export type AttachmentEventType = keyof Schemas
export type AttachmentEvent = {
  [Type in AttachmentEventType]: { readonly type: Type; readonly data: Readonly<z.infer<Schemas[Type]>> }
}[AttachmentEventType]
