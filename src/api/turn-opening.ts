/** Opens a turn for clients that send whole chats: finds the message to answer, its place in the conversation, and its agent. */
import type { Outcome } from '../commands/conversation-gateway.ts'
import type { Intent } from '../events/conversation-events.ts'
import { isRefusal, refusal } from '../shared/failures.ts'
import type { ApiServices } from './api-services.ts'
import type { Person } from './person.ts'

/** Agents that a client may ask for by name; what is unsafe goes to the guard all the same. */
export const agentIntents = ['learning', 'discovery', 'creation', 'image', 'profile', 'support', 'smalltalk'] as const
export type AgentIntent = (typeof agentIntents)[number] & Intent

export interface TurnWish {
  readonly clientConversationId: string
  readonly messageId: string
  readonly text: string
  /** Where the client has the message; a place that is not in the record is the end of the conversation. */
  readonly parentMessageId?: string
  readonly agent?: AgentIntent
}

export type OpenedTurn = Outcome<{ readonly turnId: string; readonly messageId: string; readonly isRepeat: boolean }>

export async function openTurn(services: ApiServices, person: Person, wish: TurnWish): Promise<OpenedTurn> {
  const { gateway, recentTurns } = services
  const { clientConversationId, messageId, text, parentMessageId, agent: intent } = wish
  const request = { ownerId: person.ownerId, clientConversationId }
  const message = { messageId, text, channel: 'rest' as const, ...(intent && { intent }) }
  const placed = parentMessageId === undefined ? message : { ...message, parentMessageId }
  const outcome = await gateway.sendMessage(request, placed)
  const isElsewhere = isRefusal(outcome) && outcome.code === 'parent-unknown'
  const opened = isElsewhere ? await gateway.sendMessage(request, message) : outcome
  if (!isRefusal(opened)) recentTurns.note(person.ownerId, clientConversationId, opened)
  return opened
}

/** Refuses a person who sends too much; undefined when it may go on. */
export function refusalOfRate({ messageRate }: ApiServices, { ownerId }: Person) {
  const retryAfterMs = messageRate.take(ownerId)
  return retryAfterMs > 0 ? { reason: refusal('messages-too-frequent'), retryAfterMs } : undefined
}
