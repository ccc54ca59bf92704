-- What the read side knows about itself: generations, how far each has come, and events that could not be handled.
-- No rebuild touches these tables.

create table emberlog.generation (
  number integer primary key,
  schema_name text not null unique,
  projectors_version integer not null,
  state text not null check (state in ('building', 'live', 'retired', 'dropped')),
  created_at timestamptz(3) not null default now(),
  live_at timestamptz(3),
  retired_at timestamptz(3)
);

create unique index generation_one_is_live on emberlog.generation ((state)) where state = 'live';

comment on table emberlog.generation is 'Complete sets of read models; the views of schema chat show the live one.';

create table emberlog.checkpoint (
  generation integer not null references emberlog.generation on delete cascade,
  partition integer not null default 0,
  -- The last position handled; -1 before the first.
  position bigint not null default -1,
  event_count bigint not null default 0,
  saved_at timestamptz(3) not null default now(),
  primary key (generation, partition)
);

comment on table emberlog.checkpoint is 'How far each generation has come; saved in one transaction with its rows.';

create table emberlog.parked_event (
  generation integer not null references emberlog.generation on delete cascade,
  position bigint not null,
  stream text not null,
  revision bigint not null,
  event_id text not null,
  type text not null,
  created_at timestamptz(3) not null,
  -- Why the first event of a stream was parked; the later ones only follow it.
  reason text not null,
  is_first boolean not null,
  parked_at timestamptz(3) not null default now(),
  primary key (generation, position)
);

create index parked_event_stream on emberlog.parked_event (generation, stream, position);

comment on table emberlog.parked_event is 'Events that could not be handled, and the later ones of their streams, in order.';

create schema chat;

comment on schema chat is 'The read models: views over the live generation.';
