/** A person's own projects: what conversations drafted; renamed, shared and removed here. */
import { z } from 'zod'
import type { UserAccepted } from '../../commands/user-gateway.ts'
import { isRefusal, refusal } from '../../shared/failures.ts'
import type { ApiServices } from '../api-services.ts'
import { commandHeaders, ownWishOf } from '../command-context.ts'
import { problemAnswers } from '../contracts/common-contract.ts'
import { changeProjectSchema, projectChangedSchema, projectListSchema } from '../contracts/profile-contract.ts'
import { answerProblem } from '../problem-answer.ts'
import { freshnessHeaders } from '../read-freshness.ts'
import type { ApiServer } from '../server-type.ts'

const tags = ['projects']
const params = z.object({ projectId: z.uuid().toLowerCase() })

export function registerProjectRoutes(app: ApiServer, services: ApiServices): void {
  registerList(app, services)
  registerChange(app, services)
  registerRemove(app, services)
}

function registerList(app: ApiServer, { belongings, guard, freshness }: ApiServices): void {
  app.get(
    '/api/v1/me/projects',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags,
        summary: 'My projects, the latest changed first',
        headers: freshnessHeaders,
        response: { 200: projectListSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      await freshness.ofQuery(request, reply)
      const projects = await belongings.projects(guard.personOf(request).ownerId)
      return {
        results: projects.map(({ isShared, notes, draftedAt, updatedAt, ...project }) => ({
          ...project,
          notes: [...notes],
          shared: isShared,
          draftedAt: draftedAt.toISOString(),
          updatedAt: updatedAt.toISOString(),
        })),
      }
    },
  )
}

function registerChange(app: ApiServer, { userGateway, guard }: ApiServices): void {
  app.patch(
    '/api/v1/me/projects/:projectId',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags,
        summary: 'Rename, say whose it is, share or stop sharing',
        headers: commandHeaders,
        params,
        body: changeProjectSchema,
        response: { 200: projectChangedSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const { title, ownership, shared } = request.body
      const { projectId } = request.params
      const person = guard.personOf(request)
      const wish = (part: string) => ownWishOf(request, person, part)
      let accepted: UserAccepted | undefined
      // In this order, so that one request can take a project back from everybody and call it somebody else's, or share it as one's own.
      const acts = [
        shared === false && (() => userGateway.unshareProject(wish('unshared'), projectId)),
        title !== undefined && (() => userGateway.renameProject(wish('title'), projectId, title)),
        ownership !== undefined && (() => userGateway.stateOwnership(wish('ownership'), projectId, ownership)),
        shared === true && (() => userGateway.shareProject(wish('shared'), projectId)),
      ]
      for (const act of acts) {
        if (act === false) continue
        const outcome = await act()
        if (isRefusal(outcome)) return answerProblem(reply, outcome)
        accepted = outcome
      }
      if (accepted === undefined) return answerProblem(reply, refusal('request-invalid'))
      const position = String(accepted.position)
      reply.header('x-position', position)
      return { position }
    },
  )
}

function registerRemove(app: ApiServer, { userGateway, guard }: ApiServices): void {
  app.delete(
    '/api/v1/me/projects/:projectId',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags,
        summary: 'Remove a project; when it is shared, nobody finds it any more',
        headers: commandHeaders,
        params,
        response: { 204: z.undefined().describe('Removed'), ...problemAnswers },
      },
    },
    async (request, reply) => {
      const wish = ownWishOf(request, guard.personOf(request))
      const outcome = await userGateway.removeProject(wish, request.params.projectId)
      if (isRefusal(outcome)) return answerProblem(reply, outcome)
      return reply.header('x-position', String(outcome.position)).code(204).send()
    },
  )
}
