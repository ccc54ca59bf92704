/** `emberlog audit verify`: holds the record against its ledger and every signed head of it. */
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Finding, Verification } from '../audit/log-verification.ts'
import { verifyLog } from '../audit/log-verification.ts'
import type { OutsideNote } from '../audit/signed-heads.ts'
import type { Config } from '../config.ts'
import { createCodec } from '../events/codec.ts'
import { openLedgerReader } from '../ledger/ledger-reader.ts'
import { parseVerifierKey, type VerifierKey } from '../ledger/note-keys.ts'
import { ledgerRoot } from '../main/ledger-parts.ts'
import { Fault, isRefusal } from '../shared/failures.ts'
import { type Position, parsePosition } from '../shared/ids.ts'
import type { Logger } from '../shared/logger.ts'
import { timeOf } from './audit-filters.ts'
import { exitCodes } from './exit-codes.ts'
import { logProgress } from './log-progress.ts'
import { say, sayJson } from './output.ts'
import type { RunCommand } from './run-command.ts'
import { withEventReader } from './server-access.ts'

const FETCH_MS_MAX = 10_000

interface VerifyOptions {
  readonly ledger?: string
  readonly key?: readonly string[]
  readonly trustedCheckpoint?: readonly string[]
  readonly since?: string
  readonly json?: boolean
}

const collect = (value: string, all: readonly string[] = []) => [...all, value]

export function addVerifyCommand(audit: Command, run: RunCommand): void {
  audit
    .command('verify')
    .description('hold the record against the ledger and its signed checkpoints, and name what is not as it was signed')
    .option('--ledger <directory>', 'the ledger to hold it against (default: the one in the data directory)')
    .option('--key <key>', 'a key you trust, as text or as a file; repeat for several', collect)
    .option('--trusted-checkpoint <file or URL>', 'a checkpoint kept outside; repeat for several', collect)
    .option('--since <time or position>', 'begin at the last signed checkpoint before it')
    .option('--json', 'print the result as a line of JSON')
    .action((options: VerifyOptions) => run((config, logger) => verify(config, options, logger)))
}

/** Resolves with 0 when everything is as it was signed, else 1. */
async function verify(config: Config, options: VerifyOptions, logger: Logger): Promise<number> {
  const keys = await Promise.all((options.key ?? []).map(readKey))
  const outside = await Promise.all((options.trustedCheckpoint ?? []).map(readNote))
  const since = sinceOf(options.since)
  const ledger = openLedgerReader(options.ledger ?? ledgerRoot(config))
  const hasLedger = (await ledger.checkpoint()) !== undefined
  const verification = await withEventReader(config, logger, async (reader) => {
    const progress = await logProgress(reader, options)
    const result = await verifyLog({
      reader,
      codec: createCodec(),
      ledger: hasLedger ? ledger : undefined,
      keys,
      outside,
      ...(since !== undefined && { since }),
      onProgress: (leaves, position) => progress.onConsidered(position, `${leaves} leaves`),
    })
    progress.clear()
    return result
  })
  if (options.json) sayJson({ isSound: verification.findingsCount === 0, hasLedger, ...verification })
  else for (const line of verificationLines(verification, hasLedger)) say(line)
  return verification.findingsCount === 0 ? exitCodes.success : exitCodes.foundWrong
}

function verificationLines(verification: Verification, hasLedger: boolean): string[] {
  const { leaves, size, checkpoints, outsideCheckpoints, unsigned, aged, findings, findingsCount } = verification
  return [
    `${leaves} leaves compared, ${size} in the tree, ${unsigned} of them not signed yet`,
    `${checkpoints} checkpoints in the log, ${outsideCheckpoints} from outside`,
    ...(aged > 0 ? [`${aged} leaves have aged out of the log; their hashes are still in the tree`] : []),
    ...(hasLedger ? [] : ['no ledger files at hand: compared with the signed checkpoints only']),
    ...(verification.areKeysGiven ? [] : ['keys taken from the log itself; give --key to use your own']),
    ...findings.map(findingLine),
    ...(findingsCount > findings.length ? [`… and ${findingsCount - findings.length} more`] : []),
    findingsCount === 0 ? 'Everything is as it was signed.' : `NOT as it was signed: ${findingsCount} findings.`,
  ]
}

function findingLine({ kind, leaf, position, stream, revision, detail }: Finding): string {
  const where = [
    leaf === undefined ? undefined : `leaf ${leaf}`,
    position === undefined ? undefined : `position ${position}`,
    stream === undefined ? undefined : `${stream}@${revision}`,
  ]
  return `${kind.toUpperCase()}  ${where.filter(Boolean).join(', ')}  ${detail}`
}

export async function readKey(given: string): Promise<VerifierKey> {
  const isFile = !given.includes('+')
  const text = isFile ? (await readFile(given, 'utf8').catch(() => '')).trim() : given
  const key = parseVerifierKey(text)
  if (isRefusal(key)) throw new Fault('argument-invalid', { key: given, reason: key.detail })
  return key
}

async function readNote(from: string): Promise<OutsideNote> {
  try {
    if (!/^https?:/.test(from)) return { from, note: await readFile(from, 'utf8') }
    const answer = await fetch(from, { signal: AbortSignal.timeout(FETCH_MS_MAX) })
    if (!answer.ok) throw new Fault('server-refused', { status: answer.status })
    return { from, note: await answer.text() }
  } catch (cause) {
    throw new Fault('argument-invalid', { trustedCheckpoint: from }, { cause })
  }
}

function sinceOf(text: string | undefined): Position | Date | undefined {
  if (text === undefined) return undefined
  return parsePosition(text) ?? timeOf('since', text)
}
