/** What operators and programs ask of the service itself: health, metrics, and what the router would decide. */
import { z } from 'zod'
import { refusalOfText } from '../../commands/message-rules.ts'
import { refusal } from '../../shared/failures.ts'
import type { ApiServices } from '../api-services.ts'
import { problemAnswers } from '../contracts/common-contract.ts'
import { routingPreviewSchema, routingQuestionSchema } from '../contracts/turn-contract.ts'
import { answerProblem } from '../problem-answer.ts'
import type { ApiServer } from '../server-type.ts'

const partsSchema = z.array(z.object({ name: z.string(), isReady: z.boolean(), detail: z.string() }))

export function registerServiceRoutes(app: ApiServer, services: ApiServices): void {
  registerHealth(app, services)
  registerMetrics(app, services)
  registerRoutingPreview(app, services)
}

function registerHealth(app: ApiServer, { readiness }: ApiServices): void {
  const tags = ['health']
  app.get(
    '/api/v1/health/live',
    {
      schema: { tags, summary: 'The process runs', response: { 200: z.object({ status: z.literal('live') }) } },
    },
    async () => ({ status: 'live' as const }),
  )
  app.get(
    '/api/v1/health/ready',
    {
      schema: {
        tags,
        summary: 'Everything it needs is there; else 503 names what is not',
        response: { 200: z.object({ status: z.literal('ready'), parts: partsSchema }), ...problemAnswers },
      },
    },
    async (_request, reply) => {
      const parts = readiness().map(({ name, isReady, detail }) => ({ name, isReady, detail }))
      const missing = parts.filter(({ isReady }) => !isReady)
      if (missing.length === 0) return { status: 'ready' as const, parts }
      const detail = missing.map((part) => `${part.name}: ${part.detail}`).join('; ')
      return answerProblem(reply, refusal('not-ready', detail), { parts })
    },
  )
}

function registerMetrics(app: ApiServer, { collected }: ApiServices): void {
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    return reply.type(collected.registry.contentType).send(await collected.registry.metrics())
  })
}

function registerRoutingPreview(app: ApiServer, { guard, previewRouting }: ApiServices): void {
  app.post(
    '/api/v1/routing/preview',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags: ['turns'],
        summary: 'The decision the router would take; nothing is recorded',
        body: routingQuestionSchema,
        response: { 200: routingPreviewSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const objection = refusalOfText(request.body.text)
      if (objection !== undefined) return answerProblem(reply, objection)
      const { text, history } = request.body
      const startedAt = performance.now()
      const { clarify, ...answer } = previewRouting({ text, history: history.map(pastMessageOf) })
      return {
        ...answer,
        candidates: [...answer.candidates],
        evidence: [...answer.evidence],
        ...(clarify !== undefined && { clarify: [...clarify] }),
        tookMs: performance.now() - startedAt,
      }
    },
  )
}

function pastMessageOf({ role, text, content, agent }: z.infer<typeof routingQuestionSchema>['history'][number]) {
  return { role, text: text ?? content ?? '', ...(agent !== undefined && { agent }) }
}
