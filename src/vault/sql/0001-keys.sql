-- The keys under which personal text is sealed. No rebuild touches this schema; lose it, and the text is lost with it:
-- back it up apart from everything else, and keep the master key elsewhere.
--
--   master key (outside) ─wraps─► person_key ─wraps─► data_key ─seals─► values of the record

create table vault.master_key (
  -- Names the key and says nothing about it.
  id text primary key,
  is_current boolean not null,
  added_at timestamptz(3) not null default now()
);

create unique index master_key_one_is_current on vault.master_key ((is_current)) where is_current;

comment on table vault.master_key is 'The master keys that wrap keys here, by name; the keys themselves are elsewhere.';

create table vault.person_key (
  id uuid primary key,
  -- The owner id of the person.
  person text not null,
  master_key_id text not null references vault.master_key,
  -- Null when destroyed: then nothing that this key wraps can ever be opened again.
  wrapped bytea,
  created_at timestamptz(3) not null,
  destroyed_at timestamptz(3),
  check ((wrapped is null) = (destroyed_at is not null))
);

create unique index person_key_one_is_alive on vault.person_key (person) where destroyed_at is null;
create index person_key_of_master_key on vault.person_key (master_key_id) where destroyed_at is null;

comment on table vault.person_key is 'One key for each person, wrapped by the master key; it wraps all data keys of the person.';

create table vault.data_key (
  id uuid primary key,
  person_key_id uuid not null references vault.person_key,
  -- The conversation stream whose values it seals; empty for everything else of the person.
  scope text not null,
  -- False when its time is over: it opens what it sealed, and seals nothing more.
  is_sealing boolean not null default true,
  wrapped bytea,
  created_at timestamptz(3) not null,
  destroyed_at timestamptz(3),
  check ((wrapped is null) = (destroyed_at is not null))
);

create unique index data_key_one_is_sealing on vault.data_key (person_key_id, scope) where is_sealing;
create index data_key_of_scope on vault.data_key (scope);

comment on table vault.data_key is 'The keys that seal values: for each conversation one, and one for the rest of a person.';
