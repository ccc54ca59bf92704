select
  emberlog.pseudonym(inner_pad, outer_pad, 'turn:' || turn.turn_id) as turn_key,
  emberlog.pseudonym(inner_pad, outer_pad, 'conversation:' || turn.conversation_id) as conversation_key,
  emberlog.pseudonym(inner_pad, outer_pad, 'person:' || turn.owner_id) as person_key,
  decision.intent,
  decision.agent,
  decision.method,
  decision.confidence,
  emberlog.known_intent(decision.candidates -> 1 ->> 'intent') as second_intent,
  (decision.candidates -> 1 ->> 'probability')::double precision as second_probability,
  decision.guard,
  decision.router_version,
  decision.took_ms,
  decision.routed_at,
  emberlog.known_intent(decision.corrected_intent) as corrected_intent,
  decision.corrected_at,
  turn.asked_at,
  turn.asked_position
from chat.turn
  join chat.routing_decision as decision
    on decision.conversation_id = turn.conversation_id
    and decision.turn_id = turn.turn_id
  cross join emberlog.analyst_key
