/** What happens in a conversation while it happens: facts of the record, and between them the deltas of an answer. */

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
      readonly type: 'tool.started' | 'tool.finished'
      readonly turnId: string
      readonly tool: string
      readonly outcome?: string
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
      readonly finishReason: string
      readonly usage: { readonly inputTokens: number; readonly outputTokens: number }
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
