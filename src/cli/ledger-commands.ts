/** `emberlog ledger …`: makes and changes the keys that sign it, and shows its head and the keys that verify it. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { writeDurably } from '../ledger/durable-files.ts'
import { openLedgerReader } from '../ledger/ledger-reader.ts'
import { generateSignerKey, isKeyName } from '../ledger/note-keys.ts'
import { knownSigners, ledgerKeyFile, ledgerRoot, parseSigners } from '../main/ledger-parts.ts'
import { Fault } from '../shared/failures.ts'
import { exitCodes } from './exit-codes.ts'
import { complain, say, sayJson } from './output.ts'
import type { RunCommand } from './run-command.ts'

const AS_JSON = ['--json', 'print a line of JSON'] as const
const PRIVATE_MODE = 0o600

export function addLedgerCommands(emberlog: Command, run: RunCommand): void {
  const ledger = emberlog.command('ledger').description('the signed tree over the record: its keys and its head')
  ledger
    .command('keygen')
    .description('make a key that signs checkpoints, and print the key that verifies them')
    .option('--name <name>', 'name of the log, such as log.example.org/emberlog; the name of its checkpoints')
    .option('--file <path>', 'write the private key there instead of printing it (- for the default place)')
    .option('--rotate', 'put the new key before those in the file, which go on signing beside it')
    .option(...AS_JSON)
    .action((options: KeygenOptions) => run((config) => keygen(config, options)))
  ledger
    .command('keys')
    .description('the keys that verify this log, the one that signs now first')
    .option(...AS_JSON)
    .action((options: OutputOptions) => run((config) => showKeys(config, options)))
  ledger
    .command('checkpoint')
    .description('the last published checkpoint, as a signed note')
    .option(...AS_JSON)
    .action((options: OutputOptions) => run((config) => showCheckpoint(config, options)))
}

interface OutputOptions {
  readonly json?: boolean
}

interface KeygenOptions extends OutputOptions {
  readonly name?: string
  readonly file?: string
  readonly rotate?: boolean
}

async function keygen(config: Config, options: KeygenOptions): Promise<number> {
  const file = options.file === '-' ? ledgerKeyFile(config) : options.file
  if (options.rotate && file === undefined) throw new Fault('argument-invalid', { rotate: 'needs --file' })
  const before = file === undefined ? undefined : await readFile(file, 'utf8').catch(() => undefined)
  if (before !== undefined && !options.rotate) {
    throw new Fault('argument-invalid', { file, reason: 'exists; give --rotate to put a new key before it' })
  }
  const name = nameOf(options.name, before)
  const key = generateSignerKey(name)
  const [signer] = parseSigners(key)
  const verifierKey = signer?.verifier.text ?? ''
  if (file !== undefined) await writeDurably(file, `${key}\n${before ?? ''}`, PRIVATE_MODE)
  if (options.json) sayJson({ verifierKey, ...(file === undefined ? { signerKey: key } : { file }) })
  else for (const line of file === undefined ? [key, verifierKey] : [verifierKey]) say(line)
  return exitCodes.success
}

/** A key that takes over has the name of the one before it: it is the same log. */
function nameOf(wanted: string | undefined, before: string | undefined): string {
  const old = before === undefined ? undefined : parseSigners(before)[0]?.verifier.name
  if (old !== undefined && wanted !== undefined && wanted !== old) {
    throw new Fault('argument-invalid', { name: wanted, reason: `the log is called ${old}` })
  }
  const name = old ?? wanted ?? `emberlog.local/${randomBytes(4).toString('hex')}`
  if (!isKeyName(name)) throw new Fault('argument-invalid', { name, reason: 'a name has no spaces and no +' })
  return name
}

async function showKeys(config: Config, { json }: OutputOptions): Promise<number> {
  const keys = ((await knownSigners(config)) ?? []).map(({ verifier }) => verifier.text)
  if (json) sayJson({ keys })
  else for (const key of keys) say(key)
  if (keys.length === 0) complain('this installation has no signing key yet')
  return keys.length === 0 ? exitCodes.foundWrong : exitCodes.success
}

async function showCheckpoint(config: Config, { json }: OutputOptions): Promise<number> {
  const checkpoint = await openLedgerReader(ledgerRoot(config)).checkpoint()
  if (checkpoint === undefined) {
    complain('nothing has been published here yet')
    return exitCodes.foundWrong
  }
  const { origin, size, root, note } = checkpoint
  if (json) sayJson({ origin, size, rootHash: root.toString('base64'), note })
  else process.stdout.write(note)
  return exitCodes.success
}
