/** Chooses how much a model gets to read: of the conversation, and of what tools found, the newest that fits a budget. */
import type { AgentLimits } from './agent-catalogue.ts'
import { estimateTokens, type ModelMessage, type ToolResultPart, type ToolRound } from './language-model.ts'

/** What all results of tools in one answer may take together. */
export const TOOL_RESULTS_TOKENS_MAX = 12_000
/** Less of a long message or result is not worth reading: it is left out. */
const PIECE_TOKENS_MIN = 100
/** What a note about something left out takes, at most. */
const NOTE_TOKENS = 40

const LEFT_OUT = '\n[… The rest of this message is left out here, since it is long.]'
const RESULT_CUT = 'Cut: the whole result is longer than what can be read at once.'
const RESULT_LEFT_OUT = {
  note: 'This result is left out, being older than others; call the tool again if you need it.',
}

/**
 * Returns the newest messages, oldest first, within the agent's count and token budget (estimated). The last message is
 * the question and always among them, whole. The message that does not fit any more is there with its beginning, when enough of
 * it fits: what somebody pasted before they asked about it is not forgotten.
 */
export function recentMessages(messages: readonly ModelMessage[], limits: AgentLimits): ModelMessage[] {
  const question = messages.at(-1)
  if (question === undefined) return []
  const recent = [question]
  let tokensLeft = limits.historyTokensMax - estimateTokens(question.text)
  for (const message of messages.slice(0, -1).toReversed()) {
    if (recent.length >= limits.historyMessagesMax) break
    const tokens = estimateTokens(message.text)
    if (tokens > tokensLeft) {
      const piece = tokensLeft - NOTE_TOKENS
      if (piece >= PIECE_TOKENS_MIN)
        recent.unshift({
          ...message,
          text: beginningWithin(message.text, (text) => estimateTokens(text) <= piece) + LEFT_OUT,
        })
      break
    }
    tokensLeft -= tokens
    recent.unshift(message)
  }
  return recent
}

/**
 * Returns all rounds, since every call needs its result, with results that fit the budget together (estimated): those of the newest
 * round first. Within a round short ones stay whole and long ones share what is left.
 */
export function recentResults(rounds: readonly ToolRound[], tokensMax = TOOL_RESULTS_TOKENS_MAX): ToolRound[] {
  let tokensLeft = tokensMax
  const newestFirst = rounds.toReversed().map((round) => {
    const results = [...round.results]
    const sizes = results.map(({ result }) => estimateTokens(JSON.stringify(result) ?? ''))
    const shortFirst = sizes.map((_size, index) => index).sort((one, other) => (sizes[one] ?? 0) - (sizes[other] ?? 0))
    for (const [taken, index] of shortFirst.entries()) {
      const share = Math.floor(tokensLeft / (results.length - taken))
      const kept = resultWithin(results[index] as ToolResultPart, sizes[index] ?? 0, share)
      results[index] = kept
      tokensLeft = Math.max(0, tokensLeft - estimateTokens(JSON.stringify(kept.result) ?? ''))
    }
    return { ...round, results }
  })
  return newestFirst.toReversed()
}

function resultWithin(part: ToolResultPart, tokens: number, tokensMax: number): ToolResultPart {
  if (tokens <= tokensMax) return part
  if (tokensMax < PIECE_TOKENS_MIN + NOTE_TOKENS) return { ...part, result: RESULT_LEFT_OUT }
  const cut = (beginning: string) => ({ beginning, note: RESULT_CUT })
  const isWithin = (text: string) => estimateTokens(JSON.stringify(cut(text))) <= tokensMax
  return { ...part, result: cut(beginningWithin(JSON.stringify(part.result), isWithin)) }
}

/** The longest beginning of a text that fits; never half of a pair of units. Whatever fits, so do its beginnings. */
function beginningWithin(text: string, isWithin: (beginning: string) => boolean): string {
  let [fits, tooLong] = [0, text.length + 1]
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1
    if (isWithin(text.slice(0, middle))) fits = middle
    else tooLong = middle
  }
  return text.slice(0, fits).replace(/[\ud800-\udbff]$/, '')
}
