select
  emberlog.pseudonym(inner_pad, outer_pad, 'turn:' || turn_id) as turn_key,
  emberlog.pseudonym(inner_pad, outer_pad, 'conversation:' || conversation_id) as conversation_key,
  emberlog.pseudonym(inner_pad, outer_pad, 'person:' || owner_id) as person_key,
  role,
  status,
  language,
  length(text) as characters,
  rating,
  created_at,
  position
from chat.message
  cross join emberlog.analyst_key
