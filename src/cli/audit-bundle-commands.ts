/** `emberlog audit export` and `verify-bundle`: events with their proofs in a directory that is verified offline. */
import type { Command } from 'commander'
import type { BundleManifest } from '../audit/bundle-format.ts'
import { verifyBundle } from '../audit/bundle-verification.ts'
import { writeBundle } from '../audit/bundle-writing.ts'
import { subjectOfLook } from '../audit/look-subject.ts'
import type { Config } from '../config.ts'
import { openLedgerReader } from '../ledger/ledger-reader.ts'
import { knownSigners, ledgerRoot } from '../main/ledger-parts.ts'
import type { Logger } from '../shared/logger.ts'
import { type FilterOptions, filterOf, withFilterOptions } from './audit-filters.ts'
import { type LookOptions, recordLook, requirePurpose, textsOf, withLookOptions } from './audit-look.ts'
import { readKey } from './audit-verify-command.ts'
import { exitCodes } from './exit-codes.ts'
import { logProgress } from './log-progress.ts'
import { complain, say, sayJson } from './output.ts'
import type { RunCommand } from './run-command.ts'
import { withEventReader } from './server-access.ts'

export function addBundleCommands(audit: Command, run: RunCommand): void {
  withLookOptions(
    withFilterOptions(
      audit
        .command('export <directory>')
        .description('write selected events, their proofs and the signed checkpoint as a bundle')
        .option('--stream <name>', 'only this stream; with --owner, the person’s own conversation id')
        .option('--sealed', 'leave personal text sealed, as it is stored')
        .option('--json', 'print the manifest as a line of JSON'),
    ),
  ).action((directory: string, options: ExportOptions) =>
    run((config, logger) => auditExport(config, directory, options, logger)),
  )
  audit
    .command('verify-bundle <directory>')
    .description('verify a bundle with nothing but its files: no server, no network, no database')
    .option('--key <key>', 'a key you trust, as text or as a file; repeat for several', (value, all: string[] = []) => [
      ...all,
      value,
    ])
    .option('--json', 'print the result as a line of JSON')
    .action((directory: string, options: VerifyBundleOptions) => run(() => auditVerifyBundle(directory, options)))
}

interface ExportOptions extends FilterOptions, LookOptions {
  readonly stream?: string
  readonly sealed?: boolean
  readonly json?: boolean
}

async function auditExport(config: Config, directory: string, options: ExportOptions, logger: Logger): Promise<number> {
  requirePurpose(options)
  const filter = filterOf(options.stream, options)
  const { json: _json, purpose: _purpose, by: _by, ...asked } = options
  const isSealed = options.sealed === true
  const signers = (await knownSigners(config)) ?? []
  return await withEventReader(config, logger, async (reader, codec, record) => {
    const filters = textsOf(asked)
    const kind = isSealed ? 'metadata' : 'content'
    await recordLook(record, options, {
      kind,
      ...(await subjectOfLook(reader, { ...filter, owner: options.owner })),
      filters: { ...filters, ...(filter.stream !== undefined && { stream: filter.stream }) },
      command: 'export',
    })
    const progress = await logProgress(reader, options)
    const manifest = await writeBundle(
      {
        ...{ reader, codec, signers, keys: signers.map(({ verifier }) => verifier) },
        ledger: openLedgerReader(ledgerRoot(config)),
        onConsidered: (position, events) => progress.onConsidered(position, `${events} events`),
      },
      { directory, filter, filters, isSealed },
    )
    progress.clear()
    if (options.json) sayJson(manifest)
    else {
      say(`${manifest.events} events with proofs to the checkpoint over ${manifest.treeSize} leaves: ${directory}`)
      say(keysText(manifest))
    }
    if (manifest.notYetSigned > 0)
      complain(`${manifest.notYetSigned} events came after the checkpoint and are left out`)
    return exitCodes.success
  })
}

function keysText({ keysNeeded }: BundleManifest): string {
  const { toRead = [], areAllNamed = true } = keysNeeded ?? {}
  if (toRead.length === 0) return 'keys needed to read it: none'
  return `keys needed to read it: ${areAllNamed ? '' : 'more than '}${toRead.length} data keys of the vault, named in the manifest`
}

interface VerifyBundleOptions {
  readonly key?: readonly string[]
  readonly json?: boolean
}

async function auditVerifyBundle(directory: string, options: VerifyBundleOptions): Promise<number> {
  const keys = await Promise.all((options.key ?? []).map(readKey))
  const result = await verifyBundle(directory, keys)
  const isSound = result.problems.length === 0
  if (options.json) sayJson({ isSound, ...result })
  else {
    say(
      `${result.events} events of ${result.origin ?? 'an unknown log'}, proven against ${result.treeSize ?? 0} leaves`,
    )
    if (!result.areKeysGiven) say('keys taken from the bundle itself; give --key to use your own')
    if (!result.isManifestSigned) say('the manifest is not signed')
    for (const problem of result.problems) say(`WRONG  ${problem}`)
    say(isSound ? 'The bundle holds what was signed.' : `NOT as it was signed: ${result.problems.length} problems.`)
  }
  return isSound ? exitCodes.success : exitCodes.foundWrong
}
