select
  day,
  intent,
  corrected_intent,
  method,
  count(*) as turns,
  count(distinct owner_id) as people,
  avg(confidence) as mean_confidence
from emberlog.turn_fact
where is_misrouted
group by day, intent, corrected_intent, method
