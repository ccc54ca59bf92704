/** Chat Completions for OpenAI's clients: recorded turns like all others; models are Emberlog itself and one for each agent. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isTerminal, type TerminalFact } from '../../events/live-facts.ts'
import { conversationIdOf, responseMessageIdOf } from '../../events/stream-names.ts'
import { assert } from '../../shared/assert.ts'
import { isRefusal, type Refusal, refusal } from '../../shared/failures.ts'
import type { ApiServices } from '../api-services.ts'
import { type CompletionHead, completionOf, createChunks } from '../chat-completion.ts'
import { commandOf, withPosition } from '../command-context.ts'
import { type PlacedMessage, placeOfLastMessage } from '../completion-history.ts'
import { type CompletionRequest, completionRequestSchema, unsupportedParameter } from '../contracts/openai-contract.ts'
import { answerFailureText } from '../error-catalogue.ts'
import { openEventStream } from '../event-stream.ts'
import { answerOpenAiError, answerThrown, openAiErrorOf } from '../openai-errors.ts'
import type { Person } from '../person.ts'
import type { ApiServer } from '../server-type.ts'
import { openTurnFollowing, type TurnFollowing } from '../turn-following.ts'
import { type AgentIntent, agentIntents, openTurn, refusalOfRate } from '../turn-opening.ts'

const ROUTED_MODEL = 'emberlog'
const tags = ['OpenAI']

export function registerOpenAiRoutes(app: ApiServer, services: ApiServices): void {
  app.register((scope, _options, done) => {
    scope.setErrorHandler((error, request, reply) => {
      services.logger.warn({ requestId: request.id, error }, 'completion could not be served')
      return answerThrown(reply, error)
    })
    // Who asks is known before anything else is looked at: strangers learn nothing of what is right or wrong in a request.
    const people = new WeakMap<FastifyRequest, Person>()
    scope.addHook('onRequest', async (request, reply) => {
      const person = await identify(request, services)
      if (isRefusal(person)) return answerOpenAiError(reply, person)
      people.set(request, person)
      return undefined
    })
    const personOf = (request: FastifyRequest): Person => {
      const person = people.get(request)
      assert(person !== undefined, 'the hook ran first')
      return person
    }
    registerModels(scope as unknown as ApiServer, services)
    registerCompletions(scope as unknown as ApiServer, { ...services, personOf })
    done()
  })
}

function registerModels(app: ApiServer, services: ApiServices): void {
  const created = secondsOf(services.clock())
  const models = [ROUTED_MODEL, ...agentIntents].map((id) => ({ id, object: 'model', created, owned_by: 'emberlog' }))
  app.get('/v1/models', { schema: { tags, summary: 'Emberlog, which routes, and each agent' } }, async () => ({
    object: 'list',
    data: models,
  }))
  app.get('/v1/models/:model', { schema: { tags, summary: 'One model' } }, async (request, reply) => {
    const { model } = request.params as { model: string }
    return (
      models.find(({ id }) => id === model) ?? answerOpenAiError(reply, refusal('model-unknown'), { param: 'model' })
    )
  })
}

function registerCompletions(
  app: ApiServer,
  services: ApiServices & { readonly personOf: (request: FastifyRequest) => Person },
): void {
  app.post(
    '/v1/chat/completions',
    {
      bodyLimit: services.settings.limits.chatBodyBytesMax,
      schema: { tags, summary: 'Answer the last message of a chat', body: completionRequestSchema },
    },
    async (request, reply) => {
      const person = services.personOf(request)
      const wish = wishOf(person, request.body)
      if ('reason' in wish) return answerOpenAiError(reply, wish.reason, wish)
      const tooMuch = refusalOfRate(services, person)
      if (tooMuch) return answerOpenAiError(reply, tooMuch.reason, { retryAfterMs: tooMuch.retryAfterMs })
      const leave = services.streams.enter(person.ownerId)
      if (leave === undefined) return answerOpenAiError(reply, refusal('too-many-connections'))
      const following = await openTurnFollowing(services, conversationIdOf(person.ownerId, wish.clientConversationId))
      try {
        const opened = await open(wish, { request, person, services })
        if (isRefusal(opened)) return answerOpenAiError(reply, opened)
        const head = {
          id: `chatcmpl-${responseMessageIdOf(opened.turnId)}`,
          created: secondsOf(services.clock()),
          model: request.body.model,
        }
        withPosition(reply, opened).header('x-conversation-id', wish.clientConversationId)
        const answer = request.body.stream === true ? inChunks : whole
        return await answer({ following, turnId: opened.turnId, head, request, reply, services })
      } finally {
        following.close()
        leave()
      }
    },
  )
}

type Wish = PlacedMessage & { readonly agent?: AgentIntent }

function wishOf(person: Person, body: CompletionRequest): Wish | { readonly reason: Refusal; readonly param: string } {
  const agent = body.model.replace(/^emberlog[/-]/, '')
  const isAgent = (agentIntents as readonly string[]).includes(agent)
  if (agent !== ROUTED_MODEL && !isAgent) return { reason: refusal('model-unknown'), param: 'model' }
  const param = unsupportedParameter(body)
  if (param !== undefined) return { reason: refusal('parameter-unsupported', `It is ${param}.`), param }
  const placed = placeOfLastMessage(person.ownerId, body)
  if (isRefusal(placed)) return { reason: placed, param: 'messages' }
  return isAgent ? { ...placed, agent: agent as AgentIntent } : placed
}

interface Asking {
  readonly request: FastifyRequest
  readonly person: Person
  readonly services: ApiServices
}

/** The same request again joins the turn while it is answered; afterwards it asks for another answer, unless a key says that it is a repetition. */
async function open(wish: Wish, { request, person, services }: Asking) {
  const opened = await openTurn(services, person, wish)
  if (isRefusal(opened) || !opened.isRepeat || request.headers['idempotency-key'] !== undefined) return opened
  const again = await services.gateway.regenerate(commandOf(request, person, wish.clientConversationId), opened)
  return isRefusal(again) && again.code === 'turn-in-progress' ? opened : again
}

interface Answering {
  readonly following: TurnFollowing
  readonly turnId: string
  readonly head: CompletionHead
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly services: ApiServices
}

async function whole({ following, turnId, head, request, reply, services }: Answering): Promise<unknown> {
  const gone = new AbortController()
  request.raw.socket.once('close', () => gone.abort())
  const signal = AbortSignal.any([gone.signal, services.streams.stopping])
  let text = ''
  for await (const fact of following.follow(turnId, signal)) {
    if (fact.type === 'response.delta') text += fact.text
    if (fact.type === 'response.failed') return answerOpenAiError(reply, failureOf(fact))
    if (fact.type === 'response.completed' || fact.type === 'response.stopped') return completionOf(head, fact, text)
  }
  return answerOpenAiError(reply, refusal('stopping'))
}

async function inChunks({ following, turnId, head, request, reply, services }: Answering): Promise<FastifyReply> {
  const body = request.body as CompletionRequest
  const chunks = createChunks(head, body.stream_options?.include_usage === true)
  const events = openEventStream(reply)
  const send = (chunk: object) => events.send(JSON.stringify(chunk))
  await send(chunks.start())
  const signal = AbortSignal.any([events.signal, services.streams.stopping])
  for await (const fact of following.follow(turnId, signal)) {
    if (fact.type === 'waiting') await events.comment('waiting')
    else if (fact.type === 'response.delta') await send(chunks.delta(fact.text))
    else if (fact.type === 'response.failed') await send({ error: openAiErrorOf(failureOf(fact)) })
    else if (isTerminal(fact)) for (const chunk of chunks.end(fact)) await send(chunk)
  }
  if (services.streams.stopping.aborted) await send({ error: openAiErrorOf(refusal('stopping')) })
  await events.send('[DONE]')
  events.end()
  return reply
}

function failureOf({ code }: Extract<TerminalFact, { type: 'response.failed' }>): Refusal {
  return refusal('answer-failed', `${answerFailureText(code)} (${code})`)
}

async function identify(request: FastifyRequest, { guard }: ApiServices): Promise<Person | Refusal> {
  const person = await guard.identify(request)
  if (isRefusal(person) || person.roles.includes('user')) return person
  return refusal('role-missing')
}

function secondsOf(time: Date): number {
  return Math.floor(time.getTime() / 1000)
}
