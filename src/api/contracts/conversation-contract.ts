/** Conversations and their messages as clients see them. */
import { z } from 'zod'
import { conversationKinds } from '../../events/conversation-events.ts'
import { attachmentSchema } from './attachment-contract.ts'
import { conversationIdSchema, positionSchema, timeSchema } from './common-contract.ts'

export const conversationSchema = z
  .object({
    conversationId: z.string(),
    kind: z.enum(conversationKinds),
    title: z.string(),
    messageCount: z.number().int(),
    archived: z.boolean(),
    createdAt: timeSchema,
    updatedAt: timeSchema,
    preview: z.string().meta({ description: 'The beginning of the latest message, one line.' }),
  })
  .meta({ id: 'Conversation' })
export type ConversationAnswer = z.infer<typeof conversationSchema>

export const conversationPageSchema = z.object({
  results: z.array(conversationSchema),
  next: z.string().nullable().meta({ description: 'Hand it in as `cursor` to get the next page; null at the end.' }),
  count: z.number().int(),
})

export const startConversationSchema = z.object({
  conversationId: conversationIdSchema.optional(),
  kind: z.enum(conversationKinds).optional().meta({ description: 'Left out: read from the id’s prefix.' }),
  title: z.string().optional(),
})

export const changeConversationSchema = z
  .object({ title: z.string().optional(), archived: z.boolean().optional() })
  .refine(({ title, archived }) => title !== undefined || archived !== undefined, {
    error: 'Name a title, or whether it is archived.',
  })

const modelSchema = z.object({ provider: z.string(), id: z.string() })

export const messageSchema = z
  .object({
    messageId: z.string(),
    turnId: z.string(),
    parentMessageId: z.string().nullable(),
    role: z.enum(['user', 'assistant']),
    text: z.string(),
    status: z.enum(['sent', 'completed', 'failed', 'stopped']),
    agent: z.string().nullable(),
    intent: z.string().nullable(),
    model: modelSchema.nullable(),
    /** The models that were to answer and did not, and why (docs/errors.md); null when there were none. */
    insteadOf: z
      .array(modelSchema.extend({ code: z.string() }))
      .readonly()
      .nullable(),
    rating: z.enum(['up', 'down']).nullable(),
    attachments: z.array(attachmentSchema),
    /** True when its text was erased and can never be read again; `text` is then empty. */
    isErased: z.boolean(),
    createdAt: timeSchema,
  })
  .meta({ id: 'Message' })
export type MessageAnswer = z.infer<typeof messageSchema>

export const messagePageSchema = z.object({ results: z.array(messageSchema), next: z.string().nullable() })

export const foundMessageSchema = z
  .object({
    conversationId: conversationIdSchema,
    title: z.string(),
    messageId: z.string(),
    turnId: z.string(),
    role: z.enum(['user', 'assistant']),
    createdAt: timeSchema,
    snippet: z
      .array(z.object({ text: z.string(), isMatch: z.boolean() }))
      .meta({ description: 'Plain text in parts; those that match are to be highlighted.' }),
  })
  .meta({ id: 'FoundMessage' })

export const foundMessagePageSchema = z.object({ results: z.array(foundMessageSchema), next: z.string().nullable() })

export const sendMessageSchema = z.object({
  messageId: z.string().optional().meta({ description: 'Left out: minted here, and a retry is a new message.' }),
  text: z.string().meta({ description: 'At most 20,000 characters; kept exactly.' }),
  parentMessageId: z.string().optional().meta({ description: 'Left out: the end of the conversation.' }),
})

export const messageAcceptedSchema = z.object({
  messageId: z.string(),
  turnId: z.string(),
  position: positionSchema,
})

export const rateMessageSchema = z.object({ rating: z.enum(['up', 'down', 'none']), note: z.string().optional() })

export const commandAcceptedSchema = z.object({ position: positionSchema })
