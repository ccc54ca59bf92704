/** What people may do about their own record: take everything with them, and have it erased. */
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { z } from 'zod'
import { isRefusal, refusal } from '../../shared/failures.ts'
import type { ApiServices } from '../api-services.ts'
import { problemAnswers } from '../contracts/common-contract.ts'
import { answerProblem } from '../problem-answer.ts'
import type { ApiServer } from '../server-type.ts'

const tags = ['privacy']

export function registerPrivacyRoutes(app: ApiServer, services: ApiServices): void {
  registerExport(app, services)
  registerErasure(app, services)
  registerReceipt(app, services)
}

function registerExport(app: ApiServer, { privacy, guard }: ApiServices): void {
  app.get(
    '/api/v1/me/export',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags,
        summary: 'Everything the record holds about me, as one ZIP archive of JSON and pages',
        response: { 200: z.instanceof(Readable).meta({ description: 'ZIP, as an attachment' }), ...problemAnswers },
      },
    },
    async (request, reply) => {
      reply.header('content-disposition', 'attachment; filename="my-record.zip"').type('application/zip')
      return reply.send(Readable.from(privacy.exportOf(guard.personOf(request).ownerId), { objectMode: false }))
    },
  )
}

function registerErasure(app: ApiServer, { privacy, guard, logger }: ApiServices): void {
  app.delete(
    '/api/v1/me',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags,
        summary: 'Erase everything I wrote, and everything that was written to me, for good',
        description:
          'All sessions end. Whoever has the receipt’s id may read it at `/api/v1/erasure-receipts/{receiptId}`.',
        querystring: z.object({ reason: z.string().trim().min(1).max(2_000).default('asked for by the person') }),
        response: { 202: z.object({ receiptId: z.uuid() }), ...problemAnswers },
      },
    },
    async (request, reply) => {
      const { ownerId } = guard.personOf(request)
      const wish = { receiptId: randomUUID(), person: ownerId, requestedBy: ownerId, reason: request.query.reason }
      const erasure = await privacy.erasure.request(wish)
      if (isRefusal(erasure)) return answerProblem(reply, erasure)
      const { receiptId } = erasure
      // Begun here; whatever becomes of this process, another one finishes it.
      privacy.erasure.finish(receiptId).catch((error: unknown) => {
        logger.error({ receiptId, error: String(error) }, 'an erasure is not done yet; it is tried again')
      })
      return reply.code(202).send({ receiptId })
    },
  )
}

function registerReceipt(app: ApiServer, { privacy }: ApiServices): void {
  app.get(
    '/api/v1/erasure-receipts/:receiptId',
    {
      schema: {
        tags,
        summary: 'How far an erasure is, and its signed receipt when it is done',
        description: 'Asks for no sign-in: the sessions of the person have ended, and the id cannot be guessed.',
        params: z.object({ receiptId: z.uuid().toLowerCase() }),
        response: {
          200: z.object({
            receiptId: z.uuid(),
            isDone: z.boolean(),
            step: z.string(),
            receipt: z.record(z.string(), z.unknown()).nullable(),
          }),
          ...problemAnswers,
        },
      },
    },
    async (request, reply) => {
      const { receiptId } = request.params
      const erasure = await privacy.erasure.find(receiptId)
      if (erasure === undefined) return answerProblem(reply, refusal('receipt-unknown'))
      const { step } = erasure
      return { receiptId, isDone: step === 'done', step, receipt: (erasure.receipt as Record<string, unknown>) ?? null }
    },
  )
}
