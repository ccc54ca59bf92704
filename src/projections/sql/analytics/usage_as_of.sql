create function analytics.usage_as_of(at timestamptz, since timestamptz default '-infinity')
returns table (
  day date,
  people bigint,
  conversations bigint,
  turns bigint,
  completed bigint,
  failed bigint,
  stopped bigint,
  unfinished bigint,
  corrected bigint,
  rated_up bigint,
  rated_down bigint,
  input_tokens bigint,
  output_tokens bigint,
  cost_usd numeric
)
language sql stable parallel safe
as $$
  select
    (turn.asked_at at time zone 'UTC')::date as day,
    count(distinct turn.person_key),
    count(distinct turn.conversation_key),
    count(*),
    count(*) filter (where turn.status = 'completed'),
    count(*) filter (where turn.status = 'failed'),
    count(*) filter (where turn.status = 'stopped'),
    count(*) filter (where turn.status = 'open'),
    count(*) filter (where turn.corrected_intent <> turn.intent),
    count(*) filter (where turn.rating = 'up'),
    count(*) filter (where turn.rating = 'down'),
    coalesce(sum(turn.input_tokens), 0)::bigint,
    coalesce(sum(turn.output_tokens), 0)::bigint,
    case when count(turn.input_tokens) = count(turn.cost_usd) then coalesce(sum(turn.cost_usd), 0) end
  from analytics.turns_as_of(at, since) as turn
  group by day
  order by day
$$;
