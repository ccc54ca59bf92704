/** Keeps how far each erasure has come, destroys its keys, and lets nobody erase what is held. */
import type { Clock } from '../shared/clock.ts'
import { Fault, type Refusal, refusal } from '../shared/failures.ts'
import { reaching } from './key-vault.ts'
import type { VaultConnection, VaultDatabase } from './vault-database.ts'

export type ErasureStep = 'requested' | 'keys destroyed' | 'recorded' | 'cleared' | 'done'

export interface Erasure {
  readonly receiptId: string
  readonly person: string
  readonly requestedBy: string
  readonly reason: string
  readonly step: ErasureStep
  /** The person's key that was destroyed; null when there was none. */
  readonly keyId: string | null
  /** How much of what was cleared. */
  readonly cleared: Readonly<Record<string, number>>
  readonly requestedAt: Date
  readonly finishedAt: Date | null
  readonly receipt: unknown
}

export interface ErasureStore {
  /** Notes what is wished; the erasure of this person that is under way already is the same wish. Refuses `legal-hold`. */
  readonly request: (wish: ErasureWish) => Promise<Erasure | Refusal>
  /** Takes an unfinished erasure for this process alone, for a while; undefined when there is none to be had. */
  readonly claim: (receiptId?: string) => Promise<Erasure | undefined>
  /** Destroys the person's key and everything it wraps, for ever. Refuses `legal-hold`; a second time it changes nothing. */
  readonly destroyKeys: (erasure: Erasure) => Promise<Erasure | Refusal>
  /** Notes that a step is done, with the counts of what it cleared. */
  readonly advance: (erasure: Erasure, step: ErasureStep, change?: ErasureChange) => Promise<Erasure>
  /** Leaves it to whoever comes next, at once. */
  readonly release: (erasure: Erasure) => Promise<void>
  /** Gives an erasure up that is refused after all. */
  readonly withdraw: (erasure: Erasure) => Promise<void>
  readonly find: (receiptId: string) => Promise<Erasure | undefined>
  /** The conversation streams whose text is, or was, sealed for the person. */
  readonly streamsOf: (person: string) => Promise<string[]>
}

export interface ErasureWish {
  readonly receiptId: string
  readonly person: string
  readonly requestedBy: string
  readonly reason: string
}

export interface ErasureChange {
  readonly cleared?: Readonly<Record<string, number>>
  readonly receipt?: unknown
}

/** A process that died in the middle is taken for dead after this long; each step renews its claim. */
const CLAIM_MS = 120_000

const COLUMNS = `receipt_id as "receiptId", person, requested_by as "requestedBy", reason, step, key_id as "keyId", cleared,
  requested_at as "requestedAt", finished_at as "finishedAt", receipt`

const HELD = refusal('legal-hold')

export function createErasureStore({ vault }: Pick<VaultDatabase, 'vault'>, clock: Clock): ErasureStore {
  const run = <Row extends object>(doing: string, text: string, values: readonly unknown[]): Promise<Row[]> =>
    reaching(doing, () => vault.withConnection(({ query }) => query<Row>(text, values)))

  return {
    async request({ receiptId, person, requestedBy, reason }) {
      const [added] = await run<Erasure>(
        'requesting an erasure',
        `insert into vault.erasure (receipt_id, person, requested_by, reason, step, requested_at)
        select $1, $2, $3, $4, 'requested', $5
        where not exists (select from vault.legal_hold where person = $2)
        on conflict do nothing
        returning ${COLUMNS}`,
        [receiptId, person, requestedBy, reason, clock()],
      )
      if (added !== undefined) return added
      const [underWay] = await run<Erasure>(
        'requesting an erasure',
        `select ${COLUMNS} from vault.erasure where receipt_id = $1 or (person = $2 and finished_at is null)`,
        [receiptId, person],
      )
      return underWay ?? HELD
    },

    async claim(receiptId) {
      const now = clock()
      const [claimed] = await run<Erasure>(
        'claiming an erasure',
        `update vault.erasure
        set claimed_until = $2
        where receipt_id = (
          select receipt_id
          from vault.erasure
          where finished_at is null
            and (claimed_until is null or claimed_until < $1)
            and ($3::uuid is null or receipt_id = $3)
          order by requested_at
          limit 1
          for update skip locked
        )
        returning ${COLUMNS}`,
        [now, new Date(now.getTime() + CLAIM_MS), receiptId ?? null],
      )
      return claimed
    },

    destroyKeys: (erasure) =>
      reaching('destroying keys', () =>
        vault.withConnection((connection) => connection.transaction(() => destroy(connection, erasure, clock()))),
      ),

    async advance({ receiptId, cleared: before }, step, { cleared = {}, receipt } = {}) {
      const now = clock()
      const [advanced] = await run<Erasure>(
        'noting a step of an erasure',
        `update vault.erasure
        set step = $2, cleared = $3, receipt = $4, claimed_until = $5,
          finished_at = case when $2 = 'done' then $6::timestamptz end
        where receipt_id = $1
        returning ${COLUMNS}`,
        [
          receiptId,
          step,
          JSON.stringify({ ...before, ...cleared }),
          receipt === undefined ? null : JSON.stringify(receipt),
          new Date(now.getTime() + CLAIM_MS),
          now,
        ],
      )
      if (advanced === undefined) throw new Fault('erasure-unknown', { receiptId })
      return advanced
    },

    async release({ receiptId }) {
      await run('leaving an erasure', 'update vault.erasure set claimed_until = null where receipt_id = $1', [
        receiptId,
      ])
    },

    async withdraw({ receiptId }) {
      await run('withdrawing an erasure', `delete from vault.erasure where receipt_id = $1 and step = 'requested'`, [
        receiptId,
      ])
    },

    async find(receiptId) {
      const [found] = await run<Erasure>(
        'looking for a receipt',
        `select ${COLUMNS} from vault.erasure where receipt_id = $1`,
        [receiptId],
      )
      return found
    },

    async streamsOf(person) {
      const rows = await run<{ scope: string }>(
        'listing streams',
        `select distinct conversation as scope
        from vault.data_key
          join vault.person_key on person_key.id = person_key_id
        where person = $1
          and conversation <> ''
        order by scope`,
        [person],
      )
      return rows.map(({ scope }) => scope)
    },
  }
}

/** In one transaction with the look for holds: a hold that is placed meanwhile comes either before, or too late. */
async function destroy({ query }: VaultConnection, erasure: Erasure, now: Date): Promise<Erasure | Refusal> {
  await query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [personLock(erasure.person)])
  const holds = await query('select from vault.legal_hold where person = $1 limit 1', [erasure.person])
  if (holds.length > 0 && erasure.step === 'requested') return HELD
  const destroyed = await query<{ id: string }>(
    `update vault.person_key
    set wrapped = null, destroyed_at = $2
    where person = $1
      and destroyed_at is null
    returning id`,
    [erasure.person, now],
  )
  await query(
    `update vault.data_key
    set wrapped = null, is_sealing = false, destroyed_at = $2
    from vault.person_key
    where person_key.id = person_key_id
      and person = $1
      and data_key.destroyed_at is null`,
    [erasure.person, now],
  )
  const [advanced] = await query<Erasure>(
    `update vault.erasure
    set step = 'keys destroyed', key_id = coalesce(key_id, $2)
    where receipt_id = $1
    returning ${COLUMNS}`,
    [erasure.receiptId, destroyed[0]?.id ?? null],
  )
  return advanced ?? erasure
}

/** Names the lock under which holds are placed and keys destroyed. */
export function personLock(person: string): string {
  return `emberlog vault ${person}`
}
