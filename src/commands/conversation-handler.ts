/** Turns the plain wishes of callers into commands on the right stream, and answers with an outcome and a position. */

import { type ConversationEvent, intents } from '../events/conversation-events.ts'
import type { Actor } from '../events/envelope.ts'
import { conversationIdOf, conversationStream, turnIdOf } from '../events/stream-names.ts'
import { isRefusal, type Refusal, refusal } from '../shared/failures.ts'
import { mintId, type Uuid } from '../shared/ids.ts'
import type { EventStore } from '../store/event-store.ts'
import type { CommandHandler, CommandOutcome } from './command-handler.ts'
import type { ConversationCommand } from './conversation-commands.ts'
import type { Conversation } from './conversation-decider.ts'
import type { ConversationGateway, Outcome, Request } from './conversation-gateway.ts'
import { kindOfConversationId, retentionOf } from './conversation-kind.ts'

const CONVERSATION_ID = /^[A-Za-z0-9._:~-]{1,128}$/
const MESSAGE_ID = /^[A-Za-z0-9._:~-]{1,128}$/

export type ConversationCommandHandler = CommandHandler<Conversation, ConversationCommand>

/** Lets `project` conversations age out of the record: their stream gets its maximum age before its first event. */
export function ageTransientStreams(store: Pick<EventStore, 'setStreamMaxAge'>, maxAgeS: number) {
  return async (stream: string, events: readonly ConversationEvent[]): Promise<void> => {
    const first = events[0]
    if (first?.type === 'ConversationStarted' && first.data.retention === 'transient') {
      await store.setStreamMaxAge(stream, maxAgeS)
    }
  }
}

export function createConversationGateway(handler: ConversationCommandHandler): ConversationGateway {
  return {
    async prepare(request) {
      const address = addressOf(request)
      if (!isRefusal(address)) await handler.prepare(address.stream, request.ownerId)
    },

    async start(request, { kind, title }) {
      const address = addressOf(request)
      if (isRefusal(address)) return address
      const start = startOf(request, address.conversationId, {
        ...(kind && { kind }),
        ...(title !== undefined && { title }),
      })
      const outcome = await handle(address, { type: 'StartConversation', data: start }, request, start.conversationId)
      return isRefusal(outcome) ? outcome : { ...accepted(address, outcome), isNew: !outcome.isRepeat }
    },

    async sendMessage(request, { messageId, text, parentMessageId, channel, intent }) {
      const address = addressOf(request)
      if (isRefusal(address)) return address
      if (!MESSAGE_ID.test(messageId))
        return refusal('message-id-invalid', 'A message id has 1 to 128 characters out of A-Z a-z 0-9 . _ : ~ -')
      const turnId = turnIdOf(address.conversationId, messageId)
      const command: ConversationCommand = {
        type: 'SendMessage',
        data: {
          start: startOf(request, address.conversationId, {}),
          messageId,
          turnId,
          text,
          attachments: [],
          channel,
          ...(parentMessageId === undefined ? {} : { parentMessageId }),
          ...(intent && { intent }),
        },
      }
      // The message's own id makes the command repeatable: the same message is one wish, however often it arrives.
      const outcome = await handle(address, command, { ...request, commandId: `message:${messageId}` }, turnId)
      if (isRefusal(outcome)) return outcome
      return { ...accepted(address, outcome), messageId, turnId, isRepeat: outcome.isRepeat }
    },

    async regenerate(request, wish) {
      const address = addressOf(request)
      if (isRefusal(address)) return address
      const turn = (await handler.load(address.stream)).turns.get(wish.turnId)
      if (turn === undefined) return refusal('turn-unknown')
      const turnId = mintId()
      const command: ConversationCommand = {
        type: 'RequestResponse',
        data: { turnId, parentMessageId: turn.messageId },
      }
      const outcome = await handle(address, command, request, turnId)
      return isRefusal(outcome) ? outcome : { ...accepted(address, outcome), turnId }
    },

    stop: (request, { turnId }) =>
      simple(request, { type: 'StopResponse', data: { turnId, partialText: '', by: request.ownerId } }, turnId),

    async correctIntent(request, { turnId, intent, note, reroute = false }) {
      const objection = refusalOfIntent(intent)
      if (objection !== undefined) return objection
      const data = { turnId, intent, by: request.ownerId, ...(note === undefined ? {} : { note }) }
      if (!reroute) {
        const outcome = await simple(request, { type: 'CorrectIntent', data }, turnId)
        return isRefusal(outcome) ? outcome : { ...outcome, turnId }
      }
      const rerouteTo = mintId()
      const outcome = await simple(request, { type: 'CorrectIntent', data: { ...data, rerouteTo } }, rerouteTo)
      return isRefusal(outcome) ? outcome : { ...outcome, turnId: rerouteTo }
    },

    async correctAsAnalyst({ analystId, conversationId, ...request }, { turnId, intent }) {
      const objection = refusalOfIntent(intent)
      if (objection !== undefined) return objection
      const address = { conversationId, stream: conversationStream(conversationId) }
      const data = { turnId, intent, by: analystId, as: 'analyst' } as const
      const outcome = await handle(address, { type: 'CorrectIntent', data }, { ...request, ownerId: analystId }, turnId)
      return isRefusal(outcome) ? outcome : accepted(address, outcome)
    },

    rate: (request, { messageId, rating, note }) =>
      simple(request, { type: 'RateResponse', data: { messageId, rating, ...(note === undefined ? {} : { note }) } }),
    rename: (request, { title }) => simple(request, { type: 'RenameConversation', data: { title } }),
    archive: (request) => simple(request, { type: 'ArchiveConversation', data: {} }),
    unarchive: (request) => simple(request, { type: 'UnarchiveConversation', data: {} }),
    delete: (request) => simple(request, { type: 'DeleteConversation', data: {} }),
    restore: (request) => simple(request, { type: 'RestoreConversation', data: {} }),
  }

  async function simple(request: Request, command: ConversationCommand, correlationId?: string): Promise<Outcome> {
    const address = addressOf(request)
    if (isRefusal(address)) return address
    const outcome = await handle(address, command, request, correlationId)
    return isRefusal(outcome) ? outcome : accepted(address, outcome)
  }

  function handle(
    address: Address,
    command: ConversationCommand,
    request: Omit<Request, 'clientConversationId'>,
    correlationId?: string,
  ) {
    const commandId = request.commandId ?? mintId()
    const actor: Actor = { kind: 'user', id: request.ownerId }
    const trace = request.traceparent === undefined ? {} : { traceparent: request.traceparent }
    return handler.handle(address.stream, command, {
      commandId,
      actor,
      correlationId: correlationId ?? commandId,
      causationId: commandId,
      ...trace,
    })
  }
}

function refusalOfIntent(intent: string): Refusal | undefined {
  if ((intents as readonly string[]).includes(intent)) return undefined
  return refusal('intent-unknown', `One of: ${intents.join(', ')}.`)
}

interface Address {
  readonly conversationId: Uuid
  readonly stream: string
}

function addressOf({ ownerId, clientConversationId }: Request): Address | Refusal {
  if (!CONVERSATION_ID.test(clientConversationId)) {
    return refusal('conversation-id-invalid', 'A conversation id has 1 to 128 characters out of A-Z a-z 0-9 . _ : ~ -')
  }
  const conversationId = conversationIdOf(ownerId, clientConversationId)
  return { conversationId, stream: conversationStream(conversationId) }
}

function accepted({ conversationId }: Address, { position }: CommandOutcome) {
  return { kind: 'accepted', conversationId, position } as const
}

function startOf(request: Request, conversationId: Uuid, named: { kind?: ConversationKindOf; title?: string }) {
  const derived = kindOfConversationId(request.clientConversationId)
  const kind = named.kind ?? derived.kind
  const title = named.title ?? derived.title
  const { ownerId, clientConversationId } = request
  return {
    conversationId,
    clientConversationId,
    ownerId,
    kind,
    retention: retentionOf(kind),
    ...(title === undefined ? {} : { title }),
  }
}

type ConversationKindOf = ReturnType<typeof kindOfConversationId>['kind']
