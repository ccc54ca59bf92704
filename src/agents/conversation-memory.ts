/** Chooses how much of a conversation a model gets to read: the newest messages that fit the agent's budget. */
import type { AgentLimits } from './agent-catalogue.ts'
import { estimateTokens, type ModelMessage } from './language-model.ts'

/**
 * Returns the newest messages, oldest first, within the agent's count and token budget (estimated). The last message is
 * always among them, whatever its length: it is the question.
 */
export function recentMessages(messages: readonly ModelMessage[], limits: AgentLimits): ModelMessage[] {
  const recent: ModelMessage[] = []
  let tokens = 0
  for (const message of messages.toReversed()) {
    tokens += estimateTokens(message.text)
    const isOver = recent.length >= limits.historyMessagesMax || tokens > limits.historyTokensMax
    if (isOver && recent.length > 0) break
    recent.unshift(message)
  }
  return recent
}
