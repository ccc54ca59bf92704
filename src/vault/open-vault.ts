/** The one door to the vault: brings its schema up to date, refuses a wrong master key, and hands out what uses the keys. */
import type { Sealer } from '../events/sealing.ts'
import { type Clock, systemClock } from '../shared/clock.ts'
import { createKeyVault } from './key-vault.ts'
import type { KeyWrapping } from './key-wrapping.ts'
import { openMasterKeys } from './master-keys.ts'
import { createPersonSealer } from './person-sealer.ts'
import type { VaultDatabase } from './vault-database.ts'

export interface VaultOptions {
  readonly database: VaultDatabase
  /** The master key, and during a rotation the other one. The first is registered in an empty vault. */
  readonly masterKeys: readonly KeyWrapping[]
  readonly clock?: Clock
}

export interface Vault {
  readonly sealer: Sealer
}

const MIGRATIONS = { schema: 'vault', directory: new URL('./sql/', import.meta.url) }

/** Throws `master-key-wrong` when the vault is wrapped with another master key, or the fault of the database. */
export async function openVault({ database, masterKeys, clock = systemClock }: VaultOptions): Promise<Vault> {
  await database.migrate(MIGRATIONS)
  const keys = createKeyVault({ database, masterKeys: await openMasterKeys(database, masterKeys), clock })
  return { sealer: createPersonSealer(keys) }
}
