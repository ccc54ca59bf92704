-- The same for the largest table, apart, so that both can be made at the same time.

create index if not exists message_order on message (conversation_id, position);
create index if not exists message_of_owner on message (owner_id, message_id);
-- No list of pending entries: a search must not get slower the longer nobody has vacuumed.
create index if not exists message_search on message using gin (search) with (fastupdate = off);
create index if not exists message_created on message (created_at, position);
