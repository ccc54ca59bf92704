/** The statements that find, make and destroy keys; they hold no connection while a key is wrapped or unwrapped. */
import type { VaultDatabase } from './vault-database.ts'

/** A key that may seal values of a person in a scope, as far as it is there. */
export interface SealingRow {
  readonly person: string
  readonly scope: string
  readonly personKeyId: string | null
  readonly masterKeyId: string | null
  readonly personWrapped: Buffer | null
  readonly dataKeyId: string | null
  readonly dataWrapped: Buffer | null
  readonly createdAt: Date | null
}

export interface OpeningRow {
  readonly dataKeyId: string
  readonly scope: string
  readonly personKeyId: string
  readonly person: string
  readonly masterKeyId: string
  /** Null when destroyed. */
  readonly personWrapped: Buffer | null
  readonly dataWrapped: Buffer | null
  /** Whether it takes new values. */
  readonly isSealing: boolean
  readonly createdAt: Date
}

export interface NewPersonKey {
  readonly id: string
  readonly person: string
  readonly masterKeyId: string
  readonly wrapped: Buffer
}

export interface NewDataKey {
  readonly id: string
  readonly personKeyId: string
  readonly scope: string
  readonly wrapped: Buffer
}

export interface Wanted {
  readonly person: string
  readonly scope: string
}

/** One row for each wanted key, with what there is of it. */
export function findSealingRows(database: VaultDatabase, wanted: readonly Wanted[]): Promise<SealingRow[]> {
  return database.vault.withConnection(({ query }) =>
    query<SealingRow>(
      `select wanted.person, wanted.scope, person_key.id as "personKeyId", master_key_id as "masterKeyId",
        person_key.wrapped as "personWrapped", data_key.id as "dataKeyId", data_key.wrapped as "dataWrapped",
        data_key.created_at as "createdAt"
      from unnest($1::text[], $2::text[]) as wanted (person, scope)
        left join vault.person_key on person_key.person = wanted.person and person_key.destroyed_at is null
        left join vault.data_key on person_key_id = person_key.id and data_key.scope = wanted.scope and is_sealing`,
      [wanted.map(({ person }) => person), wanted.map(({ scope }) => scope)],
    ),
  )
}

export function findOpeningRows(database: VaultDatabase, dataKeyIds: readonly string[]): Promise<OpeningRow[]> {
  return database.vault.withConnection(({ query }) =>
    query<OpeningRow>(
      `select data_key.id as "dataKeyId", scope, person_key.id as "personKeyId", person, master_key_id as "masterKeyId",
        person_key.wrapped as "personWrapped", data_key.wrapped as "dataWrapped", is_sealing as "isSealing",
        data_key.created_at as "createdAt"
      from vault.data_key
        join vault.person_key on person_key.id = person_key_id
      where data_key.id = any ($1::uuid[])`,
      [dataKeyIds],
    ),
  )
}

/**
 * Adds keys, durably, and resolves with the ids of those data keys that are now in the vault. Another process may have been
 * faster with one; then, and while the person is being erased, and when the master key is no longer the current one, it is not among them.
 */
export async function addKeys(
  database: VaultDatabase,
  keys: { readonly people: readonly NewPersonKey[]; readonly data: readonly NewDataKey[]; readonly now: Date },
): Promise<Set<string>> {
  const { people, data, now } = keys
  const added = await database.vault.withConnection(({ query }) =>
    query<{ id: string }>(
      `with added_person as (
        insert into vault.person_key (id, person, master_key_id, wrapped, created_at)
        select new.id, new.person, new.master_key_id, new.wrapped, $9
        from unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[]) as new (id, person, master_key_id, wrapped)
          join vault.master_key on master_key.id = new.master_key_id and is_current
        where not exists (select from vault.erasure where erasure.person = new.person and finished_at is null)
        on conflict do nothing
        returning id
      )
      insert into vault.data_key (id, person_key_id, scope, wrapped, created_at)
      select new.id, new.person_key_id, new.scope, new.wrapped, $9
      from unnest($5::uuid[], $6::uuid[], $7::text[], $8::bytea[]) as new (id, person_key_id, scope, wrapped)
      where new.person_key_id in (select id from added_person)
        or new.person_key_id in (select id from vault.person_key where destroyed_at is null)
      on conflict do nothing
      returning id`,
      [
        people.map(({ id }) => id),
        people.map(({ person }) => person),
        people.map(({ masterKeyId }) => masterKeyId),
        people.map(({ wrapped }) => wrapped),
        data.map(({ id }) => id),
        data.map(({ personKeyId }) => personKeyId),
        data.map(({ scope }) => scope),
        data.map(({ wrapped }) => wrapped),
        now,
      ],
    ),
  )
  return new Set(added.map(({ id }) => id))
}

/** These seal nothing more; what they sealed can still be opened. */
export async function endSealing(database: VaultDatabase, dataKeyIds: readonly string[]): Promise<void> {
  if (dataKeyIds.length === 0) return
  await database.vault.withConnection(({ query }) =>
    query('update vault.data_key set is_sealing = false where id = any ($1::uuid[])', [dataKeyIds]),
  )
}
