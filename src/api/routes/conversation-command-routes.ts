/** What a person may wish of a conversation: start, change, delete, restore, send a message. */
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import type { Accepted, Outcome } from '../../commands/conversation-gateway.ts'
import { kindOfConversationId } from '../../commands/conversation-kind.ts'
import { isFault, isRefusal, refusal } from '../../shared/failures.ts'
import { mintId } from '../../shared/ids.ts'
import type { ApiServices } from '../api-services.ts'
import { commandHeaders, commandOf, partOf, withPosition } from '../command-context.ts'
import { conversationIdSchema, problemAnswers } from '../contracts/common-contract.ts'
import {
  type ConversationAnswer,
  changeConversationSchema,
  conversationSchema,
  messageAcceptedSchema,
  sendMessageSchema,
  startConversationSchema,
} from '../contracts/conversation-contract.ts'
import { conversationAnswerOf } from '../conversation-answer.ts'
import { answerProblem } from '../problem-answer.ts'
import type { ApiServer } from '../server-type.ts'

const paramsSchema = z.object({ conversationId: conversationIdSchema })
const tags = ['conversations']

export function registerConversationCommandRoutes(app: ApiServer, services: ApiServices): void {
  registerStart(app, services)
  registerChange(app, services)
  registerDelete(app, services)
  registerRestore(app, services)
  registerSend(app, services)
}

function registerStart(app: ApiServer, services: ApiServices): void {
  const { gateway, guard, clock } = services
  app.post(
    '/api/v1/me/conversations',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags,
        summary: 'Start a conversation; the same id again answers with the existing one',
        headers: commandHeaders,
        body: startConversationSchema.nullish(),
        response: { 200: conversationSchema, 201: conversationSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const { conversationId = mintId(), kind = kindOfConversationId(conversationId).kind, title } = request.body ?? {}
      const command = commandOf(request, guard.personOf(request), conversationId)
      const outcome = await gateway.start(command, title === undefined ? { kind } : { kind, title })
      if (isRefusal(outcome)) return answerProblem(reply, outcome)
      withPosition(reply, outcome).code(outcome.isNew ? 201 : 200)
      const { row } = await conversationAfter(outcome, services)
      return row ?? asStarted({ conversationId, kind, title: title ?? '' }, clock())
    },
  )
}

function registerChange(app: ApiServer, services: ApiServices): void {
  const { gateway, guard } = services
  app.patch(
    '/api/v1/me/conversations/:conversationId',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags,
        summary: 'Rename, archive or take back from the archive',
        headers: commandHeaders,
        params: paramsSchema,
        body: changeConversationSchema,
        response: { 200: conversationSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const { title, archived } = request.body
      const command = commandOf(request, guard.personOf(request), request.params.conversationId)
      let outcome: Outcome | undefined
      // The title first: only it can be refused for its own sake, and then nothing is changed.
      if (title !== undefined) outcome = await gateway.rename(partOf(command, 'title'), { title })
      if (archived !== undefined && !isRefusal(outcome)) {
        const change = archived ? gateway.archive : gateway.unarchive
        outcome = await change(partOf(command, 'archived'))
      }
      return answerChanged(outcome ?? refusal('request-invalid'), reply, services)
    },
  )
}

function registerDelete(app: ApiServer, { gateway, guard }: ApiServices): void {
  app.delete(
    '/api/v1/me/conversations/:conversationId',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags,
        summary: 'Delete; it can be restored',
        headers: commandHeaders,
        params: paramsSchema,
        response: { 204: z.undefined().describe('Deleted'), ...problemAnswers },
      },
    },
    async (request, reply) => {
      const outcome = await gateway.delete(commandOf(request, guard.personOf(request), request.params.conversationId))
      if (isRefusal(outcome)) return answerProblem(reply, outcome)
      return withPosition(reply, outcome).code(204).send()
    },
  )
}

function registerRestore(app: ApiServer, services: ApiServices): void {
  const { gateway, guard } = services
  app.post(
    '/api/v1/me/conversations/:conversationId/restore',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags,
        summary: 'Take a deleted conversation back',
        headers: commandHeaders,
        params: paramsSchema,
        response: { 200: conversationSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const command = commandOf(request, guard.personOf(request), request.params.conversationId)
      return answerChanged(await gateway.restore(command), reply, services)
    },
  )
}

function registerSend(app: ApiServer, { gateway, guard, messageRate, recentTurns }: ApiServices): void {
  app.post(
    '/api/v1/me/conversations/:conversationId/messages',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags: ['messages'],
        summary: 'Send a message; the same messageId again gets the same answer',
        headers: commandHeaders,
        params: paramsSchema,
        body: sendMessageSchema,
        response: { 202: messageAcceptedSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const person = guard.personOf(request)
      const retryAfterMs = messageRate.take(person.ownerId)
      if (retryAfterMs > 0) return answerProblem(reply, refusal('messages-too-frequent'), { retryAfterMs })
      const { messageId = mintId(), text, parentMessageId } = request.body
      const { conversationId } = request.params
      const outcome = await gateway.sendMessage(commandOf(request, person, conversationId), {
        messageId,
        text,
        channel: 'rest',
        ...(parentMessageId === undefined ? {} : { parentMessageId }),
      })
      if (isRefusal(outcome)) return answerProblem(reply, outcome)
      recentTurns.note(person.ownerId, conversationId, outcome)
      withPosition(reply, outcome).code(202)
      return { messageId: outcome.messageId, turnId: outcome.turnId, position: String(outcome.position) }
    },
  )
}

async function answerChanged(
  outcome: Outcome,
  reply: FastifyReply,
  services: ApiServices,
): Promise<ConversationAnswer | FastifyReply> {
  if (isRefusal(outcome)) return answerProblem(reply, outcome)
  withPosition(reply, outcome)
  const { row, isReached } = await conversationAfter(outcome, services)
  if (row !== undefined) return row
  // Conversations that age out of the record are in no read model: there is nothing to show.
  if (isReached) return answerProblem(reply, refusal('conversation-unknown'))
  return answerProblem(reply, refusal('database-busy', 'The change is recorded; the read models do not show it yet.'))
}

/** The conversation once the read models show the change; without a row when they do not in time, or never will. */
async function conversationAfter(
  { conversationId, position }: Accepted,
  { queries, settings, logger }: ApiServices,
): Promise<{ readonly row?: ConversationAnswer; readonly isReached: boolean }> {
  try {
    const { isReached } = await queries.waitFor({ position, waitMsMax: settings.limits.readWaitMsMax })
    const row = await queries.get(conversationId)
    return row === undefined || !isReached ? { isReached } : { row: conversationAnswerOf(row), isReached }
  } catch (error) {
    if (!isFault(error)) throw error
    logger.warn({ error }, 'change is recorded but cannot be read back now')
    return { isReached: false }
  }
}

/** What is known of a conversation that was recorded a moment ago, in the form in which it will be shown. */
function asStarted(
  wish: { readonly conversationId: string; readonly kind: ConversationAnswer['kind']; readonly title: string },
  now: Date,
): ConversationAnswer {
  const startedAt = now.toISOString()
  return { ...wish, messageCount: 0, archived: false, preview: '', createdAt: startedAt, updatedAt: startedAt }
}
