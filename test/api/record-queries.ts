/** Answers the API's queries straight from the record: always up to date, for tests of the API alone. */
import type { Codec, RecordedEvent } from '../../src/events/codec.ts'
import type { DataOf } from '../../src/events/conversation-events.ts'
import { conversationIdFromStream, conversationIdOf, responseMessageIdOf } from '../../src/events/stream-names.ts'
import type {
  ConversationQueries,
  ConversationRow,
  MessageRow,
  RoutingRow,
  TurnRow,
} from '../../src/projections/query-types.ts'
import { toPosition, type Uuid } from '../../src/shared/ids.ts'
import type { EventStore } from '../../src/store/event-store.ts'

interface Told {
  row: ConversationRow
  ownerId: string
  isDeleted: boolean
  messages: MessageRow[]
  turns: Map<string, TurnRow>
  routings: Map<string, RoutingRow>
}

export function createRecordQueries(store: EventStore, codec: Codec): ConversationQueries {
  async function all(): Promise<Map<string, Told>> {
    const told = new Map<string, Told>()
    const reading = new AbortController()
    const deliveries = store.subscribeToAll({
      after: 'start',
      streamPrefixes: ['conversation-'],
      signal: reading.signal,
    })
    for await (const delivery of deliveries) {
      if (delivery.kind === 'event') tell(told, codec.decode(delivery.event))
      if (delivery.kind === 'caught-up') break
    }
    reading.abort()
    return told
  }
  const visible = async (conversationId: Uuid) => {
    const found = (await all()).get(conversationId)
    return found?.isDeleted ? undefined : found
  }
  const find = async (ownerId: string, fits: (told: Told) => boolean) => {
    const found = [...(await all()).values()].find((told) => told.ownerId === ownerId && fits(told))
    return found && { conversationId: found.row.conversationId, clientConversationId: found.row.clientConversationId }
  }
  const position = async () => (await store.lastPosition()) ?? toPosition(0)
  return {
    async list({ ownerId, limit, cursor, q, kind, isArchived }) {
      const start = Number(cursor ?? 0)
      const rows = [...(await all()).values()]
        .filter((told) => told.ownerId === ownerId && !told.isDeleted)
        .map(({ row }) => row)
        .filter((row) => (kind === undefined || row.kind === kind) && (q === undefined || row.title.includes(q)))
        .filter((row) => isArchived === undefined || row.isArchived === isArchived)
        .sort((a, b) => b.updatedAt.getTime() - a.updatedAt.getTime())
      const next = start + limit < rows.length ? String(start + limit) : null
      return { results: rows.slice(start, start + limit), next, count: rows.length }
    },
    get: async (conversationId) => (await visible(conversationId))?.row,
    async messages({ conversationId, limit, cursor }) {
      const start = Number(cursor ?? 0)
      const rows = (await visible(conversationId))?.messages ?? []
      return {
        results: rows.slice(start, start + limit),
        next: start + limit < rows.length ? String(start + limit) : null,
      }
    },
    turn: async (conversationId, turnId) => (await visible(conversationId))?.turns.get(turnId),
    routing: async (conversationId, turnId) => (await visible(conversationId))?.routings.get(turnId),
    conversationOfTurn: (ownerId, turnId) => find(ownerId, ({ turns }) => turns.has(turnId)),
    conversationOfMessage: (ownerId, messageId) =>
      find(ownerId, ({ messages }) => messages.some((message) => message.messageId === messageId)),
    waitFor: async () => ({ isReached: true, position: await position() }),
    position,
  }
}

function tell(told: Map<string, Told>, event: RecordedEvent): void {
  const conversationId = conversationIdFromStream(event.stream)
  if (conversationId === undefined) return
  const at = new Date(event.envelope.occurredAt)
  if (event.type === 'ConversationStarted') told.set(conversationId, startedOf(event.data, at))
  const conversation = told.get(conversationId)
  if (conversation === undefined) return
  const change = (row: Partial<ConversationRow>) => {
    conversation.row = { ...conversation.row, updatedAt: at, ...row }
  }
  switch (event.type) {
    case 'MessageSent': {
      const { messageId, turnId, text } = event.data
      conversation.messages.push(
        messageOf('user', { ...event.data, parentMessageId: event.data.parentMessageId ?? null }, at),
      )
      conversation.turns.set(turnId, openTurn(turnId, messageId))
      change({
        messageCount: conversation.messages.length,
        preview: text.slice(0, 80),
        title: conversation.row.title || text.slice(0, 80),
      })
      break
    }
    case 'ResponseRequested':
      conversation.turns.set(event.data.turnId, openTurn(event.data.turnId, event.data.parentMessageId))
      break
    case 'IntentRouted':
      conversation.routings.set(event.data.turnId, event.data)
      break
    case 'ResponseCompleted': {
      const { turnId, text, agent, model, finishReason, usage } = event.data
      conversation.messages.push({ ...messageOf('assistant', event.data, at), status: 'completed', agent, model })
      conversation.turns.set(turnId, {
        ...openTurn(turnId, event.data.parentMessageId),
        ...{ status: 'completed', text, agent, model, finishReason, usage, endedPosition: event.position },
      })
      change({ messageCount: conversation.messages.length })
      break
    }
    case 'ConversationRenamed':
      change({ title: event.data.title })
      break
    case 'ConversationArchived':
    case 'ConversationUnarchived':
      change({ isArchived: event.type === 'ConversationArchived' })
      break
    case 'ConversationDeleted':
    case 'ConversationRestored':
      conversation.isDeleted = event.type === 'ConversationDeleted'
      break
    default:
      break
  }
}

function startedOf(data: DataOf<'ConversationStarted'>, at: Date): Told {
  const { clientConversationId, ownerId, kind, title = '' } = data
  return {
    row: {
      ...{ conversationId: conversationIdOf(ownerId, clientConversationId), clientConversationId, kind, title },
      ...{ messageCount: 0, isArchived: false, createdAt: at, updatedAt: at, preview: '' },
    },
    ...{ ownerId, isDeleted: false, messages: [], turns: new Map(), routings: new Map() },
  }
}

function messageOf(
  role: MessageRow['role'],
  data: { messageId: string; turnId: string; parentMessageId: string | null; text: string },
  createdAt: Date,
): MessageRow {
  const { messageId, turnId, parentMessageId, text } = data
  const unknown = { agent: null, intent: null, model: null, rating: null }
  return { messageId, turnId, parentMessageId, role, text, status: 'sent', ...unknown, createdAt }
}

function openTurn(turnId: string, messageId: string): TurnRow {
  return {
    ...{ turnId, messageId, responseMessageId: responseMessageIdOf(turnId), status: 'open', text: '', agent: null },
    ...{ model: null, finishReason: null, failureCode: null, usage: null, endedPosition: null },
  }
}
