/** Shapes that many routes share: ids as they travel, problems, positions. */
import { z } from 'zod'
import { parsePosition } from '../../shared/ids.ts'

/** An id that a client chose: it stands in paths and frames, so it is made of characters that need no escape. */
const clientIdPattern = /^[A-Za-z0-9._:~-]{1,128}$/

export function isConversationId(text: string): boolean {
  return clientIdPattern.test(text) && text !== '.' && text !== '..'
}

export const conversationIdSchema = z.string().refine(isConversationId, { error: 'conversation-id-invalid' }).meta({
  description: 'The id that the owner’s client uses.',
  example: 'ember-chat-42',
  pattern: clientIdPattern.source,
})

export const commandIdSchema = z.string().regex(clientIdPattern, { error: 'command-id-invalid' })

export const turnIdSchema = z.uuid().toLowerCase()

export const positionSchema = z
  .string()
  .refine((text) => parsePosition(text) !== undefined, { error: 'position-invalid' })
  .meta({ description: 'A place in the whole log: an unsigned 64-bit decimal.', example: '18446' })

export const timeSchema = z.iso.datetime({ precision: 3 })

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string(),
    detail: z.string(),
    retryAfterMs: z.number().int().optional(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    parts: z.array(z.object({ name: z.string(), isReady: z.boolean(), detail: z.string() })).optional(),
  })
  .meta({ id: 'Problem', description: 'What went wrong (RFC 9457), with a stable `code`.' })

export type Problem = z.infer<typeof problemSchema>

/** The answers in which every route may fail. */
export const problemAnswers = {
  '4xx': { description: 'Refused', content: { 'application/problem+json': { schema: problemSchema } } },
  '5xx': { description: 'Not possible just now', content: { 'application/problem+json': { schema: problemSchema } } },
} as const
