/** The table of turns: one row for each question and how it was answered; the fact table of analysts. */
import type { ReadModel } from './read-model.ts'

export interface StoredTurn {
  readonly conversationId: string
  readonly turnId: string
  readonly ownerId: string
  readonly messageId: string
  readonly parentMessageId: string | null
  readonly responseMessageId: string
  readonly channel: string | null
  readonly isRegeneration: boolean
  readonly status: 'open' | 'completed' | 'failed' | 'stopped'
  readonly intent: string | null
  readonly method: string | null
  readonly confidence: number | null
  readonly agent: string | null
  readonly modelProvider: string | null
  readonly modelId: string | null
  readonly insteadOf: readonly { readonly provider: string; readonly id: string; readonly code: string }[] | null
  readonly finishReason: string | null
  readonly failureCode: string | null
  readonly failureIsRetryable: boolean | null
  readonly stoppedBy: string | null
  readonly askedAt: string
  readonly routedAt: string | null
  readonly endedAt: string | null
  readonly firstTokenMs: number | null
  readonly totalMs: number | null
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  readonly usageIsEstimated: boolean | null
  readonly toolNames: readonly string[] | null
  readonly askedPosition: bigint
  readonly endedPosition: bigint | null
}

export const turnModel: ReadModel<StoredTurn> = {
  name: 'turn',
  about: 'One row for each turn: a message of a person, or the wish for another answer, and how it ended.',
  key: ['conversationId', 'turnId'],
  columns: {
    conversationId: { type: 'uuid', about: 'The conversation it belongs to.' },
    turnId: { type: 'uuid', about: "The turn's id." },
    ownerId: { type: 'text', about: 'The person whose conversation it is.' },
    messageId: { type: 'text', about: "The person's message that the turn answers." },
    parentMessageId: { type: 'text', about: 'The message that this message follows; null for the first.' },
    responseMessageId: { type: 'text', about: "The id of the assistant's message, known before it is written." },
    channel: { type: 'text', about: 'Where the message came in: socket, rest or cli; null for another answer.' },
    isRegeneration: { type: 'boolean', about: 'True when it is another answer to a message that had one.' },
    status: { type: 'text', about: 'open until its end; then completed, failed or stopped.' },
    intent: { type: 'text', about: 'What the router took the message to be about; null before it was routed.' },
    method: {
      type: 'text',
      about: 'How the router decided: override, continuation, rule, model, llm, fallback or guard.',
    },
    confidence: { type: 'double precision', about: 'How sure the router was, 0 to 1.' },
    agent: { type: 'text', about: 'The agent that answers or answered.' },
    modelProvider: { type: 'text', about: 'Who runs the language model that answered, or was to.' },
    modelId: { type: 'text', about: 'The language model that answered, or was to.' },
    insteadOf: {
      type: 'jsonb',
      about:
        'Models that were to answer and did not, in order, with the code of the reason; null when there were none.',
    },
    finishReason: {
      type: 'text',
      about: 'Why the model ended: stop, length, content-filter, tool-calls, error or other.',
    },
    failureCode: { type: 'text', about: 'Why the turn failed; null unless it did.' },
    failureIsRetryable: { type: 'boolean', about: 'True when asking again may help; null unless the turn failed.' },
    stoppedBy: { type: 'text', about: 'Who stopped the turn; null unless it was stopped.' },
    askedAt: { type: 'timestamptz', about: 'When the message, or the wish for another answer, was recorded.' },
    routedAt: { type: 'timestamptz', about: 'When the router had decided.' },
    endedAt: { type: 'timestamptz', about: 'When the turn ended.' },
    firstTokenMs: { type: 'double precision', about: 'Milliseconds until the first words of the answer.' },
    totalMs: { type: 'double precision', about: 'Milliseconds until the answer was complete.' },
    inputTokens: { type: 'integer', about: 'Tokens that the model read.' },
    outputTokens: { type: 'integer', about: 'Tokens that the model wrote.' },
    usageIsEstimated: {
      type: 'boolean',
      about: 'True when the tokens are an estimate; null while there are none, or where it was not recorded.',
    },
    toolNames: { type: 'jsonb', about: 'The tools that were called, in order, as a list of names.' },
    askedPosition: { type: 'bigint', about: 'The position in the log of the event that opened the turn.' },
    endedPosition: { type: 'bigint', about: 'The position in the log of the event that ended the turn.' },
  },
}
