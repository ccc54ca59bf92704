/** What AI SDK clients send: the UI message stream protocol, version 1. Fields that are not named here pass unread. */
import { z } from 'zod'
import { agentIntents } from '../turn-opening.ts'
import { conversationIdSchema } from './common-contract.ts'

const MESSAGES_MAX = 10_000

const uiMessageSchema = z.looseObject({
  id: z.string().min(1).max(256),
  role: z.enum(['system', 'user', 'assistant']),
  parts: z.array(z.looseObject({ type: z.string(), text: z.string().optional() })),
})
export type UiMessage = z.infer<typeof uiMessageSchema>

export const chatRequestSchema = z.looseObject({
  id: conversationIdSchema,
  /** The whole chat; only its last messages are looked at. */
  messages: z.array(uiMessageSchema).max(MESSAGES_MAX).optional(),
  /** Instead of the whole chat: its last message. */
  message: uiMessageSchema.optional(),
  trigger: z.enum(['submit-message', 'regenerate-message']).default('submit-message'),
  /** The message that is edited, or the answer that is to be written once more. */
  messageId: z.string().min(1).max(256).optional(),
  /** Who is to answer; left out, the router decides. */
  agent: z.enum(agentIntents).optional(),
})
export type ChatRequest = z.infer<typeof chatRequestSchema>

export const chatStopSchema = z.looseObject({
  /** The turn or answer that is meant; left out, the newest one under way. */
  turnId: z.uuid().toLowerCase().optional(),
  messageId: z.string().min(1).max(256).optional(),
})
