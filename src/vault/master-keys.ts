/** The master keys at hand, and which of them the vault is wrapped with now; a wrong one is refused at the start. */
import { Fault } from '../shared/failures.ts'
import type { KeyWrapping } from './key-wrapping.ts'
import type { VaultDatabase } from './vault-database.ts'

export interface MasterKeys {
  /** Wraps new keys. */
  readonly current: () => KeyWrapping
  /** Undefined when that master key is not at hand. */
  readonly byId: (masterKeyId: string) => KeyWrapping | undefined
  /** Asks the vault which one is current. Throws `master-key-wrong` when that one is not at hand. */
  readonly refresh: () => Promise<void>
}

/**
 * Registers the first of the given master keys in an empty vault. Throws `master-key-wrong` when the vault is wrapped with one that is
 * not among them.
 */
export async function openMasterKeys(database: VaultDatabase, given: readonly KeyWrapping[]): Promise<MasterKeys> {
  const known = new Map(given.map((wrapping) => [wrapping.masterKeyId, wrapping]))
  const [first] = given
  if (first === undefined) throw new Fault('master-key-missing')
  let current = first

  const refresh = async () => {
    const currentId = await currentMasterKeyId(database, first.masterKeyId)
    const found = known.get(currentId)
    if (found === undefined) {
      throw new Fault('master-key-wrong', { needed: currentId, given: [...known.keys()].join(' ') })
    }
    current = found
  }
  await refresh()
  return { current: () => current, byId: (masterKeyId) => known.get(masterKeyId), refresh }
}

async function currentMasterKeyId(database: VaultDatabase, firstId: string): Promise<string> {
  const [current] = await database.vault.withConnection(async ({ query }) => {
    await query(
      `insert into vault.master_key (id, is_current)
      select $1, true
      where not exists (select from vault.master_key)
      on conflict do nothing`,
      [firstId],
    )
    return query<{ id: string }>('select id from vault.master_key where is_current')
  })
  return current?.id ?? ''
}
