-- Runs with its owner's rights, like a view: analysts cannot read what it reads.
create function analytics.turns_as_of(at timestamptz, since timestamptz default '-infinity')
returns table (
  turn_key uuid,
  conversation_key uuid,
  person_key uuid,
  status text,
  intent text,
  method text,
  confidence double precision,
  agent text,
  corrected_intent text,
  rating text,
  model_provider text,
  model_id text,
  failure_code text,
  asked_at timestamptz,
  routed_at timestamptz,
  ended_at timestamptz,
  first_token_ms double precision,
  total_ms double precision,
  input_tokens integer,
  output_tokens integer,
  cost_usd numeric,
  asked_position bigint
)
language sql stable parallel safe security definer
set search_path = pg_catalog
as $$
  select
    emberlog.pseudonym(inner_pad, outer_pad, 'turn:' || turn.turn_id),
    emberlog.pseudonym(inner_pad, outer_pad, 'conversation:' || turn.conversation_id),
    emberlog.pseudonym(inner_pad, outer_pad, 'person:' || turn.owner_id),
    case when turn.ended_at <= at then turn.status else 'open' end,
    case when turn.routed_at <= at then turn.intent end,
    case when turn.routed_at <= at then turn.method end,
    case when turn.routed_at <= at then turn.confidence end,
    case when turn.ended_at <= at then turn.agent when turn.routed_at <= at then decision.agent end,
    correction.intent,
    rating.rating,
    case when turn.ended_at <= at then turn.model_provider end,
    case when turn.ended_at <= at then turn.model_id end,
    case when turn.ended_at <= at then turn.failure_code end,
    turn.asked_at,
    case when turn.routed_at <= at then turn.routed_at end,
    case when turn.ended_at <= at then turn.ended_at end,
    case when turn.ended_at <= at then turn.first_token_ms end,
    case when turn.ended_at <= at then turn.total_ms end,
    case when turn.ended_at <= at then turn.input_tokens end,
    case when turn.ended_at <= at then turn.output_tokens end,
    case when turn.ended_at <= at then turn.cost_usd end,
    turn.asked_position
  from emberlog.turn_fact as turn
    cross join emberlog.analyst_key
    left join chat.routing_decision as decision
      on decision.conversation_id = turn.conversation_id
      and decision.turn_id = turn.turn_id
    -- What was said last by then, not what is said last now.
    left join (
      select distinct on (conversation_id, turn_id) conversation_id, turn_id, emberlog.known_intent(intent) as intent
      from chat.feedback_event
      where kind = 'correction'
        and given_at <= at
      order by conversation_id, turn_id, position desc
    ) as correction
      on correction.conversation_id = turn.conversation_id
      and correction.turn_id = turn.turn_id
    left join (
      select distinct on (conversation_id, message_id) conversation_id, message_id, rating
      from chat.feedback_event
      where kind = 'rating'
        and given_at <= at
      order by conversation_id, message_id, position desc
    ) as rating
      on rating.conversation_id = turn.conversation_id
      and rating.message_id = turn.response_message_id
  where turn.asked_at <= at
    and turn.asked_at >= since
$$;
