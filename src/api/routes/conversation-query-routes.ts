/** A person's conversations and messages, read from the read models. */
import { z } from 'zod'
import { conversationKinds } from '../../events/conversation-events.ts'
import { conversationIdOf } from '../../events/stream-names.ts'

import type { ApiServices } from '../api-services.ts'
import { conversationIdSchema, problemAnswers } from '../contracts/common-contract.ts'
import { conversationPageSchema, conversationSchema, messagePageSchema } from '../contracts/conversation-contract.ts'
import { conversationAnswerOf, messageAnswerOf } from '../conversation-answer.ts'
import { answerProblem } from '../problem-answer.ts'
import { freshnessHeaders, notFound } from '../read-freshness.ts'
import type { ApiServer } from '../server-type.ts'

const CONVERSATIONS_PAGE_DEFAULT = 30
const MESSAGES_PAGE_DEFAULT = 50
const CURSOR_CHARACTERS_MAX = 2_000
const SEARCH_CHARACTERS_MAX = 200

const paramsSchema = z.object({ conversationId: conversationIdSchema })
const cursorSchema = z.string().max(CURSOR_CHARACTERS_MAX, { error: 'cursor-invalid' }).optional()
const tags = ['conversations']

export function registerConversationQueryRoutes(app: ApiServer, services: ApiServices): void {
  registerList(app, services)
  registerGet(app, services)
  registerMessages(app, services)
}

function registerList(app: ApiServer, { queries, guard, settings, freshness }: ApiServices): void {
  const querystring = z.object({
    limit: z.coerce.number().int().min(1).max(settings.limits.conversationsPageMax).default(CONVERSATIONS_PAGE_DEFAULT),
    cursor: cursorSchema,
    q: z.string().max(SEARCH_CHARACTERS_MAX).optional(),
    kind: z.enum(conversationKinds).optional(),
    archived: z.enum(['true', 'false']).default('false'),
  })
  app.get(
    '/api/v1/me/conversations',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags,
        summary: 'My conversations, the latest changed first',
        headers: freshnessHeaders,
        querystring,
        response: { 200: conversationPageSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      await freshness.ofQuery(request, reply)
      const { limit, cursor, q, kind, archived } = request.query
      const page = await queries.list({
        ownerId: guard.personOf(request).ownerId,
        limit,
        isArchived: archived === 'true',
        ...(cursor === undefined ? {} : { cursor }),
        ...(q === undefined || q.trim() === '' ? {} : { q }),
        ...(kind === undefined ? {} : { kind }),
      })
      return { results: page.results.map(conversationAnswerOf), next: page.next, count: page.count }
    },
  )
}

function registerGet(app: ApiServer, { queries, guard, freshness }: ApiServices): void {
  app.get(
    '/api/v1/me/conversations/:conversationId',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags,
        summary: 'One conversation',
        headers: freshnessHeaders,
        params: paramsSchema,
        response: { 200: conversationSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const isReached = await freshness.ofQuery(request, reply)
      const { ownerId } = guard.personOf(request)
      const row = await queries.get(conversationIdOf(ownerId, request.params.conversationId))
      return row === undefined
        ? answerProblem(reply, notFound(isReached, 'conversation-unknown'))
        : conversationAnswerOf(row)
    },
  )
}

function registerMessages(app: ApiServer, { queries, guard, settings, freshness }: ApiServices): void {
  const querystring = z.object({
    limit: z.coerce.number().int().min(1).max(settings.limits.messagesPageMax).default(MESSAGES_PAGE_DEFAULT),
    cursor: cursorSchema,
    branch: z.string().max(256).optional().meta({ description: 'A message id: only it and its ancestors.' }),
  })
  app.get(
    '/api/v1/me/conversations/:conversationId/messages',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags: ['messages'],
        summary: 'The messages of a conversation, in order',
        headers: freshnessHeaders,
        params: paramsSchema,
        querystring,
        response: { 200: messagePageSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const isReached = await freshness.ofQuery(request, reply)
      const conversationId = conversationIdOf(guard.personOf(request).ownerId, request.params.conversationId)
      if ((await queries.get(conversationId)) === undefined)
        return answerProblem(reply, notFound(isReached, 'conversation-unknown'))
      const { limit, cursor, branch } = request.query
      const page = await queries.messages({
        conversationId,
        limit,
        ...(cursor === undefined ? {} : { cursor }),
        ...(branch === undefined ? {} : { branch }),
      })
      return { results: page.results.map(messageAnswerOf), next: page.next }
    },
  )
}
