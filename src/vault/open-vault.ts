/** The one door to the vault: brings its schema up to date, refuses a wrong master key, and hands out what uses the keys. */
import type { Sealer } from '../events/sealing.ts'
import { type Clock, systemClock } from '../shared/clock.ts'
import { createErasureStore, type ErasureStore } from './erasure-store.ts'
import { createKeyVault } from './key-vault.ts'
import type { KeyWrapping } from './key-wrapping.ts'
import { createLegalHolds, type LegalHolds } from './legal-holds.ts'
import { rotateMasterKey } from './master-key-rotation.ts'
import { openMasterKeys } from './master-keys.ts'
import { createPersonSealer } from './person-sealer.ts'
import { createReceiptSigner, type SignText } from './receipt-signer.ts'
import { createRetentionStore, type RetentionStore } from './retention-store.ts'
import type { VaultDatabase } from './vault-database.ts'

export interface VaultOptions {
  readonly database: VaultDatabase
  /** The master key, and during a rotation the other one. The first is registered in an empty vault. */
  readonly masterKeys: readonly KeyWrapping[]
  readonly clock?: Clock
}

export interface Vault {
  readonly sealer: Sealer
  readonly erasures: ErasureStore
  readonly holds: LegalHolds
  readonly retention: RetentionStore
  readonly sign: SignText
  /** Wraps every key anew under the next master key; resolves with how many. Doing it again goes on where it stopped. */
  readonly rotateTo: (next: KeyWrapping, onProgress?: (rewrapped: number) => void) => Promise<number>
}

const MIGRATIONS = { schema: 'vault', directory: new URL('./sql/', import.meta.url) }

/** Throws `master-key-wrong` when the vault is wrapped with another master key, or the fault of the database. */
export async function openVault({ database, masterKeys, clock = systemClock }: VaultOptions): Promise<Vault> {
  await database.migrate(MIGRATIONS)
  const parts = { database, masterKeys: await openMasterKeys(database, masterKeys), clock }
  return {
    sealer: createPersonSealer(createKeyVault(parts)),
    erasures: createErasureStore(database, clock),
    holds: createLegalHolds(database, clock),
    retention: createRetentionStore(database, clock),
    sign: createReceiptSigner(parts),
    rotateTo: (next, onProgress) =>
      rotateMasterKey({ database, known: masterKeys, next, ...(onProgress && { onProgress }) }),
  }
}
