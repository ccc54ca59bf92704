select
  emberlog.pseudonym(inner_pad, outer_pad, 'turn:' || coalesce(feedback.turn_id, answer.turn_id)) as turn_key,
  emberlog.pseudonym(inner_pad, outer_pad, 'conversation:' || feedback.conversation_id) as conversation_key,
  emberlog.pseudonym(inner_pad, outer_pad, 'person:' || feedback.owner_id) as person_key,
  feedback.kind,
  feedback.rating,
  emberlog.known_intent(feedback.intent) as intent,
  feedback.given_at,
  feedback.position
from chat.feedback_event as feedback
  cross join emberlog.analyst_key
  left join chat.message as answer
    on answer.conversation_id = feedback.conversation_id
    and answer.message_id = feedback.message_id
