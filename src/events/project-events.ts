/** The facts of a person's projects: drafted in a conversation, described over its turns, shared or not. Never rename or reshape one; add a version. */
import { z } from 'zod'
import { sealed } from './sealing.ts'

const ownerIdSchema = z.string().min(1).max(256)
const projectSchema = { ownerId: ownerIdSchema, projectId: z.uuid() }

/** Whose work it is: the person's own, somebody else's kept for reference, or not said yet. */
export const projectOwnerships = ['own', 'reference', 'unstated'] as const
export type ProjectOwnership = (typeof projectOwnerships)[number]

export const projectEventSchemas = {
  ProjectDrafted: z.object({
    ...projectSchema,
    title: sealed(z.string().min(1)),
    /** The address that the person named; it was never opened. */
    link: sealed(z.string().min(1)).optional(),
    ownership: z.enum(projectOwnerships),
    sourceTurnId: z.uuid(),
    sourceConversationId: z.uuid(),
  }),
  ProjectNoteAdded: z.object({ ...projectSchema, note: sealed(z.string().min(1)), sourceTurnId: z.uuid() }),
  ProjectOwnershipStated: z.object({
    ...projectSchema,
    ownership: z.enum(['own', 'reference']),
    /** Null when it was stated outside a conversation. */
    sourceTurnId: z.uuid().nullable(),
  }),
  ProjectRenamed: z.object({ ...projectSchema, title: sealed(z.string().min(1)) }),
  /** From here on everybody can find it, until it is unshared or removed. */
  ProjectShared: z.object(projectSchema),
  ProjectUnshared: z.object(projectSchema),
  ProjectRemoved: z.object(projectSchema),
} as const

type Schemas = typeof projectEventSchemas
export type ProjectEventType = keyof Schemas
export type ProjectEvent = {
  [Type in ProjectEventType]: { readonly type: Type; readonly data: Readonly<z.infer<Schemas[Type]>> }
}[ProjectEventType]
