with activity as (
  select distinct owner_id, date_trunc('week', day::timestamp)::date as week
  from emberlog.turn_fact
),
person as (
  select owner_id, min(week) as cohort_week
  from activity
  group by owner_id
),
cohort as (
  select cohort_week, count(*) as cohort_people
  from person
  group by cohort_week
)
select
  cohort_week,
  (week - cohort_week) / 7 as week_number,
  cohort_people,
  count(*) as people,
  count(*)::double precision / cohort_people as retention
from activity
  join person using (owner_id)
  join cohort using (cohort_week)
group by cohort_week, week_number, cohort_people
