/** What sockets need to know of answers while they are written; `main` fills this port, from whichever place writes them. */

/** What happens in one conversation, in order: per turn sent, routed, deltas without gaps, then exactly one terminal fact. */
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
  | { readonly type: 'response.delta'; readonly turnId: string; readonly delta: number; readonly text: string }
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

export interface TurnInFlight {
  readonly turnId: string
  /** The number of the last delta written so far; 0 before the first. */
  readonly lastDelta: number
}

export interface LiveConversations {
  /** Tells the listener every fact from now on, in order; returns how to stop. The listener must not throw and must not block. */
  readonly listen: (conversationId: string, listener: (fact: LiveFact) => void) => () => void
  readonly inFlight: (conversationId: string) => readonly TurnInFlight[]
  /** The deltas of a turn after `lastDelta`, then its terminal fact if it has ended; undefined when the turn is not known here. */
  readonly replay: (conversationId: string, turnId: string, lastDelta: number) => readonly LiveFact[] | undefined
}
