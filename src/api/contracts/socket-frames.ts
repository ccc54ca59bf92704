/** The frames of `/ws/chat/{conversationId}`: what clients may send, and what they get. */
import { z } from 'zod'
import { attachmentSchema } from './attachment-contract.ts'
import { positionSchema, turnIdSchema } from './common-contract.ts'

const modelSchema = z.object({ provider: z.string(), id: z.string() })
/** Models that were to write an answer and did not, and why (docs/errors.md). */
const insteadOfSchema = z.array(modelSchema.extend({ code: z.string() }))
const usageSchema = z.object({
  inputTokens: z.number(),
  outputTokens: z.number(),
  isEstimated: z.boolean().optional(),
})
const deltaCountSchema = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/** Message ids and texts are any strings here: the write side refuses bad ones with a reason, by `message.refused`. */
export const clientFrameSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('message.send'),
    messageId: z.string(),
    text: z.string(),
    parentMessageId: z.string().optional(),
  }),
  z.object({ type: z.literal('response.stop'), turnId: turnIdSchema }),
  z.object({ type: z.literal('response.regenerate'), turnId: turnIdSchema }),
  z.object({ type: z.literal('resume'), turnId: turnIdSchema, lastDelta: deltaCountSchema }),
  z.object({ type: z.literal('ping') }),
])
export type ClientFrame = z.infer<typeof clientFrameSchema>
export type ClientFrameOf<Type extends ClientFrame['type']> = Extract<ClientFrame, { type: Type }>

export const serverFrameSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('connected'),
    conversationId: z.string(),
    position: positionSchema,
    inFlight: z.array(z.object({ turnId: z.string(), lastDelta: deltaCountSchema })),
  }),
  z.object({
    type: z.literal('message.accepted'),
    messageId: z.string(),
    turnId: z.string(),
    position: positionSchema,
  }),
  z.object({
    type: z.literal('message.refused'),
    messageId: z.string(),
    code: z.string(),
    message: z.string(),
    retryAfterMs: z.number().optional(),
  }),
  z.object({
    type: z.literal('message.sent'),
    messageId: z.string(),
    turnId: z.string(),
    text: z.string(),
    parentMessageId: z.string().optional(),
  }),
  /** A new answer to an old message was asked for; it goes to the socket that asked. */
  z.object({
    type: z.literal('response.accepted'),
    turnId: z.string(),
    previousTurnId: z.string(),
    position: positionSchema,
  }),
  z.object({
    type: z.literal('intent.routed'),
    turnId: z.string(),
    intent: z.string(),
    agent: z.string(),
    method: z.string(),
    confidence: z.number(),
  }),
  z.object({ type: z.literal('tool.started'), turnId: z.string(), tool: z.string(), call: z.number() }),
  z.object({
    type: z.literal('tool.finished'),
    turnId: z.string(),
    tool: z.string(),
    call: z.number(),
    outcome: z.string(),
    tookMs: z.number(),
  }),
  z.object({ type: z.literal('response.delta'), turnId: z.string(), delta: deltaCountSchema, text: z.string() }),
  z.object({
    type: z.literal('response.completed'),
    turnId: z.string(),
    messageId: z.string(),
    text: z.string(),
    agent: z.string(),
    model: modelSchema,
    insteadOf: insteadOfSchema.readonly().optional(),
    attachments: z.array(attachmentSchema).readonly().optional(),
    finishReason: z.string(),
    usage: usageSchema,
    position: positionSchema,
  }),
  z.object({
    type: z.literal('response.failed'),
    turnId: z.string(),
    code: z.string(),
    message: z.string(),
    partialText: z.string(),
    position: positionSchema,
  }),
  z.object({
    type: z.literal('response.stopped'),
    turnId: z.string(),
    partialText: z.string(),
    position: positionSchema,
  }),
  z.object({
    type: z.literal('error'),
    code: z.string(),
    message: z.string(),
    retryAfterMs: z.number().optional(),
    turnId: z.string().optional(),
  }),
  z.object({ type: z.literal('pong'), at: z.iso.datetime({ precision: 3 }) }),
])
export type ServerFrame = z.infer<typeof serverFrameSchema>

/** Parses a frame from a client; undefined when it is not one. */
export function parseClientFrame(text: string): ClientFrame | undefined {
  try {
    const parsed = clientFrameSchema.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : undefined
  } catch {
    return undefined // Not JSON.
  }
}
