select
  day,
  count(*) as routed,
  count(*) filter (where method = 'override') as by_override,
  count(*) filter (where method = 'continuation') as by_continuation,
  count(*) filter (where method = 'rule') as by_rule,
  count(*) filter (where method = 'model') as by_model,
  count(*) filter (where method = 'llm') as by_llm,
  count(*) filter (where method = 'fallback') as by_fallback,
  count(*) filter (where method = 'guard') as by_guard,
  count(*) filter (where method = 'fallback')::double precision / count(*) as fallback_rate,
  count(*) filter (where is_misrouted) as corrected,
  count(*) filter (where is_misrouted)::double precision / count(*) as correction_rate,
  avg(confidence) as mean_confidence,
  percentile_disc(0.95) within group (order by routing_ms) as routing_ms_p95
from emberlog.turn_fact
where routed_at is not null
group by day
