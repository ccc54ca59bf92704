/** `useChat` of the AI SDK: send, edit, answer again, resume, stop. The same turns as over every other door. */
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { conversationIdOf, responseMessageIdOf, turnIdOf } from '../../events/stream-names.ts'
import { isRefusal, type Refusal, refusal } from '../../shared/failures.ts'
import type { Uuid } from '../../shared/ids.ts'
import type { ApiServices } from '../api-services.ts'
import { commandOf, withPosition } from '../command-context.ts'
import { type ChatRequest, chatRequestSchema, chatStopSchema, type UiMessage } from '../contracts/chat-contract.ts'
import { conversationIdSchema, problemAnswers } from '../contracts/common-contract.ts'
import { commandAcceptedSchema } from '../contracts/conversation-contract.ts'
import { openEventStream } from '../event-stream.ts'
import type { Person } from '../person.ts'
import { answerProblem } from '../problem-answer.ts'
import type { ApiServer } from '../server-type.ts'
import { openTurnFollowing, type TurnFollowing } from '../turn-following.ts'
import { openTurn, refusalOfRate } from '../turn-opening.ts'
import { createUiMessageParts, UI_STREAM_END, UI_STREAM_HEADERS } from '../ui-message-stream.ts'

const tags = ['AI SDK']
const paramsSchema = z.object({ id: conversationIdSchema })
const EDIT_HASH_CHARACTERS = 16

export function registerChatRoutes(app: ApiServer, services: ApiServices): void {
  registerSend(app, services)
  registerResume(app, services)
  registerStop(app, services)
}

function registerSend(app: ApiServer, services: ApiServices): void {
  const { guard, settings } = services
  app.post(
    '/api/chat',
    {
      onRequest: guard.requires('user'),
      bodyLimit: settings.limits.chatBodyBytesMax,
      schema: {
        tags,
        summary:
          'Send the last message of a chat, or ask for its answer once more; the answer comes as a UI message stream',
        body: chatRequestSchema,
        response: { 200: z.any().describe('text/event-stream'), ...problemAnswers },
      },
    },
    async (request, reply) => {
      const person = guard.personOf(request)
      const tooMuch = refusalOfRate(services, person)
      if (tooMuch) return answerProblem(reply, tooMuch.reason, { retryAfterMs: tooMuch.retryAfterMs })
      const chat = request.body
      return await withFollowing({ services, person, chatId: chat.id, reply }, async (following) => {
        const opened =
          chat.trigger === 'regenerate-message'
            ? await regenerate(chat, request, services)
            : await submit(chat, person, services)
        if (isRefusal(opened)) return answerProblem(reply, opened)
        await stream(following, opened.turnId, withPosition(reply, opened), services)
      })
    },
  )
}

async function submit(chat: ChatRequest, person: Person, services: ApiServices) {
  const messages = chat.messages ?? (chat.message === undefined ? [] : [chat.message])
  const message = messages.at(-1)
  if (message?.role !== 'user') return refusal('request-invalid', 'The last message must be the person’s.')
  const before = messages.at(-2)
  return await openTurn(services, person, {
    clientConversationId: chat.id,
    messageId: chat.messageId === message.id ? editedId(message) : message.id,
    text: textOf(message),
    ...(before === undefined || before.role === 'system' ? {} : { parentMessageId: before.id }),
    ...(chat.agent && { agent: chat.agent }),
  })
}

/** The client keeps a message's id when its words change; nothing is overwritten here, so the new words are another message. */
function editedId(message: UiMessage): string {
  const hash = createHash('sha256').update(textOf(message)).digest('hex').slice(0, EDIT_HASH_CHARACTERS)
  return `${message.id}~${hash}`
}

function textOf({ parts }: UiMessage): string {
  return parts.map(({ type, text }) => (type === 'text' ? (text ?? '') : '')).join('')
}

async function regenerate(chat: ChatRequest, request: FastifyRequest, services: ApiServices) {
  const { gateway, guard, recentTurns } = services
  const person = guard.personOf(request)
  const command = commandOf(request, person, chat.id)
  const asked = (chat.messages ?? []).findLast(({ role }) => role === 'user') ?? chat.message
  let outcome: Awaited<ReturnType<typeof gateway.regenerate>> = refusal('turn-unknown')
  for (const turnId of asked === undefined ? [] : turnsOf(conversationIdOf(person.ownerId, chat.id), asked)) {
    outcome = await gateway.regenerate(command, { turnId })
    if (!isRefusal(outcome) || outcome.code !== 'turn-unknown') break
  }
  if (!isRefusal(outcome)) recentTurns.note(person.ownerId, chat.id, outcome)
  return outcome
}

/** The turn of an edited message, should it be one, before the turn of the message as it was first sent. */
function turnsOf(conversationId: Uuid, message: UiMessage): string[] {
  return [turnIdOf(conversationId, editedId(message)), turnIdOf(conversationId, message.id)]
}

function registerResume(app: ApiServer, services: ApiServices): void {
  const { guard } = services
  app.get(
    '/api/chat/:id/stream',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags,
        summary: 'The answer under way, from its beginning; 204 when there is none',
        params: paramsSchema,
        response: {
          200: z.any().describe('text/event-stream'),
          204: z.undefined().describe('None'),
          ...problemAnswers,
        },
      },
    },
    async (request, reply) => {
      const place = { services, person: guard.personOf(request), chatId: request.params.id, reply }
      return await withFollowing(place, async (following) => {
        const turnId = following.newestInFlight()
        if (turnId === undefined) return reply.code(204).send()
        await stream(following, turnId, reply, services)
      })
    },
  )
}

function registerStop(app: ApiServer, services: ApiServices): void {
  const { gateway, guard, live } = services
  app.post(
    '/api/chat/:id/stop',
    {
      onRequest: guard.requires('user'),
      schema: {
        tags,
        summary: 'Stop the answer; what is written of it stays. A stop of an answer that has ended changes nothing',
        params: paramsSchema,
        body: chatStopSchema.nullish(),
        response: {
          202: commandAcceptedSchema,
          204: z.undefined().describe('Nothing is under way'),
          ...problemAnswers,
        },
      },
    },
    async (request, reply) => {
      const person = guard.personOf(request)
      const { id } = request.params
      const conversationId = conversationIdOf(person.ownerId, id)
      const leave = await live.attend(conversationId)
      const turns = live.inFlight(conversationId).map(({ turnId }) => turnId)
      leave()
      const { turnId, messageId } = request.body ?? {}
      const named =
        turnId ?? turns.findLast((turn) => messageId === undefined || responseMessageIdOf(turn) === messageId)
      if (named === undefined) return reply.code(204).send()
      const outcome = await gateway.stop(commandOf(request, person, id), { turnId: named })
      if (isRefusal(outcome)) return answerProblem(reply, outcome)
      withPosition(reply, outcome).code(202)
      return { position: String(outcome.position) }
    },
  )
}

interface Place {
  readonly services: ApiServices
  readonly person: Person
  readonly chatId: string
  readonly reply: FastifyReply
}

/** Listens before the work begins; the work answers, or streams. */
async function withFollowing(
  { services, person, chatId, reply }: Place,
  work: (following: TurnFollowing) => Promise<unknown>,
): Promise<FastifyReply> {
  const leave = services.streams.enter(person.ownerId)
  if (leave === undefined) return answerProblem(reply, tooManyStreams)
  const following = await openTurnFollowing(services, conversationIdOf(person.ownerId, chatId))
  try {
    await work(following)
    return reply
  } finally {
    following.close()
    leave()
  }
}

const tooManyStreams: Refusal = refusal('too-many-connections')

/** A client that goes away stops to read, not the answer: that goes on, and can be resumed. */
async function stream(
  following: TurnFollowing,
  turnId: string,
  reply: FastifyReply,
  { streams }: ApiServices,
): Promise<void> {
  const events = openEventStream(reply, UI_STREAM_HEADERS)
  const parts = createUiMessageParts(turnId)
  const send = async (list: ReturnType<typeof parts.start>) => {
    for (const part of list) await events.send(JSON.stringify(part))
  }
  await send(parts.start())
  const signal = AbortSignal.any([events.signal, streams.stopping])
  for await (const fact of following.follow(turnId, signal)) {
    if (fact.type === 'waiting') await events.comment('waiting')
    else await send(parts.of(fact))
  }
  if (!signal.aborted) await events.send(UI_STREAM_END)
  events.end()
}
