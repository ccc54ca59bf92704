-- What keeps keys from being destroyed, and what is being destroyed.

create table vault.legal_hold (
  id uuid primary key,
  person text not null,
  -- Null: all of the person's record is held.
  conversation_id uuid,
  placed_by text not null,
  reason text not null,
  placed_at timestamptz(3) not null
);

create index legal_hold_of_person on vault.legal_hold (person);

comment on table vault.legal_hold is 'Holds that stand now; no key they cover is destroyed. Their history is in the record.';

-- requested ─► keys destroyed ─► recorded ─► cleared ─► done        (each step may be repeated)
create table vault.erasure (
  receipt_id uuid primary key,
  person text not null,
  requested_by text not null,
  reason text not null,
  step text not null check (step in ('requested', 'keys destroyed', 'recorded', 'cleared', 'done')),
  key_id uuid,
  -- Counts of what was cleared, by name.
  cleared jsonb not null default '{}',
  requested_at timestamptz(3) not null,
  -- A process that works on it has it to itself until then.
  claimed_until timestamptz(3),
  finished_at timestamptz(3),
  receipt jsonb
);

create unique index erasure_one_at_a_time on vault.erasure (person) where finished_at is null;

comment on table vault.erasure is 'Erasures of people, how far each has come, and the signed receipts of those that are done.';

create table vault.signing_key (
  id text primary key,
  master_key_id text not null references vault.master_key,
  wrapped bytea not null,
  created_at timestamptz(3) not null
);

comment on table vault.signing_key is 'The Ed25519 key that signs receipts of erasures, wrapped by the master key.';
