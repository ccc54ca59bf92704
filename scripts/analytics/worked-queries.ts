/** Ten questions that analysts ask, and how they are asked; the page of their answers is made from a sample record. */

export interface WorkedQuery {
  readonly question: string
  readonly note: string
  readonly sql: string
}

export const workedQueries: readonly WorkedQuery[] = [
  {
    question: 'How many people ask, and how much, each week?',
    note: 'People are counted once a week, so they are counted over the facts and not added up from days.',
    sql: `select date_trunc('week', asked_at, 'UTC')::date as week, count(distinct person_key) as people,
  count(distinct conversation_key) as conversations, count(*) as turns,
  round(count(*)::numeric / count(distinct person_key), 1) as turns_per_person
from analytics.turn
group by week
order by week;`,
  },
  {
    question: 'What do people ask about, and are they content?',
    note: 'Summaries by day add up, as long as it is counts that are added.',
    sql: `select intent, sum(turns) as turns,
  round(100 * sum(turns) / sum(sum(turns)) over (), 1) as percent, sum(rated_up) as rated_up, sum(rated_down) as rated_down
from analytics.daily_intent
group by intent
order by turns desc;`,
  },
  {
    question: 'Which intents are mistaken for which?',
    note: 'Only what people corrected is known. A high confidence on a mistaken route is a reason to look at the training data.',
    sql: `select intent, corrected_intent, method, sum(turns) as turns,
  round((sum(mean_confidence * turns) / sum(turns))::numeric, 2) as mean_confidence
from analytics.daily_misroute
group by intent, corrected_intent, method
order by turns desc, intent, method;`,
  },
  {
    question: 'How often does the router fall back, and is it getting better?',
    note: 'Rates are made of counts again: an average of daily rates would weigh a quiet day like a busy one.',
    sql: `select date_trunc('week', day::timestamp)::date as week, sum(routed) as routed, sum(by_fallback) as by_fallback,
  round(100 * sum(by_fallback) / sum(routed), 1) as fallback_percent,
  round(100 * sum(corrected) / sum(routed), 1) as corrected_percent
from analytics.daily_routing
group by week
order by week;`,
  },
  {
    question: 'Is the router as sure as it is right?',
    note: 'Facts allow what no summary foresaw: here, corrections by how confident the decision was.',
    sql: `select (width_bucket(confidence, 0, 1, 10) / 10.0)::numeric(2, 1) as confidence_up_to, count(*) as turns,
  count(*) filter (where corrected_intent <> intent) as corrected,
  round(100.0 * count(*) filter (where corrected_intent <> intent) / count(*), 1) as percent
from analytics.routing_decision
group by 1
order by 1;`,
  },
  {
    question: 'How long do people wait, by agent?',
    note: 'Percentiles cannot be added up: over several days they are computed from the facts.',
    sql: `select agent, count(*) as turns,
  percentile_disc(0.5) within group (order by first_token_ms) as first_token_p50,
  percentile_disc(0.95) within group (order by first_token_ms) as first_token_p95,
  percentile_disc(0.5) within group (order by total_ms) as total_p50,
  percentile_disc(0.95) within group (order by total_ms) as total_p95
from analytics.turn
where status = 'completed'
  and asked_at >= '2026-11-16T00:00:00Z'
group by agent
order by total_p95 desc;`,
  },
  {
    question: 'What does it cost, by model?',
    note: 'An operator has entered a price for one of the two hosted models; what the other one costs is not known, and is not 0.',
    sql: `select model_provider, model_id, sum(turns) as turns, sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
  case when sum(unpriced_turns) = 0 then round(sum(cost_usd), 4) end as cost_usd, sum(unpriced_turns) as unpriced_turns
from analytics.daily_model_usage
group by model_provider, model_id
order by model_provider, model_id;`,
  },
  {
    question: 'Do people come back?',
    note: 'One line for each week in which people first came, one column for each week since.',
    sql: `select cohort_week, max(cohort_people) as people,
  round(100 * max(retention) filter (where week_number = 1)) as week_1_percent,
  round(100 * max(retention) filter (where week_number = 2)) as week_2_percent,
  round(100 * max(retention) filter (where week_number = 3)) as week_3_percent
from analytics.weekly_retention
group by cohort_week
order by cohort_week;`,
  },
  {
    question: 'Who are the most active people?',
    note: 'Pseudonyms are the same in every view, so a person can be followed without being known.',
    sql: `select person_key, count(*) as turns, count(distinct conversation_key) as conversations,
  mode() within group (order by intent) as mostly_about, max(asked_at)::date as last_day
from analytics.turn
group by person_key
order by turns desc, person_key
limit 5;`,
  },
  {
    question: 'What did the figures say in the evening of November 3rd?',
    note: 'Corrections and ratings came later; then, the turns of that day stood like this. The answer is the same whenever it is asked.',
    sql: `select 'then' as seen, day, turns, completed, unfinished, corrected, rated_up, rated_down
from analytics.usage_as_of('2026-11-03T17:00:00Z')
union all
select 'now', day, turns, completed, unfinished, corrected, rated_up, rated_down
from analytics.usage_as_of('infinity')
where day <= '2026-11-03'
order by day, seen desc;`,
  },
]
