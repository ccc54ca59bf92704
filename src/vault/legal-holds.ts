/** Holds that stand now: while one covers a key, nothing destroys it. */
import type { Clock } from '../shared/clock.ts'
import { type Refusal, refusal } from '../shared/failures.ts'
import { personLock } from './erasure-store.ts'
import { reaching } from './key-vault.ts'
import { isBeingRetained } from './retention-store.ts'
import type { VaultDatabase } from './vault-database.ts'

export interface LegalHold {
  readonly holdId: string
  readonly person: string
  /** Null: everything of the person is held. */
  readonly conversationId: string | null
  readonly placedBy: string
  readonly reason: string
  readonly placedAt: Date
}

export interface LegalHolds {
  /**
   * In force when it resolves. Placing it again changes nothing. Refuses `person-being-erased` and, for the moment that a rule takes,
   * `retention-under-way`: the keys are gone or going.
   */
  readonly place: (hold: Omit<LegalHold, 'placedAt'>) => Promise<LegalHold | Refusal>
  readonly find: (holdId: string) => Promise<LegalHold | undefined>
  readonly lift: (holdId: string) => Promise<void>
  /** All, or those of one person; the oldest first. */
  readonly list: (person?: string) => Promise<LegalHold[]>
}

const COLUMNS = `id as "holdId", person, conversation_id as "conversationId", placed_by as "placedBy", reason,
  placed_at as "placedAt"`

export function createLegalHolds({ vault }: Pick<VaultDatabase, 'vault'>, clock: Clock): LegalHolds {
  const run = <Row extends object>(doing: string, text: string, values: readonly unknown[]): Promise<Row[]> =>
    reaching(doing, () => vault.withConnection(({ query }) => query<Row>(text, values)))

  return {
    place: (hold) =>
      reaching('placing a hold', () =>
        vault.withConnection(({ query, transaction }) =>
          transaction(async () => {
            await query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [personLock(hold.person)])
            const underWay = await query(
              'select from vault.erasure where person = $1 and finished_at is null limit 1',
              [hold.person],
            )
            if (underWay.length > 0) return refusal('person-being-erased')
            if (await isBeingRetained(query, hold)) return refusal('retention-under-way')
            await query(
              `insert into vault.legal_hold (id, person, conversation_id, placed_by, reason, placed_at)
              values ($1, $2, $3, $4, $5, $6)
              on conflict do nothing`,
              [hold.holdId, hold.person, hold.conversationId, hold.placedBy, hold.reason, clock()],
            )
            const [placed] = await query<LegalHold>(`select ${COLUMNS} from vault.legal_hold where id = $1`, [
              hold.holdId,
            ])
            return placed as LegalHold
          }),
        ),
      ),

    async find(holdId) {
      const [found] = await run<LegalHold>(
        'looking for a hold',
        `select ${COLUMNS} from vault.legal_hold where id = $1`,
        [holdId],
      )
      return found
    },

    async lift(holdId) {
      await run('lifting a hold', 'delete from vault.legal_hold where id = $1', [holdId])
    },

    list: (person) =>
      run<LegalHold>(
        'listing holds',
        `select ${COLUMNS} from vault.legal_hold where $1::text is null or person = $1 order by placed_at, id`,
        [person ?? null],
      ),
  }
}
