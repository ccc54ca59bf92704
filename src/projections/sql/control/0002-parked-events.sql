-- Operators can have parked events handled again, or leave one out for good.

-- One more whenever an operator changes what is parked: the writer then looks again before it goes on.
alter table emberlog.checkpoint add column parked_version bigint not null default 0;

create table emberlog.discarded_event (
  position bigint primary key,
  stream text not null,
  revision bigint not null,
  event_id text not null,
  type text not null,
  reason text not null,
  discarded_by text not null,
  discarded_at timestamptz(3) not null default now()
);

comment on table emberlog.discarded_event is 'Events that an operator left out of the read models, in every generation; the record keeps them.';
