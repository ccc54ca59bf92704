/** What a person may ask of a turn or an answer: stop, answer again, correct the intent, rate, and why. */
import { z } from 'zod'
import { conversationIdOf } from '../../events/stream-names.ts'
import { isRefusal, refusal } from '../../shared/failures.ts'
import type { ApiServices } from '../api-services.ts'
import { commandHeaders, commandOf, withPosition } from '../command-context.ts'
import { problemAnswers, turnIdSchema } from '../contracts/common-contract.ts'
import { commandAcceptedSchema, rateMessageSchema } from '../contracts/conversation-contract.ts'
import { correctIntentSchema, routingSchema, turnAcceptedSchema } from '../contracts/turn-contract.ts'
import { answerProblem } from '../problem-answer.ts'
import { freshnessHeaders, notFound } from '../read-freshness.ts'
import type { ApiServer } from '../server-type.ts'

const paramsSchema = z.object({ turnId: turnIdSchema })
const tags = ['turns']
/** A command may follow a message at once: then its position says how fresh the look-up must be. */
const headers = commandHeaders.extend(freshnessHeaders.shape)

export function registerTurnRoutes(app: ApiServer, services: ApiServices): void {
  registerStop(app, services)
  registerRegenerate(app, services)
  registerCorrectIntent(app, services)
  registerRate(app, services)
  registerRouting(app, services)
}

function registerStop(app: ApiServer, services: ApiServices): void {
  const { gateway, guard, freshness } = services
  app.post(
    '/api/v1/me/turns/:turnId/stop',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags,
        summary: 'Stop the answer; what is written of it stays',
        headers,
        params: paramsSchema,
        response: { 202: commandAcceptedSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const { turnId } = request.params
      const person = guard.personOf(request)
      const isReached = await freshness.ofCommand(request)
      const conversation = await conversationOfTurn(person.ownerId, turnId, services)
      if (conversation === undefined) return answerProblem(reply, notFound(isReached, 'turn-unknown'))
      const outcome = await gateway.stop(commandOf(request, person, conversation), { turnId })
      if (isRefusal(outcome)) return answerProblem(reply, outcome)
      withPosition(reply, outcome).code(202)
      return { position: String(outcome.position) }
    },
  )
}

function registerRegenerate(app: ApiServer, services: ApiServices): void {
  const { gateway, guard, freshness, messageRate, recentTurns } = services
  app.post(
    '/api/v1/me/turns/:turnId/regenerate',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags,
        summary: 'Answer the same message once more, beside the old answer',
        headers,
        params: paramsSchema,
        response: { 202: turnAcceptedSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const person = guard.personOf(request)
      const isReached = await freshness.ofCommand(request)
      const conversation = await conversationOfTurn(person.ownerId, request.params.turnId, services)
      if (conversation === undefined) return answerProblem(reply, notFound(isReached, 'turn-unknown'))
      const retryAfterMs = messageRate.take(person.ownerId)
      if (retryAfterMs > 0) return answerProblem(reply, refusal('messages-too-frequent'), { retryAfterMs })
      const outcome = await gateway.regenerate(commandOf(request, person, conversation), request.params)
      if (isRefusal(outcome)) return answerProblem(reply, outcome)
      recentTurns.note(person.ownerId, conversation, outcome)
      withPosition(reply, outcome).code(202)
      return { turnId: outcome.turnId, position: String(outcome.position) }
    },
  )
}

function registerCorrectIntent(app: ApiServer, services: ApiServices): void {
  const { gateway, guard, freshness, messageRate, recentTurns } = services
  app.post(
    '/api/v1/me/turns/:turnId/intent',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags,
        summary: 'Say what the message was really about, and have it answered so when wished',
        headers,
        params: paramsSchema,
        body: correctIntentSchema,
        response: { 202: turnAcceptedSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const { turnId } = request.params
      const { intent, note, reroute = false } = request.body
      const person = guard.personOf(request)
      const isReached = await freshness.ofCommand(request)
      const conversation = await conversationOfTurn(person.ownerId, turnId, services)
      if (conversation === undefined) return answerProblem(reply, notFound(isReached, 'turn-unknown'))
      const retryAfterMs = reroute ? messageRate.take(person.ownerId) : 0
      if (retryAfterMs > 0) return answerProblem(reply, refusal('messages-too-frequent'), { retryAfterMs })
      const wish = { turnId, intent, reroute, ...(note === undefined ? {} : { note }) }
      const outcome = await gateway.correctIntent(commandOf(request, person, conversation), wish)
      if (isRefusal(outcome)) return answerProblem(reply, outcome)
      if (reroute) recentTurns.note(person.ownerId, conversation, outcome)
      withPosition(reply, outcome).code(202)
      return { turnId: outcome.turnId, position: String(outcome.position) }
    },
  )
}

function registerRate(app: ApiServer, services: ApiServices): void {
  const { gateway, guard, freshness, queries, recentTurns } = services
  app.post(
    '/api/v1/me/messages/:messageId/rating',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags: ['messages'],
        summary: 'Rate an answer, or take the rating back',
        headers,
        params: z.object({ messageId: z.string().min(1).max(128) }),
        body: rateMessageSchema,
        response: { 202: commandAcceptedSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const { messageId } = request.params
      const { rating, note } = request.body
      const person = guard.personOf(request)
      const isReached = await freshness.ofCommand(request)
      const conversation =
        recentTurns.conversationOf(person.ownerId, messageId) ??
        (await queries.conversationOfMessage(person.ownerId, messageId))?.clientConversationId
      if (conversation === undefined) return answerProblem(reply, notFound(isReached, 'message-unknown'))
      const wish = { messageId, rating, ...(note === undefined ? {} : { note }) }
      const outcome = await gateway.rate(commandOf(request, person, conversation), wish)
      if (isRefusal(outcome)) return answerProblem(reply, outcome)
      withPosition(reply, outcome).code(202)
      return { position: String(outcome.position) }
    },
  )
}

function registerRouting(app: ApiServer, services: ApiServices): void {
  const { queries, guard, freshness } = services
  app.get(
    '/api/v1/me/turns/:turnId/routing',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags,
        summary: 'Why the turn went where it went: candidates and evidence, as recorded',
        headers: freshnessHeaders,
        params: paramsSchema,
        response: { 200: routingSchema, ...problemAnswers },
      },
    },
    async (request, reply) => {
      const { ownerId } = guard.personOf(request)
      const { turnId } = request.params
      const isReached = await freshness.ofQuery(request, reply)
      const conversation = await conversationOfTurn(ownerId, turnId, services)
      const routing =
        conversation === undefined ? undefined : await queries.routing(conversationIdOf(ownerId, conversation), turnId)
      if (routing === undefined) return answerProblem(reply, notFound(isReached, 'turn-unknown'))
      return { ...routing, candidates: [...routing.candidates], evidence: [...routing.evidence] }
    },
  )
}

/** The conversation of one of this owner's turns, as the client names it; nobody else's turns are found. */
async function conversationOfTurn(
  ownerId: string,
  turnId: string,
  { recentTurns, queries }: ApiServices,
): Promise<string | undefined> {
  const recent = recentTurns.conversationOf(ownerId, turnId)
  return recent ?? (await queries.conversationOfTurn(ownerId, turnId))?.clientConversationId
}
