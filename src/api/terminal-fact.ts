/** Tells how a turn ended as the read models know it: for turns that nobody remembers live. */
import type { TerminalFact } from '../events/live-facts.ts'
import type { TurnRow } from '../projections/query-types.ts'

export function terminalFactOf(turn: TurnRow): TerminalFact {
  const { turnId, text } = turn
  const position = String(turn.endedPosition ?? 0)
  if (turn.status === 'stopped') return { type: 'response.stopped', turnId, partialText: text, position }
  if (turn.status !== 'completed') {
    return {
      type: 'response.failed',
      turnId,
      code: turn.failureCode ?? 'answering-failed',
      partialText: text,
      position,
    }
  }
  return {
    type: 'response.completed',
    turnId,
    messageId: turn.responseMessageId,
    text,
    agent: turn.agent ?? '',
    model: turn.model ?? { provider: '', id: '' },
    ...(turn.insteadOf && { insteadOf: turn.insteadOf }),
    finishReason: turn.finishReason ?? 'other',
    usage: turn.usage ?? { inputTokens: 0, outputTokens: 0 },
    position,
  }
}
