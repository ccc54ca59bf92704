-- What queries go by besides the keys; in a rebuild made after the rows, which is far cheaper than with each of them.

create index if not exists conversation_list on conversation (owner_id, updated_at desc, conversation_id desc) where deleted_at is null;
create index if not exists turn_by_id on turn (turn_id);
create index if not exists turn_by_response on turn (conversation_id, response_message_id);
create index if not exists profile_fact_list on profile_fact (owner_id, noted_at desc, fact_id desc) where removed_at is null;
create index if not exists project_list on project (owner_id, updated_at desc, project_id desc) where removed_at is null;
create index if not exists project_shared on project (shared_at desc, project_id desc) where shared_at is not null;
create index if not exists project_search on project using gin (search) where shared_at is not null;
create index if not exists conversation_created on conversation (created_at);
create index if not exists turn_asked on turn (asked_at, asked_position);
create index if not exists feedback_event_given on feedback_event (given_at, position);
create index if not exists event_index_position on event_index (position);
create index if not exists event_index_actor on event_index (actor_id, position);
create index if not exists event_index_correlation on event_index (correlation_id, position);
create index if not exists event_index_type on event_index (type, position);
