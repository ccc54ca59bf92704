/** The figures that analysts look at first: facts counted by day or week. */
import { type AnalyticsColumn, type AnalyticsView, columnOf, dayColumn } from './analytics-view.ts'

const percentile = (of: string, share: string): AnalyticsColumn =>
  columnOf('double precision', `Milliseconds until ${of}: ${share} of the turns took no longer.`)

const percentiles = (name: string, of: string) => ({
  [`${name}_p50`]: percentile(of, 'half'),
  [`${name}_p90`]: percentile(of, '90 %'),
  [`${name}_p95`]: percentile(of, '95 %'),
  [`${name}_p99`]: percentile(of, '99 %'),
})

const unpricedColumn = columnOf('bigint', 'Turns with tokens whose price is not known.')
const costColumn = columnOf('numeric', 'What the tokens cost in US dollars; null as soon as one price is not known.')
const inputColumn = columnOf('bigint', 'Tokens that models read.')
const outputColumn = columnOf('bigint', 'Tokens that models wrote.')

const dailyUsageView: AnalyticsView = {
  name: 'daily_usage',
  about: 'How much was asked on each day, by how many, and how it ended.',
  key: ['day'],
  columns: {
    day: dayColumn,
    people: columnOf('bigint', 'People who asked something.'),
    new_people: columnOf('bigint', 'People who had never asked before.'),
    conversations: columnOf('bigint', 'Conversations in which something was asked.'),
    turns: columnOf('bigint', 'Turns asked, further answers included.'),
    regenerations: columnOf('bigint', 'Turns that are a further answer to a message.'),
    completed: columnOf('bigint', 'Turns that ended with a whole answer.'),
    failed: columnOf('bigint', 'Turns that failed.'),
    stopped: columnOf('bigint', 'Turns that somebody stopped.'),
    unfinished: columnOf('bigint', 'Turns without an end so far.'),
    input_tokens: inputColumn,
    output_tokens: outputColumn,
    unpriced_turns: unpricedColumn,
    cost_usd: costColumn,
  },
}

const dailyIntentView: AnalyticsView = {
  name: 'daily_intent',
  about: 'What was asked about on each day, and how well it was met.',
  key: ['day', 'intent'],
  columns: {
    day: dayColumn,
    intent: columnOf('text', 'What the router took the messages to be about; unrouted when it had not decided.'),
    turns: columnOf('bigint', 'Turns of this intent.'),
    people: columnOf('bigint', 'People who asked them.'),
    mean_confidence: columnOf('double precision', 'How sure the router was on average, 0 to 1.'),
    completed: columnOf('bigint', 'Turns that ended with a whole answer.'),
    corrected: columnOf('bigint', 'Turns that a person said were about something else.'),
    rated_up: columnOf('bigint', 'Turns whose answer is rated up.'),
    rated_down: columnOf('bigint', 'Turns whose answer is rated down.'),
  },
}

const dailyMisrouteView: AnalyticsView = {
  name: 'daily_misroute',
  about: 'Which intents were mistaken for which, as people corrected them.',
  key: ['day', 'intent', 'corrected_intent', 'method'],
  columns: {
    day: dayColumn,
    intent: columnOf('text', 'What the router took the messages to be about.'),
    corrected_intent: columnOf('text', 'What they were really about; other when that is none of our intents.'),
    method: columnOf('text', 'How the router had decided.'),
    turns: columnOf('bigint', 'Turns that were mistaken in this way.'),
    people: columnOf('bigint', 'People who asked them.'),
    mean_confidence: columnOf('double precision', 'How sure the router was on average, 0 to 1.'),
  },
}

const byMethod = (method: string) => columnOf('bigint', `Turns decided by method ${method}.`)

const dailyRoutingView: AnalyticsView = {
  name: 'daily_routing',
  about: 'How the router decided on each day, how often it fell back, and how often it was corrected.',
  key: ['day'],
  columns: {
    day: dayColumn,
    routed: columnOf('bigint', 'Turns that were routed.'),
    by_override: byMethod('override'),
    by_continuation: byMethod('continuation'),
    by_rule: byMethod('rule'),
    by_model: byMethod('model'),
    by_llm: byMethod('llm'),
    by_fallback: byMethod('fallback'),
    by_guard: byMethod('guard'),
    fallback_rate: columnOf('double precision', 'The share of routed turns that were decided by fallback, 0 to 1.'),
    corrected: columnOf('bigint', 'Turns that a person said were about something else.'),
    correction_rate: columnOf('double precision', 'The share of routed turns that were so corrected, 0 to 1.'),
    mean_confidence: columnOf('double precision', 'How sure the router was on average, 0 to 1.'),
    routing_ms_p95: columnOf('double precision', 'Milliseconds: 95 % of the decisions took no longer.'),
  },
}

const dailyLatencyView: AnalyticsView = {
  name: 'daily_latency',
  about:
    'How long people waited for whole answers on each day. Percentiles cannot be added up, so there are rows for all turns together, for each agent, and for each model, with all in the other columns.',
  key: ['day', 'agent', 'model_provider', 'model_id'],
  columns: {
    day: dayColumn,
    agent: columnOf('text', 'The agent that answered; all for every one together.'),
    model_provider: columnOf('text', 'Who runs the model that answered; all for every one together.'),
    model_id: columnOf('text', 'The model that answered; all for every one together.'),
    turns: columnOf('bigint', 'Turns that ended with a whole answer.'),
    ...percentiles('first_token_ms', 'the first words'),
    ...percentiles('total_ms', 'the whole answer'),
  },
}

const dailyModelUsageView: AnalyticsView = {
  name: 'daily_model_usage',
  about: 'Tokens and cost of each model on each day.',
  key: ['day', 'model_provider', 'model_id'],
  columns: {
    day: dayColumn,
    model_provider: columnOf('text', 'Who runs the model.'),
    model_id: columnOf('text', 'The model.'),
    turns: columnOf('bigint', 'Turns that it answered.'),
    input_tokens: inputColumn,
    output_tokens: outputColumn,
    unpriced_turns: unpricedColumn,
    cost_usd: costColumn,
  },
}

const dailyFeedbackView: AnalyticsView = {
  name: 'daily_feedback',
  about: 'What people said about answers and decisions on each day, changes of mind included.',
  key: ['day'],
  columns: {
    day: columnOf('date', 'The day on which it was said, in UTC.'),
    rated_up: columnOf('bigint', 'Times an answer was rated up.'),
    rated_down: columnOf('bigint', 'Times an answer was rated down.'),
    taken_back: columnOf('bigint', 'Times a rating was taken back.'),
    corrections: columnOf('bigint', 'Times an intent was corrected.'),
    people: columnOf('bigint', 'People whose conversations it was about.'),
  },
}

const weeklyRetentionView: AnalyticsView = {
  name: 'weekly_retention',
  about: 'Of the people who first asked in a week, how many asked again in each later week.',
  key: ['cohort_week', 'week_number'],
  columns: {
    cohort_week: columnOf('date', 'The Monday of the week in which they first asked, in UTC.'),
    week_number: columnOf('integer', 'Weeks since then: 0 is that week itself.'),
    cohort_people: columnOf('bigint', 'People who first asked in that week.'),
    people: columnOf('bigint', 'Those of them who asked something in this week.'),
    retention: columnOf('double precision', 'Their share, 0 to 1.'),
  },
}

export const summaryViews: readonly AnalyticsView[] = [
  dailyUsageView,
  dailyIntentView,
  dailyMisrouteView,
  dailyRoutingView,
  dailyLatencyView,
  dailyModelUsageView,
  dailyFeedbackView,
  weeklyRetentionView,
]
