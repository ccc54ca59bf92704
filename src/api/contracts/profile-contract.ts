/** What belongs to a person besides conversations, as clients see it: profile facts and projects. */
import { z } from 'zod'
import { projectOwnerships } from '../../events/project-events.ts'
import { positionSchema, timeSchema } from './common-contract.ts'

export const profileSchema = z
  .object({
    facts: z.array(
      z.object({
        factId: z.uuid(),
        kind: z.string().meta({ example: 'interest' }),
        value: z.string().meta({ description: 'In the person’s own words.' }),
        turnId: z.string().meta({ description: 'The turn in whose message it was stated.' }),
        messageId: z.string().nullable(),
        conversationId: z.string().nullable().meta({ description: 'Null when it is deleted or not kept.' }),
        span: z
          .object({ from: z.number().int(), to: z.number().int() })
          .meta({ description: 'Where in that message, in UTF-16 code units.' }),
        notedAt: timeSchema,
      }),
    ),
  })
  .meta({ id: 'Profile' })

export const projectSchema = z
  .object({
    projectId: z.uuid(),
    title: z.string(),
    link: z.string().nullable().meta({ description: 'As the person named it; it was never opened.' }),
    ownership: z.enum(projectOwnerships),
    notes: z.array(z.string()),
    shared: z.boolean(),
    turnId: z.string().meta({ description: 'The turn that drafted it.' }),
    conversationId: z.string().nullable(),
    draftedAt: timeSchema,
    updatedAt: timeSchema,
  })
  .meta({ id: 'Project' })

export const projectListSchema = z.object({ results: z.array(projectSchema) })

export const changeProjectSchema = z
  .object({
    title: z.string().optional(),
    ownership: z.enum(['own', 'reference']).optional(),
    shared: z.boolean().optional().meta({ description: 'True: everybody can find it. Only a project of one’s own.' }),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), {
    error: 'Name a title, whose it is, or whether it is shared.',
  })

export const projectChangedSchema = z.object({ position: positionSchema })
