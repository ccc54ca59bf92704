-- One generation of read models. Runs with the generation's own schema as search path.

create table conversation (
  conversation_id uuid primary key,
  client_conversation_id text not null,
  owner_id text not null,
  kind text not null,
  title text not null,
  title_source text not null,
  is_archived boolean not null,
  message_count integer not null,
  preview text not null,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  deleted_at timestamptz(3),
  last_revision bigint not null,
  last_position bigint not null
);

create table message (
  conversation_id uuid not null,
  message_id text not null,
  turn_id uuid not null,
  owner_id text not null,
  parent_message_id text,
  role text not null,
  text text not null,
  language text not null,
  status text not null,
  rating text,
  is_erased boolean not null default false,
  attachments jsonb,
  created_at timestamptz(3) not null,
  position bigint not null,
  -- Words as they are, their stems where the language is known, and the owner as one more word: a search for one person
  -- then meets only that person's messages (no word of a text begins with a space). Characters of scripts without spaces count as words.
  search tsvector generated always as (
    array_to_tsvector(array[' ' || owner_id])
    || to_tsvector('simple', regexp_replace(left(text, 50000), '([\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])', ' \1 ', 'g'))
    || case language
      when 'english' then to_tsvector('english', left(text, 50000))
      when 'german' then to_tsvector('german', left(text, 50000))
      when 'french' then to_tsvector('french', left(text, 50000))
      when 'spanish' then to_tsvector('spanish', left(text, 50000))
      when 'italian' then to_tsvector('italian', left(text, 50000))
      when 'portuguese' then to_tsvector('portuguese', left(text, 50000))
      when 'dutch' then to_tsvector('dutch', left(text, 50000))
      else ''::tsvector
    end
  ) stored,
  primary key (conversation_id, message_id)
);

create table turn (
  conversation_id uuid not null,
  turn_id uuid not null,
  owner_id text not null,
  message_id text not null,
  parent_message_id text,
  response_message_id text not null,
  channel text,
  is_regeneration boolean not null,
  status text not null,
  intent text,
  method text,
  confidence double precision,
  agent text,
  model_provider text,
  model_id text,
  instead_of jsonb,
  finish_reason text,
  failure_code text,
  failure_is_retryable boolean,
  stopped_by text,
  asked_at timestamptz(3) not null,
  routed_at timestamptz(3),
  ended_at timestamptz(3),
  first_token_ms double precision,
  total_ms double precision,
  input_tokens integer,
  output_tokens integer,
  usage_is_estimated boolean,
  tool_names jsonb,
  asked_position bigint not null,
  ended_position bigint,
  primary key (conversation_id, turn_id)
);

create table routing_decision (
  conversation_id uuid not null,
  turn_id uuid not null,
  owner_id text not null,
  intent text not null,
  agent text not null,
  method text not null,
  confidence double precision not null,
  candidates jsonb not null,
  evidence jsonb not null,
  guard text,
  router_version text not null,
  took_ms double precision not null,
  routed_at timestamptz(3) not null,
  corrected_intent text,
  corrected_at timestamptz(3),
  primary key (conversation_id, turn_id)
);

create table feedback (
  conversation_id uuid not null,
  feedback_id text not null,
  owner_id text not null,
  kind text not null,
  message_id text,
  turn_id uuid,
  rating text,
  intent text,
  note text,
  given_by text not null,
  given_at timestamptz(3) not null,
  position bigint not null,
  primary key (conversation_id, feedback_id)
);

create table profile_fact (
  person_id uuid not null,
  fact_id uuid not null,
  owner_id text not null,
  kind text not null,
  value text,
  source_turn_id uuid not null,
  source_conversation_id uuid not null,
  span_from integer not null,
  span_to integer not null,
  noted_at timestamptz(3) not null,
  removed_at timestamptz(3),
  last_position bigint not null,
  primary key (person_id, fact_id)
);

create table project (
  person_id uuid not null,
  project_id uuid not null,
  owner_id text not null,
  title text not null,
  link text,
  ownership text not null,
  notes jsonb not null,
  source_turn_id uuid not null,
  source_conversation_id uuid not null,
  drafted_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  shared_at timestamptz(3),
  removed_at timestamptz(3),
  last_position bigint not null,
  search tsvector generated always as (
    to_tsvector('simple', title) || to_tsvector('simple', left(notes::text, 50000))
  ) stored,
  primary key (person_id, project_id)
);

create table feedback_event (
  conversation_id uuid not null,
  position bigint not null,
  owner_id text not null,
  kind text not null,
  message_id text,
  turn_id uuid,
  rating text,
  intent text,
  given_at timestamptz(3) not null,
  primary key (conversation_id, position)
);

create table event_index (
  stream_id uuid not null,
  position bigint not null,
  stream text not null,
  revision bigint not null,
  event_id uuid not null,
  type text not null,
  actor_kind text not null,
  actor_id text not null,
  correlation_id text not null,
  causation_id text not null,
  occurred_at timestamptz(3) not null,
  primary key (stream_id, position)
);

