/** Wraps every key anew under another master key; no event is touched, nothing stops meanwhile, and it may be resumed at any row. */
import { Fault } from '../shared/failures.ts'
import { personKeyContext, reaching } from './key-vault.ts'
import type { KeyWrapping } from './key-wrapping.ts'
import { signingKeyContext } from './receipt-signer.ts'
import type { VaultDatabase } from './vault-database.ts'

const ROWS_AT_ONCE = 200

export interface Rotation {
  readonly database: Pick<VaultDatabase, 'vault'>
  /** Every master key that the vault's keys may be wrapped with. */
  readonly known: readonly KeyWrapping[]
  readonly next: KeyWrapping
  readonly onProgress?: (rewrapped: number) => void
}

interface WrappedRow {
  readonly id: string
  readonly masterKeyId: string
  readonly wrapped: Buffer
}

/**
 * From its first moment on new keys are wrapped with the next master key; resolves with how many were wrapped anew. Doing it again goes
 * on where it stopped. Throws `master-key-unknown` when a key is wrapped with a master key that is not at hand.
 */
export async function rotateMasterKey({ database, known, next, onProgress }: Rotation): Promise<number> {
  const run = <Row extends object>(text: string, values: readonly unknown[]): Promise<Row[]> =>
    reaching('rotating the master key', () => database.vault.withConnection(({ query }) => query<Row>(text, values)))
  const masters = new Map([...known, next].map((each) => [each.masterKeyId, each]))

  await reaching('rotating the master key', () =>
    database.vault.withConnection(({ query, transaction }) =>
      transaction(async () => {
        await query('update vault.master_key set is_current = false where is_current and id <> $1', [next.masterKeyId])
        await query(
          `insert into vault.master_key (id, is_current) values ($1, true)
          on conflict (id) do update set is_current = true`,
          [next.masterKeyId],
        )
      }),
    ),
  )
  let rewrapped = 0
  for (;;) {
    const rows = await run<WrappedRow & { readonly person: string }>(
      `select id, person, master_key_id as "masterKeyId", wrapped
      from vault.person_key
      where destroyed_at is null
        and master_key_id <> $1
      order by id
      limit $2`,
      [next.masterKeyId, ROWS_AT_ONCE],
    )
    if (rows.length === 0) break
    const again = await Promise.all(rows.map((row) => rewrap(row, personKeyContext(row.id, row.person))))
    // A key that was destroyed meanwhile stays so.
    await run(
      `update vault.person_key
      set wrapped = new.wrapped, master_key_id = $3
      from unnest($1::uuid[], $2::bytea[]) as new (id, wrapped)
      where person_key.id = new.id
        and destroyed_at is null`,
      [rows.map(({ id }) => id), again, next.masterKeyId],
    )
    rewrapped += rows.length
    onProgress?.(rewrapped)
  }
  const signing = await run<WrappedRow>(
    'select id, master_key_id as "masterKeyId", wrapped from vault.signing_key where master_key_id <> $1',
    [next.masterKeyId],
  )
  for (const row of signing) {
    const again = await rewrap(row, signingKeyContext(row.id))
    await run('update vault.signing_key set wrapped = $2, master_key_id = $3 where id = $1', [
      row.id,
      again,
      next.masterKeyId,
    ])
    rewrapped += 1
  }
  return rewrapped

  async function rewrap({ masterKeyId, wrapped }: WrappedRow, context: string): Promise<Buffer> {
    const master = masters.get(masterKeyId)
    if (master === undefined) throw new Fault('master-key-unknown', { masterKeyId })
    return await next.wrap(await master.unwrap(wrapped, context), context)
  }
}
