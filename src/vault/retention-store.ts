/**
 * Finds the keys of old conversations and attachments, and destroys them batch by batch; nothing that is held is among them.
 *
 * begun ─► marked ─► keys destroyed ─► cleared ─► (ended)        (each step may be repeated)
 *
 * From `begun` on its keys seal nothing more; until `keys destroyed` no hold can be placed on what is in it.
 */
import type { Clock } from '../shared/clock.ts'
import { Fault } from '../shared/failures.ts'
import { personLock } from './erasure-store.ts'
import { reaching } from './key-vault.ts'
import type { VaultConnection, VaultDatabase } from './vault-database.ts'

export type RetentionStep = 'begun' | 'marked' | 'keys destroyed' | 'cleared'

/** A conversation or an attachment that has an old key; others of it may be younger. */
export interface AgedKey {
  readonly keyId: string
  /** The conversation's stream, and for an attachment its own after it: `<conversation>/<attachment>`. */
  readonly scope: string
  readonly person: string
  readonly createdAt: Date
  readonly isHeld: boolean
}

export interface RetentionItem {
  readonly scope: string
  readonly person: string
  /** Of the conversation's last event when it was found; null for an attachment. */
  readonly revision: bigint | null
}

export interface RetentionOrder {
  readonly batchId: string
  readonly rule: string
  readonly ageDays: number
  readonly until: Date
  readonly requestedBy: string
  readonly reason: string
}

export interface RetentionBatch extends RetentionOrder {
  readonly step: RetentionStep
  readonly keys: number
  readonly rows: number
  readonly begunAt: Date
  readonly items: readonly RetentionItem[]
}

export interface RetentionStore {
  /** Makes this process the one that applies rules, for a while; false while another is, or when they were applied since. */
  readonly claim: (holder: string, options?: { readonly appliedBefore?: Date }) => Promise<boolean>
  /** Stays it. Throws `retention-busy` when another took over meanwhile. */
  readonly renew: (holder: string) => Promise<void>
  /** Lets the next one; `isDone` notes that all rules were applied now. */
  readonly release: (holder: string, options: { readonly isDone: boolean }) => Promise<void>
  /** The next page by age, the oldest first: conversations, or attachments, each with the oldest of its keys. */
  readonly agedKeys: (page: AgedKeysPage) => Promise<AgedKey[]>
  /** Those among the scopes that have, or had, a key of their own. */
  readonly withKeys: (scopes: readonly string[]) => Promise<Set<string>>
  /** Begins a batch; what is held or being erased by now is left out of it. Throws `retention-busy` while another is under way. */
  readonly begin: (order: RetentionOrder, items: readonly RetentionItem[]) => Promise<RetentionBatch>
  /** The batch that is under way, whoever began it. */
  readonly underWay: () => Promise<RetentionBatch | undefined>
  /** Takes items out that are not due after all. Their text stays readable. */
  readonly leaveOut: (batch: RetentionBatch, scopes: readonly string[]) => Promise<void>
  readonly advance: (batch: RetentionBatch, step: RetentionStep, counts?: { readonly rows: number }) => Promise<void>
  /** Destroys the keys of all items, for ever. */
  readonly destroyKeys: (batch: RetentionBatch) => Promise<void>
  readonly end: (batch: RetentionBatch) => Promise<void>
}

export interface AgedKeysPage {
  readonly of: 'conversations' | 'attachments'
  readonly madeBefore: Date
  readonly after: Pick<AgedKey, 'createdAt' | 'keyId'> | undefined
  readonly limit: number
}

/** A process that died is taken for dead after this long; each step renews its claim. */
const CLAIM_MS = 60_000

const IS_HELD = `exists (
  select from vault.legal_hold
  where legal_hold.person = person_key.person
    and (conversation_id is null or 'conversation-' || conversation_id = data_key.conversation)
)`

export function createRetentionStore({ vault }: Pick<VaultDatabase, 'vault'>, clock: Clock): RetentionStore {
  const run = <Row extends object>(doing: string, text: string, values: readonly unknown[] = []): Promise<Row[]> =>
    reaching(doing, () => vault.withConnection(({ query }) => query<Row>(text, values)))
  const inTransaction = (doing: string, work: (connection: VaultConnection) => Promise<void>): Promise<void> =>
    reaching(doing, () => vault.withConnection((connection) => connection.transaction(() => work(connection))))
  const claimEnd = () => new Date(clock().getTime() + CLAIM_MS)

  return {
    async claim(holder, { appliedBefore } = {}) {
      const claimed = await run(
        'claiming retention',
        `update vault.retention
        set claimed_by = $1, claimed_until = $3
        where (claimed_until is null or claimed_until < $2)
          and ($4::timestamptz is null or passed_at is null or passed_at < $4 or exists (select from vault.retention_batch))
        returning 1 as claimed`,
        [holder, clock(), claimEnd(), appliedBefore ?? null],
      )
      return claimed.length > 0
    },

    async renew(holder) {
      const renewed = await run(
        'claiming retention',
        'update vault.retention set claimed_until = $2 where claimed_by = $1 returning 1 as renewed',
        [holder, claimEnd()],
      )
      if (renewed.length === 0) throw new Fault('retention-busy')
    },

    async release(holder, { isDone }) {
      await run(
        'leaving retention',
        `update vault.retention
        set claimed_by = null, claimed_until = null, passed_at = case when $2 then $3::timestamptz else passed_at end
        where claimed_by = $1`,
        [holder, isDone, clock()],
      )
    },

    agedKeys: ({ of, madeBefore, after, limit }) =>
      run<AgedKey>(
        'looking for old keys',
        `select data_key.id as "keyId", scope, person, data_key.created_at as "createdAt", ${IS_HELD} as "isHeld"
        from vault.data_key
          join vault.person_key on person_key.id = person_key_id
        where data_key.destroyed_at is null
          and data_key.created_at < $1
          and ${of === 'conversations' ? "scope = conversation and scope <> ''" : 'scope <> conversation'}
          and ($2::timestamptz is null or (data_key.created_at, data_key.id) > ($2, $3::uuid))
          and not exists (
            select from vault.data_key as older
            where older.person_key_id = data_key.person_key_id
              and older.scope = data_key.scope
              and older.destroyed_at is null
              and (older.created_at, older.id) < (data_key.created_at, data_key.id)
          )
        order by data_key.created_at, data_key.id
        limit $4`,
        [madeBefore, after?.createdAt ?? null, after?.keyId ?? null, limit],
      ),

    async withKeys(scopes) {
      const rows = await run<{ scope: string }>(
        'looking for keys',
        `select scope from vault.data_key where scope = any ($1::text[])`,
        [scopes],
      )
      return new Set(rows.map(({ scope }) => scope))
    },

    async begin(order, items) {
      await inTransaction('beginning retention', (connection) => begin(connection, order, items, clock()))
      const batch = await findBatch()
      if (batch?.batchId !== order.batchId) throw new Fault('retention-busy')
      return batch
    },

    underWay: findBatch,

    async leaveOut({ batchId }, scopes) {
      await run(
        'leaving out of retention',
        'delete from vault.retention_item where batch_id = $1 and scope = any ($2)',
        [batchId, scopes],
      )
    },

    async advance({ batchId }, step, { rows } = { rows: 0 }) {
      await run(
        'noting a step of retention',
        'update vault.retention_batch set step = $2, rows = rows + $3 where id = $1',
        [batchId, step, rows],
      )
    },

    destroyKeys: (batch) => inTransaction('destroying keys', (connection) => destroy(connection, batch, clock())),

    async end({ batchId }) {
      await run('ending retention', 'delete from vault.retention_batch where id = $1', [batchId])
    },
  }

  async function findBatch(): Promise<RetentionBatch | undefined> {
    const [batch] = await run<Omit<RetentionBatch, 'items'>>(
      'looking for retention under way',
      `select id as "batchId", rule, age_days as "ageDays", until, requested_by as "requestedBy", reason, step, keys, rows,
        begun_at as "begunAt"
      from vault.retention_batch`,
    )
    if (batch === undefined) return undefined
    const items = await run<RetentionItem>(
      'looking for retention under way',
      'select scope, person, revision from vault.retention_item where batch_id = $1 order by scope',
      [batch.batchId],
    )
    return { ...batch, items }
  }
}

/** Under the locks of all its people: a hold that is placed meanwhile comes either before, or too late. */
async function begin(
  { query }: VaultConnection,
  order: RetentionOrder,
  items: readonly RetentionItem[],
  now: Date,
): Promise<void> {
  const people = [...new Set(items.map(({ person }) => person))]
  await query(
    `select pg_advisory_xact_lock(key)
    from (select distinct hashtextextended(name, 0) as key from unnest($1::text[]) as name order by key) as locks`,
    [people.map(personLock)],
  )
  const { batchId, rule, ageDays, until, requestedBy, reason } = order
  const begun = await query(
    `insert into vault.retention_batch (id, rule, age_days, until, requested_by, reason, begun_at)
    values ($1, $2, $3, $4, $5, $6, $7)
    on conflict do nothing
    returning id`,
    [batchId, rule, ageDays, until, requestedBy, reason, now],
  )
  if (begun.length === 0) return
  // An attachment goes with its conversation, whatever its own age.
  await query(
    `with ended as (
      update vault.data_key
      set is_sealing = false
      from vault.person_key, unnest($2::text[], $3::text[], $4::bigint[]) as due (scope, person, revision)
      where person_key.id = data_key.person_key_id
        and person_key.person = due.person
        and person_key.destroyed_at is null
        and due.scope in (data_key.scope, data_key.conversation)
        and data_key.destroyed_at is null
        and not ${IS_HELD}
        and not exists (select from vault.erasure where erasure.person = due.person and finished_at is null)
      returning data_key.id, due.scope, due.person, due.revision
    )
    insert into vault.retention_item (batch_id, scope, person, revision, key_ids)
    select $1, scope, person, revision, array_agg(id)
    from ended
    group by scope, person, revision`,
    [
      batchId,
      items.map(({ scope }) => scope),
      items.map(({ person }) => person),
      items.map(({ revision }) => revision?.toString() ?? null),
    ],
  )
}

async function destroy({ query }: VaultConnection, { batchId }: RetentionBatch, now: Date): Promise<void> {
  const destroyed = await query(
    `update vault.data_key
    set wrapped = null, is_sealing = false, destroyed_at = $2
    from vault.retention_item
    where batch_id = $1
      and data_key.id = any (key_ids)
      and destroyed_at is null
    returning data_key.id`,
    [batchId, now],
  )
  await query(`update vault.retention_batch set step = 'keys destroyed', keys = keys + $2 where id = $1`, [
    batchId,
    destroyed.length,
  ])
}

/** Asked under the lock of the person, when a hold is placed. */
export async function isBeingRetained(
  query: VaultConnection['query'],
  hold: { readonly person: string; readonly conversationId: string | null },
): Promise<boolean> {
  const items = await query(
    `select from vault.retention_item
      join vault.retention_batch on retention_batch.id = batch_id
    where person = $1
      and step in ('begun', 'marked')
      and ($2::uuid is null or 'conversation-' || $2::uuid = split_part(scope, '/', 1))
    limit 1`,
    [hold.person, hold.conversationId],
  )
  return items.length > 0
}
