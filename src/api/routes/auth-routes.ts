/** Signing in (development), signing out, and tokens for sockets. */
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { isRefusal, refusal } from '../../shared/failures.ts'
import type { ApiServices } from '../api-services.ts'
import { accessTokenSchema, connectionTokenSchema, devLoginSchema, sessionSchema } from '../contracts/auth-contract.ts'
import { problemAnswers } from '../contracts/common-contract.ts'
import { isOwnerId, rolesFrom } from '../person.ts'
import { answerProblem } from '../problem-answer.ts'
import type { ApiServer } from '../server-type.ts'
import { SESSION_COOKIE } from '../sign-in-guard.ts'

const tags = ['sign-in']

export function registerAuthRoutes(app: ApiServer, services: ApiServices): void {
  registerDevLogin(app, services)
  registerSession(app, services)
  registerConnectionToken(app, services)
  registerLogout(app, services)
}

function registerDevLogin(app: ApiServer, { accessTokens }: ApiServices): void {
  const { issue } = accessTokens
  // Without a way to issue tokens the route does not exist: in production the identity provider signs people in.
  if (issue === undefined) return
  app.post(
    '/api/v1/auth/dev-login',
    {
      schema: {
        tags,
        summary: 'Sign in by user id; development mode only',
        body: devLoginSchema,
        response: { 200: accessTokenSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const { userId, roles } = request.body
      if (!isOwnerId(userId)) return answerProblem(reply, refusal('owner-id-invalid'))
      const issued = await issue(userId, rolesFrom(roles))
      // The page uses the cookie, programs the token in the body.
      reply.header('set-cookie', sessionCookie(request, issued.accessToken, issued.expiresInS))
      return issued
    },
  )
}

/** Pages ask first who is signed in; that nobody is, is an answer and no failure. */
function registerSession(app: ApiServer, { guard }: ApiServices): void {
  app.get(
    '/api/v1/auth/session',
    { schema: { tags, summary: 'Who I am, if anybody', response: { 200: sessionSchema, ...problemAnswers } } },
    async (request) => {
      const person = await guard.identify(request)
      if (isRefusal(person)) return { userId: null, roles: [], expiresAt: null }
      return { userId: person.ownerId, roles: [...person.roles], expiresAt: person.expiresAt.toISOString() }
    },
  )
}

function registerConnectionToken(app: ApiServer, { guard, connectionTokens }: ApiServices): void {
  app.post(
    '/api/v1/auth/ws-connection-token',
    {
      onRequest: guard.requires(),
      schema: {
        tags,
        summary: 'A token that opens one socket within 60 seconds',
        response: { 200: connectionTokenSchema, ...problemAnswers },
      },
    },
    async (request) => connectionTokens.issue(guard.personOf(request)),
  )
}

function registerLogout(app: ApiServer, { guard, sessionMarks, sessionEnded }: ApiServices): void {
  app.post(
    '/api/v1/auth/logout',
    {
      onRequest: guard.requires(),
      schema: {
        tags,
        summary: 'End this access token and close the sockets opened with it',
        response: { 204: z.undefined().describe('Signed out'), ...problemAnswers },
      },
    },
    async (request, reply) => {
      const person = guard.personOf(request)
      const { tokenId, ownerId, expiresAt } = person
      const ended = { kind: 'token', tokenId, ownerId, expiresAt } as const
      sessionEnded(ended) // Here at once; recording it tells the other nodes, and this one after a restart.
      await sessionMarks.end(ended)
      return reply
        .header('set-cookie', sessionCookie(request, '', 0))
        .code(204)
        .send()
    },
  )
}

function sessionCookie(request: FastifyRequest, value: string, maxAgeS: number): string {
  const attributes = ['Path=/', 'HttpOnly', 'SameSite=Strict', `Max-Age=${maxAgeS}`]
  if (request.protocol === 'https') attributes.push('Secure')
  return [`${SESSION_COOKIE}=${value}`, ...attributes].join('; ')
}
