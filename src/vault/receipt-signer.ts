/** Signs receipts with an Ed25519 key (RFC 8032) that is made once and kept in the vault, wrapped by the master key. */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import type { Clock } from '../shared/clock.ts'
import { Fault } from '../shared/failures.ts'
import { reaching } from './key-vault.ts'
import type { MasterKeys } from './master-keys.ts'
import type { VaultDatabase } from './vault-database.ts'

export interface Signature {
  readonly algorithm: 'Ed25519'
  /** SubjectPublicKeyInfo, DER, base64. */
  readonly publicKey: string
  /** Base64, over the UTF-8 bytes. */
  readonly signature: string
}

export type SignText = (text: string) => Promise<Signature>

interface SigningKeyRow {
  readonly id: string
  readonly masterKeyId: string
  readonly wrapped: Buffer
}

export const signingKeyContext = (id: string): string => `signing key ${id}`

export function createReceiptSigner(parts: {
  readonly database: Pick<VaultDatabase, 'vault'>
  readonly masterKeys: MasterKeys
  readonly clock: Clock
}): SignText {
  const { database, masterKeys, clock } = parts
  const run = <Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> =>
    reaching('using the signing key', () => database.vault.withConnection(({ query }) => query<Row>(text, values)))
  const find = () =>
    run<SigningKeyRow>(
      'select id, master_key_id as "masterKeyId", wrapped from vault.signing_key order by created_at, id limit 1',
    )

  return async (text) => {
    const [row] = await find()
    const { id, masterKeyId, wrapped } = row ?? (await make())
    const master = masterKeys.byId(masterKeyId)
    if (master === undefined) throw new Fault('master-key-unknown', { masterKeyId })
    const key = createPrivateKey({
      key: await master.unwrap(wrapped, signingKeyContext(id)),
      format: 'der',
      type: 'pkcs8',
    })
    const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).toString('base64')
    return { algorithm: 'Ed25519', publicKey, signature: sign(null, Buffer.from(text), key).toString('base64') }
  }

  /** Two processes may make one at the same time: the older is used by both from then on. */
  async function make(): Promise<SigningKeyRow> {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const id = createHash('sha256')
      .update(publicKey.export({ format: 'der', type: 'spki' }))
      .digest('hex')
      .slice(0, 32)
    const master = masterKeys.current()
    const wrapped = await master.wrap(privateKey.export({ format: 'der', type: 'pkcs8' }), signingKeyContext(id))
    await run(
      `insert into vault.signing_key (id, master_key_id, wrapped, created_at)
      select $1, $2, $3, $4
      where not exists (select from vault.signing_key)`,
      [id, master.masterKeyId, wrapped, clock()],
    )
    const [row] = await find()
    if (row === undefined) throw new Fault('vault-unavailable', { doing: 'making a signing key' })
    return row
  }
}

export function isSignatureValid(text: string, { publicKey, signature }: Signature): boolean {
  const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' })
  return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64'))
}
