-- What the views for analysts stand on. In schema emberlog, to which analysts have no access.

create or replace function emberlog.pseudonym(inner_pad bytea, outer_pad bytea, name text) returns uuid
language sql stable parallel safe as $$
  select left(encode(sha256(outer_pad || sha256(inner_pad || convert_to(name, 'UTF8'))), 'hex'), 32)::uuid
$$;

-- A correction may name anything; what is not one of our intents could be somebody's words.
create or replace function emberlog.known_intent(intent text) returns text
language sql immutable parallel safe as $$
  select case
    when intent in ('learning', 'discovery', 'creation', 'image', 'profile', 'support', 'smalltalk', 'unsafe') then intent
    when intent is not null then 'other'
  end
$$;

-- Turns under their real ids, with what other tables know of them. Columns that a query leaves out cost nothing: Postgres
-- then leaves out their joins, too.
create view emberlog.turn_fact as
select
  turn.conversation_id,
  turn.turn_id,
  turn.owner_id,
  conversation.kind,
  turn.channel,
  turn.is_regeneration,
  turn.status,
  turn.intent,
  turn.method,
  turn.confidence,
  turn.agent,
  emberlog.known_intent(decision.corrected_intent) as corrected_intent,
  decision.corrected_intent <> decision.intent as is_misrouted,
  decision.router_version,
  decision.took_ms as routing_ms,
  answer.rating,
  turn.model_provider,
  turn.model_id,
  turn.finish_reason,
  turn.failure_code,
  turn.failure_is_retryable,
  turn.asked_at,
  (turn.asked_at at time zone 'UTC')::date as day,
  turn.routed_at,
  turn.ended_at,
  turn.first_token_ms,
  turn.total_ms,
  turn.input_tokens,
  turn.output_tokens,
  (
    select trim_scale(round(
      (turn.input_tokens * price.input_usd_per_million + turn.output_tokens * price.output_usd_per_million) / 1000000, 12
    ))
    from analytics.model_price as price
    where price.provider = turn.model_provider
      and price.model_id in (turn.model_id, '*')
      and price.valid_from <= turn.asked_at
    order by price.model_id = '*', price.valid_from desc
    limit 1
  ) as cost_usd,
  jsonb_array_length(turn.tool_names) as tool_call_count,
  turn.response_message_id,
  turn.asked_position,
  turn.ended_position
from chat.turn
  left join chat.conversation
    on conversation.conversation_id = turn.conversation_id
  left join chat.routing_decision as decision
    on decision.conversation_id = turn.conversation_id
    and decision.turn_id = turn.turn_id
  left join chat.message as answer
    on answer.conversation_id = turn.conversation_id
    and answer.message_id = turn.response_message_id;

comment on view emberlog.turn_fact is 'What the views of schema analytics count: turns under their real ids, without words.';
