-- Rules of retention destroy keys of single conversations and attachments. What is under way stands here; what is done, in the record.

-- The conversation that a key belongs to; empty for the rest of a person. A key of an attachment names both: <conversation>/<attachment>.
alter table vault.data_key add column conversation text not null generated always as (split_part(scope, '/', 1)) stored;

comment on column vault.data_key.scope is 'What it seals: a conversation stream; an attachment, as <conversation stream>/<attachment stream>; or, empty, the rest of a person.';

create index data_key_of_conversation on vault.data_key (conversation) where destroyed_at is null;
create index data_key_conversation_age on vault.data_key (created_at, id)
where destroyed_at is null and scope = conversation and scope <> '';
create index data_key_attachment_age on vault.data_key (created_at, id)
where destroyed_at is null and scope <> conversation;
create index data_key_alive on vault.data_key (person_key_id, scope, created_at, id) where destroyed_at is null;

-- Whose turn it is: one process applies the rules, then nobody for a while.
create table vault.retention (
  is_only boolean primary key default true check (is_only),
  claimed_by uuid,
  claimed_until timestamptz(3),
  -- When all rules had been applied for the last time.
  passed_at timestamptz(3)
);

insert into vault.retention default values;

comment on table vault.retention is 'The process that applies the rules of retention now, and when they were last applied.';

-- begun ─► marked ─► keys destroyed ─► cleared ─► (recorded, and gone from here)        (each step may be repeated)
create table vault.retention_batch (
  id uuid primary key,
  rule text not null,
  age_days integer not null,
  -- What is in it was last added to before this.
  until timestamptz(3) not null,
  requested_by text not null,
  reason text not null,
  step text not null default 'begun' check (step in ('begun', 'marked', 'keys destroyed', 'cleared')),
  keys integer not null default 0,
  rows integer not null default 0,
  begun_at timestamptz(3) not null
);

create unique index retention_batch_one_at_a_time on vault.retention_batch ((true));

comment on table vault.retention_batch is 'What a rule of retention is being applied to, and how far that is.';

create table vault.retention_item (
  batch_id uuid not null references vault.retention_batch on delete cascade,
  scope text not null,
  person text not null,
  -- Of the conversation's last event when it was found; null for an attachment.
  revision bigint,
  -- The keys that seal nothing more since then, and are to be destroyed.
  key_ids uuid[] not null,
  primary key (batch_id, scope)
);

create index retention_item_of_person on vault.retention_item (person);

comment on table vault.retention_item is 'The conversations and attachments of a batch, with their keys.';
