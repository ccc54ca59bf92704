/** How an auditor's command says who looks and what for; the look is recorded before anything is shown. */
import { userInfo } from 'node:os'
import type { Command } from 'commander'
import type { Look, RecordLook } from '../commands/access-recorder.ts'
import { Fault } from '../shared/failures.ts'

export interface LookOptions {
  readonly purpose?: string
  readonly by?: string
}

export function withLookOptions(command: Command): Command {
  return command
    .option(
      '--purpose <text>',
      'what for; recorded, and shown to the person concerned, or to everybody when the look is across records',
    )
    .option('--by <name>', 'who looks (default: the name of the system’s user)')
}

type AskedLook = Omit<Look['what'], 'by'> & { readonly command: string }

/** Throws `argument-invalid` without a purpose. */
export async function recordLook(record: RecordLook, options: LookOptions, asked: AskedLook): Promise<void> {
  const { command, ...what } = asked
  await record({
    who: options.by ?? systemUser(),
    role: 'auditor',
    what: { ...what, by: `emberlog audit ${command}` },
    purpose: requirePurpose(options),
  })
}

/** Asked for before anything is opened, so that a missing purpose is said at once. */
export function requirePurpose({ purpose }: LookOptions): string {
  const given = purpose?.trim() ?? ''
  if (given === '')
    throw new Fault('argument-invalid', { purpose: 'say what for with --purpose; every look is recorded' })
  return given
}

function systemUser(): string {
  try {
    return userInfo().username
  } catch {
    return 'unknown' // A system without a name for its user, as in some containers.
  }
}

export function textsOf(values: Readonly<Record<string, unknown>>): Record<string, string> {
  const given = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]))
}
