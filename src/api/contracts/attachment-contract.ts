/** What an answer holds besides text, as clients are told of it: in frames, and with the messages of a conversation. */
import { z } from 'zod'

const modelSchema = z.object({ provider: z.string(), id: z.string() })

const pictureMakingSchema = z
  .object({
    origin: z.enum(['generated', 'drawn']).meta({ description: 'By an image model, or from words and shapes.' }),
    model: modelSchema,
    insteadOf: z
      .array(modelSchema.extend({ code: z.string() }))
      .readonly()
      .meta({ description: 'The models that were to make it and did not, and why (docs/errors.md).' }),
    usage: z
      .object({ inputTokens: z.number(), outputTokens: z.number(), isEstimated: z.boolean().optional() })
      .optional()
      .meta({ description: 'Absent: the provider did not count.' }),
  })
  .meta({ id: 'PictureMaking' })

export const attachmentSchema = z
  .object({
    attachmentId: z.string().meta({ description: 'The content is at `me/attachments/{attachmentId}`.' }),
    mediaType: z.string(),
    name: z.string().meta({ description: 'What is to be seen, in words.' }),
    made: pictureMakingSchema.optional().meta({ description: 'How it came about; absent where nobody wrote it down.' }),
  })
  .meta({ id: 'Attachment' })
