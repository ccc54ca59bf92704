/** What happens in a conversation while it happens: facts of the record, and between them the deltas of an answer. */
import type { AnswerAttachment } from './conversation-events.ts'

export type LiveFact =
  | {
      readonly type: 'message.sent'
      readonly turnId: string
      readonly messageId: string
      readonly text: string
      readonly parentMessageId?: string
    }
  | {
      readonly type: 'intent.routed'
      readonly turnId: string
      readonly intent: string
      readonly agent: string
      readonly method: string
      readonly confidence: number
    }
  | {
      readonly type: 'tool.started'
      readonly turnId: string
      readonly tool: string
      /** Counts 1, 2, 3 … in the answer; its `tool.finished` has the same. */
      readonly call: number
    }
  | {
      readonly type: 'tool.finished'
      readonly turnId: string
      readonly tool: string
      readonly call: number
      readonly outcome: string
      readonly tookMs: number
    }
  | DeltaFact
  | TerminalFact

export interface DeltaFact {
  readonly type: 'response.delta'
  readonly turnId: string
  /** Counts 1, 2, 3 … without gaps. */
  readonly delta: number
  readonly text: string
}

/** A turn ends in exactly one of these. */
export type TerminalFact =
  | {
      readonly type: 'response.completed'
      readonly turnId: string
      readonly messageId: string
      readonly text: string
      readonly agent: string
      readonly model: { readonly provider: string; readonly id: string }
      /** The models that were to write this answer and did not; absent when none. */
      readonly insteadOf?: readonly { readonly provider: string; readonly id: string; readonly code: string }[]
      /** What the answer holds besides text; absent when nothing. */
      readonly attachments?: readonly (Omit<AnswerAttachment, 'reference'> & { readonly attachmentId: string })[]
      readonly finishReason: string
      readonly usage: {
        readonly inputTokens: number
        readonly outputTokens: number
        readonly isEstimated?: boolean | undefined
      }
      readonly position: string
    }
  | {
      readonly type: 'response.failed'
      readonly turnId: string
      readonly code: string
      readonly partialText: string
      readonly position: string
    }
  | {
      readonly type: 'response.stopped'
      readonly turnId: string
      readonly partialText: string
      readonly position: string
    }

export function isTerminal(fact: LiveFact): fact is TerminalFact {
  return fact.type === 'response.completed' || fact.type === 'response.failed' || fact.type === 'response.stopped'
}
