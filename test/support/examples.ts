/** Example data ("controls"): a test spells out only the value that matters, the rest comes from here. */
import type { ConversationEvent, DataOf } from '../../src/events/conversation-events.ts'
import type { Envelope } from '../../src/events/envelope.ts'
import type { ProjectEvent } from '../../src/events/project-events.ts'
import {
  conversationIdOf,
  conversationStream,
  factIdOf,
  projectIdOf,
  responseMessageIdOf,
  turnIdOf,
  userStream,
} from '../../src/events/stream-names.ts'
import type { UserEvent } from '../../src/events/user-events.ts'

export const ownerId = 'ada'
export const clientConversationId = 'ember-chat-ada'
export const conversationId = conversationIdOf(ownerId, clientConversationId)
export const stream = conversationStream(conversationId)

export const personStream = userStream(ownerId)

/** The turn that a message with this id opens in the example conversation. */
export const turnOf = (messageId: string) => turnIdOf(conversationId, messageId)
export const answerOf = (messageId: string) => responseMessageIdOf(turnOf(messageId))

export function started(changes: Partial<DataOf<'ConversationStarted'>> = {}): ConversationEvent {
  const data = { conversationId, clientConversationId, ownerId, kind: 'ember_chat', retention: 'kept' } as const
  return { type: 'ConversationStarted', data: { ...data, ...changes } }
}

export function sent(messageId = 'm1', changes: Partial<DataOf<'MessageSent'>> = {}): ConversationEvent {
  const data = {
    messageId,
    turnId: turnOf(messageId),
    text: 'What is RAG in AI?',
    attachments: [],
    channel: 'socket',
  } as const
  return { type: 'MessageSent', data: { ...data, attachments: [], ...changes } }
}

export function routed(messageId = 'm1', changes: Partial<DataOf<'IntentRouted'>> = {}): ConversationEvent {
  return {
    type: 'IntentRouted',
    data: {
      turnId: turnOf(messageId),
      intent: 'learning',
      agent: 'learning',
      method: 'model',
      confidence: 0.97,
      candidates: [
        { intent: 'learning', probability: 0.97 },
        { intent: 'support', probability: 0.03 },
      ],
      rules: [],
      evidence: [{ kind: 'feature', name: 'what is', weight: 1.5 }],
      context: { messages: 0, agent: null, agentProbability: 1, isAsked: false },
      guard: 'clear',
      routerVersion: '1+sha256:0123456789ab',
      tookMs: 0.4,
      ...changes,
    },
  }
}

export function completed(messageId = 'm1', changes: Partial<DataOf<'ResponseCompleted'>> = {}): ConversationEvent {
  return {
    type: 'ResponseCompleted',
    data: {
      turnId: turnOf(messageId),
      messageId: answerOf(messageId),
      parentMessageId: messageId,
      text: 'Retrieval-augmented generation lets a model look things up before it answers.',
      agent: 'learning',
      model: { provider: 'offline', id: 'emberlog-knowledge-1' },
      finishReason: 'stop',
      toolCalls: [],
      citations: [
        { entryId: 'rag', title: 'Retrieval-augmented generation', source: 'https://arxiv.org/abs/2005.11401' },
      ],
      attachments: [],
      usage: { inputTokens: 5, outputTokens: 18 },
      firstTokenMs: 3,
      totalMs: 40,
      ...changes,
    },
  }
}

export function failed(messageId = 'm1', changes: Partial<DataOf<'ResponseFailed'>> = {}): ConversationEvent {
  const data = { turnId: turnOf(messageId), code: 'model-timeout', partialText: 'Retrieval-', retryable: true }
  return { type: 'ResponseFailed', data: { ...data, ...changes } }
}

export function stopped(messageId = 'm1', changes: Partial<DataOf<'ResponseStopped'>> = {}): ConversationEvent {
  const data = { turnId: turnOf(messageId), partialText: 'Retrieval-', by: ownerId }
  return { type: 'ResponseStopped', data: { ...data, ...changes } }
}

export const AGAIN_TURN_ID = '0199d0a0-0000-7000-8000-000000000001'

export function requested(messageId = 'm1', turnId = AGAIN_TURN_ID, intent?: string): ConversationEvent {
  return { type: 'ResponseRequested', data: { turnId, parentMessageId: messageId, ...(intent && { intent }) } }
}

export function rated(messageId: string = answerOf('m1'), rating: 'up' | 'down' | 'none' = 'up'): ConversationEvent {
  return { type: 'ResponseRated', data: { messageId, rating } }
}

export const corrected = (messageId = 'm1', intent = 'support'): ConversationEvent => ({
  type: 'IntentCorrected',
  data: { turnId: turnOf(messageId), intent, by: ownerId },
})

/** What an analyst says a message was about. */
export const correctedByAnalyst = (messageId = 'm1', intent = 'profile'): ConversationEvent => ({
  type: 'IntentCorrected',
  data: { turnId: turnOf(messageId), intent, by: 'ann', as: 'analyst' },
})
export const renamed = (title = 'About retrieval'): ConversationEvent => ({
  type: 'ConversationRenamed',
  data: { title },
})
export const archived = (): ConversationEvent => ({ type: 'ConversationArchived', data: {} })
export const unarchived = (): ConversationEvent => ({ type: 'ConversationUnarchived', data: {} })
export const deleted = (): ConversationEvent => ({ type: 'ConversationDeleted', data: {} })
export const restored = (): ConversationEvent => ({ type: 'ConversationRestored', data: {} })

/** "I like hiking", said in the example conversation. */
export function noted(changes: Partial<UserEventDataOf<'ProfileFactNoted'>> = {}): Of<'ProfileFactNoted'> {
  const span = changes.span ?? { from: 0, to: 13 }
  const sourceTurnId = changes.sourceTurnId ?? turnOf('m1')
  const said = {
    ownerId,
    factId: factIdOf(sourceTurnId, span),
    sourceTurnId,
    sourceConversationId: conversationId,
    span,
  }
  return { type: 'ProfileFactNoted', data: { ...said, kind: 'interest', value: 'hiking', ...changes } }
}

export const removed = (factId: string = noted().data.factId): UserEvent => ({
  type: 'ProfileFactRemoved',
  data: { ownerId, factId },
})

export const projectId = projectIdOf(turnOf('m1'))

export function drafted(changes: Partial<ProjectDataOf<'ProjectDrafted'>> = {}): ProjectEvent {
  const source = { sourceTurnId: turnOf('m1'), sourceConversationId: conversationId }
  const data = { ownerId, projectId, title: 'Handbook bot', ownership: 'own', ...source } as const
  return { type: 'ProjectDrafted', data: { ...data, ...changes } }
}

export const noteAdded = (note = 'It answers questions', turnId: string = turnOf('m1')): ProjectEvent => ({
  type: 'ProjectNoteAdded',
  data: { ownerId, projectId, note, sourceTurnId: turnId },
})

export const ownershipStated = (ownership: 'own' | 'reference', sourceTurnId: string | null = null): ProjectEvent => ({
  type: 'ProjectOwnershipStated',
  data: { ownerId, projectId, ownership, sourceTurnId },
})

export const projectRenamed = (title = 'Answers'): ProjectEvent => ({
  type: 'ProjectRenamed',
  data: { ownerId, projectId, title },
})
export const shared = (): ProjectEvent => ({ type: 'ProjectShared', data: { ownerId, projectId } })
export const unshared = (): ProjectEvent => ({ type: 'ProjectUnshared', data: { ownerId, projectId } })
export const projectRemoved = (): ProjectEvent => ({ type: 'ProjectRemoved', data: { ownerId, projectId } })

type ProjectDataOf<Type extends ProjectEvent['type']> = Extract<ProjectEvent, { type: Type }>['data']
type Of<Type extends UserEvent['type']> = Extract<UserEvent, { type: Type }>
type UserEventDataOf<Type extends UserEvent['type']> = Of<Type>['data']

export function envelope(changes: Partial<Envelope> = {}): Envelope {
  return {
    schemaVersion: 1,
    occurredAt: '2026-11-23T19:00:00.000Z',
    actor: { kind: 'user', id: ownerId },
    $correlationId: turnOf('m1'),
    $causationId: 'message:m1',
    commandId: 'message:m1',
    ...changes,
  }
}
