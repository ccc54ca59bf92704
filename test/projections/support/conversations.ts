/** Records of many conversations, for tests that need more than one. */
import type { ConversationEvent } from '../../../src/events/conversation-events.ts'
import {
  conversationIdOf,
  conversationStream,
  responseMessageIdOf,
  turnIdOf,
} from '../../../src/events/stream-names.ts'
import type { Uuid } from '../../../src/shared/ids.ts'
import { completed, failed, rated, routed, sent, started } from '../../support/examples.ts'

export interface ExampleConversation {
  readonly id: Uuid
  readonly stream: string
  readonly events: ConversationEvent[]
}

/** A conversation of `owner` with so many turns, each answered; every third one fails. */
export function conversation(owner: string, name: string, turns: number, text = 'What is RAG?'): ExampleConversation {
  const id = conversationIdOf(owner, name)
  const events: ConversationEvent[] = [started({ conversationId: id, ownerId: owner, clientConversationId: name })]
  for (let index = 1; index <= turns; index += 1) {
    const messageId = `m${index}`
    const turnId = turnIdOf(id, messageId)
    const answerId = responseMessageIdOf(turnId)
    events.push(sent(messageId, { turnId, text: `${text} (${index})` }), routed(messageId, { turnId }))
    if (index % 3 === 0) events.push(failed(messageId, { turnId }))
    else events.push(completed(messageId, { turnId, messageId: answerId, parentMessageId: messageId }), rated(answerId))
  }
  return { id, stream: conversationStream(id), events }
}
