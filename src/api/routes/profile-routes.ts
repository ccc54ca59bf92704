/** What was noted about a person, for that person alone, and the undo of each fact. */
import { z } from 'zod'
import { isRefusal } from '../../shared/failures.ts'
import type { ApiServices } from '../api-services.ts'
import { commandHeaders, ownWishOf } from '../command-context.ts'
import { problemAnswers } from '../contracts/common-contract.ts'
import { profileSchema } from '../contracts/profile-contract.ts'
import { answerProblem } from '../problem-answer.ts'
import { freshnessHeaders } from '../read-freshness.ts'
import type { ApiServer } from '../server-type.ts'

const tags = ['profile']

export function registerProfileRoutes(app: ApiServer, services: ApiServices): void {
  registerRead(app, services)
  registerRemove(app, services)
}

function registerRead(app: ApiServer, { belongings, guard, freshness }: ApiServices): void {
  app.get(
    '/api/v1/me/profile',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags,
        summary: 'What was noted about me, with the turn each fact came from',
        headers: freshnessHeaders,
        response: { 200: profileSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      await freshness.ofQuery(request, reply)
      const facts = await belongings.facts(guard.personOf(request).ownerId)
      return {
        facts: facts.map(({ spanFrom, spanTo, notedAt, ...fact }) => ({
          ...fact,
          span: { from: spanFrom, to: spanTo },
          notedAt: notedAt.toISOString(),
        })),
      }
    },
  )
}

function registerRemove(app: ApiServer, { userGateway, guard }: ApiServices): void {
  app.delete(
    '/api/v1/me/profile/:factId',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags,
        summary: 'Take a fact back',
        headers: commandHeaders,
        params: z.object({ factId: z.uuid().toLowerCase() }),
        response: { 204: z.undefined().describe('Removed'), ...problemAnswers },
      },
    },
    async (request, reply) => {
      const outcome = await userGateway.removeFact(ownWishOf(request, guard.personOf(request)), request.params.factId)
      if (isRefusal(outcome)) return answerProblem(reply, outcome)
      return reply.header('x-position', String(outcome.position)).code(204).send()
    },
  )
}
