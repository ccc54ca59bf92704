-- What analysts have besides the views: the key of their pseudonyms, which they cannot reach, and the prices of models.

create schema if not exists analytics;

comment on schema analytics is 'For analysts: facts and figures about turns, people under pseudonyms, nobody''s words. Views over the live generation.';

-- HMAC-SHA256 (RFC 2104) needs the key twice, each time padded to a block and mixed with a constant.
create table emberlog.analyst_key (
  is_only boolean primary key default true check (is_only),
  key bytea not null check (length(key) = 32),
  inner_pad bytea not null check (length(inner_pad) = 64),
  outer_pad bytea not null check (length(outer_pad) = 64),
  made_at timestamptz(3) not null default now()
);

comment on table emberlog.analyst_key is 'The key of the pseudonyms in schema analytics: made once, never shown. Whoever loses it gets other pseudonyms.';

create function emberlog.padded(key bytea, constant integer) returns bytea
language plpgsql immutable strict as $$
declare
  block bytea := key || decode(repeat('00', 64 - length(key)), 'hex');
begin
  for place in 0..63 loop
    block := set_byte(block, place, get_byte(block, place) # constant);
  end loop;
  return block;
end
$$;

-- Each of these UUIDs holds 122 bits from the server's source of strong randomness.
insert into emberlog.analyst_key (key, inner_pad, outer_pad)
select key, emberlog.padded(key, 54), emberlog.padded(key, 92)
from (
  select sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) as key
) as made;

create table analytics.model_price (
  provider text not null,
  model_id text not null,
  valid_from timestamptz(3) not null default '-infinity',
  input_usd_per_million numeric(18, 6) not null check (input_usd_per_million >= 0),
  output_usd_per_million numeric(18, 6) not null check (output_usd_per_million >= 0),
  primary key (provider, model_id, valid_from)
);

comment on table analytics.model_price is 'What a model costs, kept by operators: insert a row when a price changes. A model without a row has no known cost.';
comment on column analytics.model_price.provider is 'Who runs the model, as turns name it.';
comment on column analytics.model_price.model_id is 'The model, as turns name it; * stands for every model of the provider that has no row of its own.';
comment on column analytics.model_price.valid_from is 'From when on the price holds, until the next one does.';
comment on column analytics.model_price.input_usd_per_million is 'US dollars for a million tokens that the model reads.';
comment on column analytics.model_price.output_usd_per_million is 'US dollars for a million tokens that the model writes.';

insert into analytics.model_price (provider, model_id, input_usd_per_million, output_usd_per_million)
values ('offline', '*', 0, 0);

-- Which definition of the views is in place: they are made again when a program brings another one.
create table emberlog.shown_analytics (
  is_only boolean primary key default true check (is_only),
  checksum text not null,
  shown_at timestamptz(3) not null default now()
);

comment on table emberlog.shown_analytics is 'The definition that the views of schema analytics were made from.';
