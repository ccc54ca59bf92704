/** One row for each turn: opened by a message or a wish for another answer, routed, and ended exactly once. */
import type { RecordedEvent } from '../events/codec.ts'
import type { DataOf } from '../events/conversation-events.ts'
import { responseMessageIdOf } from '../events/stream-names.ts'
import type { Projector } from './projector.ts'
import { type StoredTurn, turnModel } from './turn-read-model.ts'

export const turnProjector: Projector<StoredTurn> = {
  model: turnModel,

  rowNameOf(event) {
    switch (event.type) {
      case 'MessageSent':
      case 'ResponseRequested':
      case 'IntentRouted':
      case 'ResponseCompleted':
      case 'ResponseFailed':
      case 'ResponseStopped':
        return event.data.turnId
      default:
        return undefined
    }
  },

  isFirst: (event) => event.type === 'MessageSent' || event.type === 'ResponseRequested',

  project(row, event, { conversation }) {
    switch (event.type) {
      case 'MessageSent': {
        const { messageId, turnId, channel, parentMessageId = null } = event.data
        return { ...opened(event, conversation, turnId), messageId, parentMessageId, channel, isRegeneration: false }
      }
      case 'ResponseRequested': {
        const { parentMessageId: messageId, turnId } = event.data
        const turn = opened(event, conversation, turnId)
        return { ...turn, messageId, parentMessageId: null, channel: null, isRegeneration: true }
      }
      case 'IntentRouted': {
        const { intent, method, confidence, agent } = event.data
        return row && { ...row, intent, method, confidence, agent, routedAt: event.envelope.occurredAt }
      }
      case 'ResponseCompleted':
        return row && { ...row, ...ended(event), ...completed(event.data) }
      case 'ResponseFailed': {
        const { code, retryable } = event.data
        const failure = { status: 'failed', failureCode: code, failureIsRetryable: retryable } as const
        return row && { ...row, ...ended(event), ...worked(event.data), ...failure }
      }
      case 'ResponseStopped':
        return row && { ...row, ...ended(event), ...worked(event.data), status: 'stopped', stoppedBy: event.data.by }
      default:
        return row
    }
  },
}

type Opened = Omit<StoredTurn, 'messageId' | 'parentMessageId' | 'channel' | 'isRegeneration'>

function opened(
  event: RecordedEvent,
  { conversationId, ownerId }: { conversationId: string; ownerId: string },
  turnId: string,
): Opened {
  return {
    conversationId,
    turnId,
    ownerId,
    responseMessageId: responseMessageIdOf(turnId),
    status: 'open',
    intent: null,
    method: null,
    confidence: null,
    agent: null,
    modelProvider: null,
    modelId: null,
    insteadOf: null,
    finishReason: null,
    failureCode: null,
    failureIsRetryable: null,
    stoppedBy: null,
    askedAt: event.envelope.occurredAt,
    routedAt: null,
    endedAt: null,
    firstTokenMs: null,
    totalMs: null,
    inputTokens: null,
    outputTokens: null,
    usageIsEstimated: null,
    toolNames: null,
    askedPosition: event.position,
    endedPosition: null,
  }
}

function ended(event: RecordedEvent): Pick<StoredTurn, 'endedAt' | 'endedPosition'> {
  return { endedAt: event.envelope.occurredAt, endedPosition: event.position }
}

function completed(data: DataOf<'ResponseCompleted'>): Partial<StoredTurn> {
  return {
    status: 'completed',
    agent: data.agent,
    ...worked(data),
    insteadOf: data.insteadOf ?? null,
    finishReason: data.finishReason,
    firstTokenMs: data.firstTokenMs,
    totalMs: data.totalMs,
  }
}

/** What an answer has taken, however it ended; events before these fields existed say nothing of it. */
function worked({ model, usage, toolCalls }: Partial<DataOf<'ResponseCompleted'>>): Partial<StoredTurn> {
  return {
    modelProvider: model?.provider ?? null,
    modelId: model?.id ?? null,
    inputTokens: usage?.inputTokens ?? null,
    outputTokens: usage?.outputTokens ?? null,
    usageIsEstimated: usage?.isEstimated ?? null,
    toolNames: toolCalls?.map(({ name }) => name) ?? null,
  }
}
