/** The facts that analysts and their tools join: one row for each thing that happened, without anybody's words. */
import { type AnalyticsView, columnOf, keyColumns } from './analytics-view.ts'

const intentColumn = columnOf('text', 'What the router took the message to be about; null before it was routed.')
const methodColumn = columnOf(
  'text',
  'How the router decided: override, continuation, rule, model, llm, fallback or guard.',
)
const confidenceColumn = columnOf('double precision', 'How sure the router was, 0 to 1.')
const correctedColumn = columnOf(
  'text',
  'What it was really about, as a person said last; null when nobody did, other when that is none of our intents.',
)
const ratingColumn = columnOf('text', 'What the person thinks of the answer now: up or down; null when not rated.')

const turnView: AnalyticsView = {
  name: 'turn',
  about: 'One row for each turn: a question, or the wish for another answer, and how it ended. The fact table.',
  key: ['asked_at', 'asked_position'],
  columns: {
    turn_key: keyColumns.turn,
    conversation_key: keyColumns.conversation,
    person_key: keyColumns.person,
    kind: columnOf('text', 'The kind of conversation, such as ember_chat or ember_learn.'),
    channel: columnOf('text', 'Where the message came in: socket, rest or cli; null for another answer.'),
    is_regeneration: columnOf('boolean', 'True when it is another answer to a message that had one.'),
    status: columnOf('text', 'open until its end; then completed, failed or stopped.'),
    intent: intentColumn,
    method: methodColumn,
    confidence: confidenceColumn,
    agent: columnOf('text', 'The agent that answers or answered.'),
    corrected_intent: correctedColumn,
    rating: ratingColumn,
    model_provider: columnOf('text', 'Who runs the language model that answered.'),
    model_id: columnOf('text', 'The language model that answered.'),
    finish_reason: columnOf(
      'text',
      'Why the model ended: stop, length, content-filter, tool-calls, error or other; null unless completed.',
    ),
    failure_code: columnOf('text', 'Why the turn failed; null unless it did.'),
    failure_is_retryable: columnOf('boolean', 'True when asking again may help; null unless the turn failed.'),
    asked_at: columnOf('timestamptz', 'When the message, or the wish for another answer, was recorded.'),
    routed_at: columnOf('timestamptz', 'When the router had decided.'),
    ended_at: columnOf('timestamptz', 'When the turn ended.'),
    first_token_ms: columnOf('double precision', 'Milliseconds until the first words of the answer.'),
    total_ms: columnOf('double precision', 'Milliseconds until the answer was complete.'),
    input_tokens: columnOf('integer', 'Tokens that the model read.'),
    output_tokens: columnOf('integer', 'Tokens that the model wrote.'),
    cost_usd: columnOf('numeric', 'What the tokens cost in US dollars, by analytics.model_price; null when not known.'),
    tool_call_count: columnOf('integer', 'How many tools were called; null unless completed.'),
    asked_position: columnOf('bigint', 'The position in the log of the event that opened the turn; unique.'),
    ended_position: columnOf('bigint', 'The position in the log of the event that ended the turn.'),
  },
}

const conversationView: AnalyticsView = {
  name: 'conversation',
  about: 'One row for each kept conversation, deleted ones included.',
  key: ['created_at', 'conversation_key'],
  columns: {
    conversation_key: keyColumns.conversation,
    person_key: keyColumns.person,
    kind: columnOf('text', 'What it is for, such as ember_chat, ember_learn or image.'),
    is_archived: columnOf('boolean', 'True when the person has put it away.'),
    is_deleted: columnOf('boolean', 'True when the person has deleted it.'),
    message_count: columnOf('integer', 'Messages of the person and of the assistant together.'),
    created_at: columnOf('timestamptz', 'When it was started.'),
    updated_at: columnOf('timestamptz', 'When something was last said in it.'),
  },
}

const messageView: AnalyticsView = {
  name: 'message',
  about: 'One row for each message of a person and each ended answer, by its length and not its words.',
  key: ['created_at', 'position'],
  columns: {
    turn_key: keyColumns.turn,
    conversation_key: keyColumns.conversation,
    person_key: keyColumns.person,
    role: columnOf('text', 'Who speaks: user or assistant.'),
    status: columnOf('text', 'sent for a person; completed, failed or stopped for an answer.'),
    language: columnOf('text', 'The language that the text was taken for; simple when it is not known.'),
    characters: columnOf('integer', 'How long the text is.'),
    rating: ratingColumn,
    created_at: columnOf('timestamptz', 'When it was sent, or when the answer ended.'),
    position: columnOf('bigint', 'The position of its event in the whole log; unique.'),
  },
}

const routingDecisionView: AnalyticsView = {
  name: 'routing_decision',
  about: 'One row for each routed turn: the decision and the runner-up, without the words that spoke for it.',
  key: ['asked_at', 'asked_position'],
  columns: {
    turn_key: keyColumns.turn,
    conversation_key: keyColumns.conversation,
    person_key: keyColumns.person,
    intent: columnOf('text', 'What the message was taken to be about.'),
    agent: columnOf('text', 'The agent it was given to.'),
    method: methodColumn,
    confidence: confidenceColumn,
    second_intent: columnOf('text', 'The second of the candidates; null when there was one only.'),
    second_probability: columnOf('double precision', 'How probable the second candidate was, 0 to 1.'),
    guard: columnOf('text', 'What the rules said that guard people.'),
    router_version: columnOf('text', 'The version of the router that decided.'),
    took_ms: columnOf('double precision', 'Milliseconds that the decision took.'),
    routed_at: columnOf('timestamptz', 'When it was decided.'),
    corrected_intent: correctedColumn,
    corrected_at: columnOf('timestamptz', 'When it was last corrected.'),
    asked_at: columnOf('timestamptz', 'When the turn was asked.'),
    asked_position: columnOf('bigint', 'The position in the log of the event that opened the turn; unique.'),
  },
}

const feedbackView: AnalyticsView = {
  name: 'feedback',
  about: 'One row for each time somebody rated an answer or corrected an intent, changes of mind included.',
  key: ['given_at', 'position'],
  columns: {
    turn_key: columnOf('uuid', 'The turn it is about, under its pseudonym; null when the answer is not known.'),
    conversation_key: keyColumns.conversation,
    person_key: keyColumns.person,
    kind: columnOf('text', 'rating of an answer, or correction of an intent.'),
    rating: columnOf('text', 'up or down; null for a correction, and when a rating was taken back.'),
    intent: columnOf('text', 'What the message was really about; null for a rating, other when it is none of ours.'),
    given_at: columnOf('timestamptz', 'When it was given.'),
    position: columnOf('bigint', 'The position of its event in the whole log; unique.'),
  },
}

export const factViews: readonly AnalyticsView[] = [
  turnView,
  conversationView,
  messageView,
  routingDecisionView,
  feedbackView,
]
