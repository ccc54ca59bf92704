-- A generation is divided into partitions of streams when it is shown; while it is built, one checkpoint stands for all of them.
-- How many there are never changes afterwards.
alter table emberlog.generation add column partitions integer not null default 1 check (partitions between 1 and 64);

-- What was done to the read models, noted in one transaction with the act itself, until the record has it.
create table emberlog.act (
  number bigint primary key generated always as identity,
  -- Names the command that puts it into the record, so that it gets there once.
  act_id uuid not null unique default gen_random_uuid(),
  type text not null,
  data jsonb not null,
  actor_kind text not null check (actor_kind in ('operator', 'system')),
  actor_id text not null,
  acted_at timestamptz(3) not null default now()
);

comment on table emberlog.act is 'Acts on the read models on their way into the record; empty when all are there.';
