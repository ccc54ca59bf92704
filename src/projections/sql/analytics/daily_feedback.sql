select
  (given_at at time zone 'UTC')::date as day,
  count(*) filter (where rating = 'up') as rated_up,
  count(*) filter (where rating = 'down') as rated_down,
  count(*) filter (where kind = 'rating' and rating is null) as taken_back,
  count(*) filter (where kind = 'correction') as corrections,
  count(distinct owner_id) as people
from chat.feedback_event
group by day
