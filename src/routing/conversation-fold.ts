/** Folds a conversation's events into what the router and the agents are told of it: the question, and the chain of messages before it. */
import type { RecordedEvent } from '../events/codec.ts'
import type { Intent } from '../events/conversation-events.ts'
import { responseMessageIdOf } from '../events/stream-names.ts'
import { isAgentName, isIntent } from './intents.ts'
import type { PastMessage } from './routing-decision.ts'

/** Messages that may matter for an answer; agents take less. */
const HISTORY_MESSAGES_MAX = 100

/** What was asked in one turn. */
export interface Asked {
  readonly messageId: string
  readonly question: string
  /** What the answer is to be about, when the person chose it. */
  readonly chosenIntent?: Intent
  /** The event that asked for the answer. */
  readonly askedBy: RecordedEvent
  /** The chain of messages that leads to the question, oldest first, without it. */
  readonly history: readonly PastMessage[]
  /** Whether the text of one of them was erased: what the router made of it cannot be told any more. */
  readonly isErased: boolean
}

interface KnownMessage extends PastMessage {
  readonly parentMessageId: string | undefined
}

export interface ConversationFold {
  /** Takes the next event of the conversation. */
  readonly apply: (event: RecordedEvent) => void
  /** Undefined when the conversation has no such turn, or its message is not there. */
  readonly asked: (turnId: string) => Asked | undefined
}

export function createConversationFold(): ConversationFold {
  const messages = new Map<string, KnownMessage>()
  const agents = new Map<string, string>()
  const turns = new Map<string, { readonly messageId: string; readonly askedBy: RecordedEvent }>()

  function apply(event: RecordedEvent): void {
    switch (event.type) {
      case 'MessageSent': {
        const { messageId, turnId, text, parentMessageId } = event.data
        messages.set(messageId, { role: 'user', text, parentMessageId })
        turns.set(turnId, { messageId, askedBy: event })
        break
      }
      case 'ResponseRequested':
        turns.set(event.data.turnId, { messageId: event.data.parentMessageId, askedBy: event })
        break
      case 'IntentRouted':
        agents.set(event.data.turnId, event.data.agent)
        break
      case 'ResponseCompleted':
        messages.set(event.data.messageId, answerOf(event.data.text, event.data.turnId))
        break
      case 'ResponseFailed':
      case 'ResponseStopped':
        messages.set(responseMessageIdOf(event.data.turnId), answerOf(event.data.partialText, event.data.turnId))
        break
    }
  }

  function answerOf(text: string, turnId: string): KnownMessage {
    const agent = agents.get(turnId)
    return {
      role: 'assistant',
      text,
      parentMessageId: turns.get(turnId)?.messageId,
      ...(agent !== undefined && isAgentName(agent) && { agent }),
    }
  }

  function asked(turnId: string): Asked | undefined {
    const turn = turns.get(turnId)
    const message = turn === undefined ? undefined : messages.get(turn.messageId)
    if (turn === undefined || message === undefined) return undefined
    const chain = chainTo(message.parentMessageId, messages)
    return {
      messageId: turn.messageId,
      question: message.text,
      ...chosenIn(turn.askedBy),
      askedBy: turn.askedBy,
      history: chain.filter(({ text }) => text !== ''),
      // A person's message is never blank: an empty one is one that was erased.
      isErased: [message, ...chain].some(({ role, text }) => role === 'user' && text === ''),
    }
  }

  return { apply, asked }
}

function chosenIn(asking: RecordedEvent): Pick<Asked, 'chosenIntent'> {
  const isAsking = asking.type === 'ResponseRequested' || asking.type === 'MessageSent'
  const intent = isAsking ? asking.data.intent : undefined
  return isIntent(intent) ? { chosenIntent: intent } : {}
}

/** Walks from a message to its ancestors: a branch remembers only what led to it. */
function chainTo(messageId: string | undefined, messages: ReadonlyMap<string, KnownMessage>): PastMessage[] {
  const chain: PastMessage[] = []
  let next = messageId
  while (next !== undefined && chain.length < HISTORY_MESSAGES_MAX) {
    const message: KnownMessage | undefined = messages.get(next)
    if (message === undefined) break
    const { parentMessageId, ...past } = message
    chain.unshift(past)
    next = parentMessageId
  }
  return chain
}
