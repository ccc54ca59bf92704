select
  day,
  model_provider,
  model_id,
  count(*) as turns,
  sum(input_tokens)::bigint as input_tokens,
  sum(output_tokens)::bigint as output_tokens,
  count(*) - count(cost_usd) as unpriced_turns,
  case when count(*) = count(cost_usd) then sum(cost_usd) end as cost_usd
from emberlog.turn_fact
where input_tokens is not null
group by day, model_provider, model_id
