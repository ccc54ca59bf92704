select
  emberlog.pseudonym(inner_pad, outer_pad, 'conversation:' || conversation_id) as conversation_key,
  emberlog.pseudonym(inner_pad, outer_pad, 'person:' || owner_id) as person_key,
  kind,
  is_archived,
  deleted_at is not null as is_deleted,
  message_count,
  created_at,
  updated_at
from chat.conversation
  cross join emberlog.analyst_key
