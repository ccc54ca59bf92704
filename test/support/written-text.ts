/** Publishes an answer as a responder does: what is new in its text is the next delta. */
import type { LiveAnswers } from '../../src/reactors/live-answers.ts'

export function publishText(live: LiveAnswers, conversationId: string, turnId: string, text: string): void {
  const written = live.textOf(turnId)
  if (text.length <= written.length || !text.startsWith(written)) return
  const last = live.inFlight(conversationId).find((turn) => turn.turnId === turnId)?.lastDelta ?? 0
  live.publish(conversationId, { type: 'response.delta', turnId, delta: last + 1, text: text.slice(written.length) })
}
