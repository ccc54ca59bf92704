/** A conversation whose events stand at times that a test spells out. */

import type { TimedEvent } from '../../../scripts/analytics/timed-record.ts'
import type { ConversationEvent } from '../../../src/events/conversation-events.ts'
import {
  conversationIdOf,
  conversationStream,
  responseMessageIdOf,
  turnIdOf,
} from '../../../src/events/stream-names.ts'
import { completed, routed, sent, started } from '../../support/examples.ts'

export class TimedConversation {
  readonly events: TimedEvent[] = []
  readonly #ownerId: string
  readonly #stream: string
  readonly id

  constructor(ownerId: string, name: string, startedAt: string) {
    this.#ownerId = ownerId
    this.id = conversationIdOf(ownerId, name)
    this.#stream = conversationStream(this.id)
    this.add(startedAt, started({ conversationId: this.id, ownerId, clientConversationId: name }))
  }

  turnOf(messageId: string) {
    return turnIdOf(this.id, messageId)
  }

  answerOf(messageId: string) {
    return responseMessageIdOf(this.turnOf(messageId))
  }

  add(at: string, event: ConversationEvent): this {
    this.events.push({ at, stream: this.#stream, ownerId: this.#ownerId, event })
    return this
  }

  asks(at: string, messageId: string): this {
    return this.add(at, sent(messageId, { turnId: this.turnOf(messageId) }))
  }

  routes(at: string, messageId: string, changes: Parameters<typeof routed>[1] = {}): this {
    return this.add(at, routed(messageId, { turnId: this.turnOf(messageId), ...changes }))
  }

  answers(at: string, messageId: string, changes: Parameters<typeof completed>[1] = {}): this {
    const ids = { turnId: this.turnOf(messageId), messageId: this.answerOf(messageId), parentMessageId: messageId }
    return this.add(at, completed(messageId, { ...ids, ...changes }))
  }
}
