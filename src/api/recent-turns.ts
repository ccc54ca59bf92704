/** Turns accepted here can be addressed at once, before the read models show them. */
import { LRUCache } from 'lru-cache'
import { responseMessageIdOf } from '../events/stream-names.ts'

export interface RecentTurns {
  readonly note: (ownerId: string, clientConversationId: string, turn: { turnId: string; messageId?: string }) => void
  /** The conversation of a recent turn or message of this owner, as its client names it. */
  readonly conversationOf: (ownerId: string, turnOrMessageId: string) => string | undefined
}

export function createRecentTurns({ turnsMax }: { readonly turnsMax: number }): RecentTurns {
  const idsPerTurn = 3
  const conversations = new LRUCache<string, string>({ max: turnsMax * idsPerTurn })
  // JSON keeps the two apart whatever characters they hold.
  const keyOf = (ownerId: string, id: string) => JSON.stringify([ownerId, id])
  return {
    note(ownerId, clientConversationId, { turnId, messageId }) {
      const ids = [turnId, responseMessageIdOf(turnId), ...(messageId === undefined ? [] : [messageId])]
      for (const id of ids) conversations.set(keyOf(ownerId, id), clientConversationId)
    },
    conversationOf: (ownerId, turnOrMessageId) => conversations.get(keyOf(ownerId, turnOrMessageId)),
  }
}
