/** Serves what answers hold besides text, to their owner alone, as pictures that can do nothing. */
import { z } from 'zod'
import { refusal } from '../../shared/failures.ts'
import type { ApiServices } from '../api-services.ts'
import { problemAnswers } from '../contracts/common-contract.ts'
import { answerProblem } from '../problem-answer.ts'
import type { ApiServer } from '../server-type.ts'

/** Anything else would be offered as a download of unknown bytes. */
const SHOWN_MEDIA_TYPES = new Set(['image/svg+xml', 'image/png', 'image/jpeg', 'image/webp', 'image/gif'])
/** Opened on its own, a picture runs nothing, loads nothing and belongs to no origin. */
const PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
/** What is stored under an id never changes; only its owner's browser may keep it. */
const CACHING = 'private, max-age=86400, immutable'

export function registerAttachmentRoutes(app: ApiServer, { attachments, guard }: ApiServices): void {
  app.get(
    '/api/v1/me/attachments/:attachmentId',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags: ['messages'],
        summary: 'The content of an attachment of one of my answers',
        params: z.object({ attachmentId: z.uuid().toLowerCase() }),
        response: { 200: z.any().describe('The picture'), ...problemAnswers },
      },
    },
    async (request, reply) => {
      const { ownerId } = guard.personOf(request)
      const content = await attachments.read(ownerId, request.params.attachmentId)
      if (content === undefined) return answerProblem(reply, refusal('attachment-unknown'))
      const isShown = SHOWN_MEDIA_TYPES.has(content.mediaType)
      return reply
        .header('content-type', isShown ? content.mediaType : 'application/octet-stream')
        .header('content-disposition', isShown ? 'inline' : 'attachment')
        .header('content-security-policy', PICTURE_POLICY)
        .header('x-content-type-options', 'nosniff')
        .header('cache-control', CACHING)
        .send(Buffer.from(content.bytes))
    },
  )
}
