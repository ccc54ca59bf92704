/**
 * Finds the recorded conversation of a client that keeps none itself: OpenAI clients send the whole chat each time, without ids.
 *
 * A chat is a path: the same beginning is the same beginning. So ids are made of the words: the conversation's of what it
 * begins with, each message's of everything up to it. A chat that goes on finds its conversation; one that goes on in
 * another way becomes a branch of it; the same request again is the same message.
 */
import { createHash } from 'node:crypto'
import { conversationIdOf, responseMessageIdOf, turnIdOf } from '../events/stream-names.ts'
import { type Refusal, refusal } from '../shared/failures.ts'
import type { CompletionRequest, OpenAiMessage } from './contracts/openai-contract.ts'

const HASH_CHARACTERS = 32

export interface PlacedMessage {
  readonly clientConversationId: string
  readonly messageId: string
  readonly text: string
  /** The answer that the message follows. */
  readonly parentMessageId?: string
}

/** Refuses what holds no message of the person at its end, and content that is not text. */
export function placeOfLastMessage(
  ownerId: string,
  { messages, metadata, user }: CompletionRequest,
): PlacedMessage | Refusal {
  const said = messages.filter(({ role }) => role !== 'system' && role !== 'developer')
  const last = said.at(-1)
  if (last?.role !== 'user') return refusal('request-invalid', 'The last message must have the role user.')
  if (messages.some(hasOtherContent)) return refusal('parameter-unsupported', 'Messages may hold text only.')

  const named = metadata?.['conversation_id']
  const first = messages.slice(0, messages.findIndex(({ role }) => role === 'user') + 1)
  const clientConversationId = named ?? `completion-${hashOf([user ?? '', ...first.map(asLine)])}`
  const conversationId = conversationIdOf(ownerId, clientConversationId)
  const idOfPath = (end: number) => `path-${hashOf(said.slice(0, end).map(asLine))}`

  const before = said.slice(0, -1).findLastIndex(({ role }) => role === 'user')
  const parent = before === -1 ? undefined : responseMessageIdOf(turnIdOf(conversationId, idOfPath(before + 1)))
  return {
    clientConversationId,
    messageId: idOfPath(said.length),
    text: textOf(last),
    ...(parent === undefined ? {} : { parentMessageId: parent }),
  }
}

function textOf({ content }: OpenAiMessage): string {
  if (typeof content === 'string') return content
  return (content ?? []).map(({ text }) => text ?? '').join('')
}

function hasOtherContent({ content }: OpenAiMessage): boolean {
  return Array.isArray(content) && content.some(({ type }) => type !== 'text' && type !== 'refusal')
}

function asLine(message: OpenAiMessage): string {
  return JSON.stringify([message.role, textOf(message)])
}

function hashOf(lines: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(lines)).digest('hex').slice(0, HASH_CHARACTERS)
}
