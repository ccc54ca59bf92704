select
  day,
  coalesce(agent, 'all') as agent,
  coalesce(model_provider, 'all') as model_provider,
  coalesce(model_id, 'all') as model_id,
  count(*) as turns,
  percentile_disc(0.5) within group (order by first_token_ms) as first_token_ms_p50,
  percentile_disc(0.9) within group (order by first_token_ms) as first_token_ms_p90,
  percentile_disc(0.95) within group (order by first_token_ms) as first_token_ms_p95,
  percentile_disc(0.99) within group (order by first_token_ms) as first_token_ms_p99,
  percentile_disc(0.5) within group (order by total_ms) as total_ms_p50,
  percentile_disc(0.9) within group (order by total_ms) as total_ms_p90,
  percentile_disc(0.95) within group (order by total_ms) as total_ms_p95,
  percentile_disc(0.99) within group (order by total_ms) as total_ms_p99
from emberlog.turn_fact
where status = 'completed'
group by grouping sets ((day), (day, agent), (day, model_provider, model_id))
