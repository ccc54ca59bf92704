/** Reads what the ledger is kept with from the configuration: its signing keys, and the places that get its checkpoints. */
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from '../config.ts'
import { generateSignerKey, parseSignerKey, parseVerifierKey, type SignerKey } from '../ledger/note-keys.ts'
import type { CheckpointPlace } from '../reactors/checkpoint-places.ts'
import { directoryPlace } from '../reactors/directory-place.ts'
import { httpPlace } from '../reactors/http-place.ts'
import { witnessPlace } from '../reactors/witness-place.ts'
import { Fault, isRefusal } from '../shared/failures.ts'

type LedgerConfig = Pick<
  Config,
  | 'dataDirectory'
  | 'EMBERLOG_LEDGER_KEY'
  | 'EMBERLOG_LEDGER_KEY_FILE'
  | 'EMBERLOG_LEDGER_PLACES'
  | 'EMBERLOG_LEDGER_WITNESS'
>

export function ledgerRoot({ dataDirectory }: Pick<Config, 'dataDirectory'>): string {
  return path.join(dataDirectory, 'ledger')
}

/** Where the key is when neither variable names one; made there at the first start. */
export function ledgerKeyFile(config: LedgerConfig): string {
  return config.EMBERLOG_LEDGER_KEY_FILE ?? path.join(config.dataDirectory, 'ledger-key')
}

/** The key that signs, then former keys that sign beside it. Throws `ledger-key-unusable`. */
export async function ledgerSigners(config: LedgerConfig): Promise<readonly SignerKey[]> {
  const text = config.EMBERLOG_LEDGER_KEY ?? (await readKeyFile(config, { isMade: true })) ?? ''
  return parseSigners(text)
}

/** Undefined where there is no key yet. */
export async function knownSigners(config: LedgerConfig): Promise<readonly SignerKey[] | undefined> {
  const text = config.EMBERLOG_LEDGER_KEY ?? (await readKeyFile(config, { isMade: false }))
  return text === undefined ? undefined : parseSigners(text)
}

/** One key a line; lines that begin with `#` are remarks. */
export function parseSigners(text: string): readonly SignerKey[] {
  const lines = text.split(/\s*\n\s*|,/).filter((line) => line.trim() !== '' && !line.startsWith('#'))
  const signers = lines.map((line) => {
    const signer = parseSignerKey(line.trim())
    if (isRefusal(signer)) throw new Fault('ledger-key-unusable', { reason: signer.detail })
    return signer
  })
  const names = new Set(signers.map(({ verifier }) => verifier.name))
  if (names.size !== 1)
    throw new Fault('ledger-key-unusable', { reason: 'all keys of a log have its name', names: names.size })
  return signers
}

async function readKeyFile(config: LedgerConfig, { isMade }: { isMade: boolean }): Promise<string | undefined> {
  const file = ledgerKeyFile(config)
  try {
    if (isMade && config.EMBERLOG_LEDGER_KEY_FILE === undefined) await makeKey(file)
    return await readFile(file, 'utf8')
  } catch (cause) {
    if (!isMade && (cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Fault('ledger-key-unusable', { file }, { cause })
  }
}

/** Once: a key that is there stays. The name is this log's own, so that two logs never pass for one. */
async function makeKey(file: string): Promise<void> {
  const key = generateSignerKey(`emberlog.local/${randomBytes(4).toString('hex')}`)
  await writeFile(file, `${key}\n`, { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}

export function checkpointPlaces(config: LedgerConfig): readonly CheckpointPlace[] {
  const places = config.EMBERLOG_LEDGER_PLACES.map((place) =>
    place.startsWith('file:') ? directoryPlace(fileURLToPath(place)) : httpPlace(place),
  )
  const witness = config.EMBERLOG_LEDGER_WITNESS
  if (witness === undefined) return places
  const [url = '', text = ''] = witness.split(/\s+/)
  const key = parseVerifierKey(text)
  if (isRefusal(key)) throw new Fault('ledger-key-unusable', { of: 'the witness', reason: key.detail })
  return [...places, witnessPlace(url, key)]
}
