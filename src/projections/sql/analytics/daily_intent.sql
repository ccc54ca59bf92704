select
  day,
  coalesce(intent, 'unrouted') as intent,
  count(*) as turns,
  count(distinct owner_id) as people,
  avg(confidence) as mean_confidence,
  count(*) filter (where status = 'completed') as completed,
  count(*) filter (where is_misrouted) as corrected,
  count(*) filter (where rating = 'up') as rated_up,
  count(*) filter (where rating = 'down') as rated_down
from emberlog.turn_fact
group by day, 2
