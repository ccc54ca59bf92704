with person as (
  select owner_id, min(day) as first_day
  from emberlog.turn_fact
  group by owner_id
)
select
  day,
  count(distinct owner_id) as people,
  count(distinct owner_id) filter (where day = first_day) as new_people,
  count(distinct conversation_id) as conversations,
  count(*) as turns,
  count(*) filter (where is_regeneration) as regenerations,
  count(*) filter (where status = 'completed') as completed,
  count(*) filter (where status = 'failed') as failed,
  count(*) filter (where status = 'stopped') as stopped,
  count(*) filter (where status = 'open') as unfinished,
  coalesce(sum(input_tokens), 0)::bigint as input_tokens,
  coalesce(sum(output_tokens), 0)::bigint as output_tokens,
  count(input_tokens) - count(cost_usd) as unpriced_turns,
  -- A sum that leaves something out would look like a cost.
  case when count(input_tokens) = count(cost_usd) then coalesce(sum(cost_usd), 0) end as cost_usd
from emberlog.turn_fact
  join person using (owner_id)
group by day
