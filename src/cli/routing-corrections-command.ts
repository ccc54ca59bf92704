/** `emberlog routing corrections`: what people corrected, as labelled rows in the form of the training data. */
import { writeFileSync } from 'node:fs'
import { type CorrectedRow, collectCorrections } from '../audit/intent-corrections.ts'
import type { Config } from '../config.ts'
import { Fault } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import { exitCodes } from './exit-codes.ts'
import { logProgress } from './log-progress.ts'
import { logRangeOf } from './log-range.ts'
import { complain, sayJson } from './output.ts'
import { withEventReader } from './server-access.ts'

export interface CorrectionsOptions {
  readonly since?: string
  readonly out?: string
  readonly json?: boolean
}

/** Rows go to the file or to standard output; the totals to standard error, or to standard output when rows are in a file. */
export async function exportCorrections(config: Config, options: CorrectionsOptions, logger: Logger): Promise<number> {
  const range = logRangeOf(options.since)
  const rows: CorrectedRow[] = []
  const totals = await withEventReader(config, logger, async (reader, codec) => {
    const progress = await logProgress(reader)
    const onRow = (row: CorrectedRow): void => {
      progress.clear()
      if (options.out === undefined) sayJson(row)
      else rows.push(row)
    }
    const found = await collectCorrections({ reader, codec, ...range, onRow, onConsidered: progress.onConsidered })
    progress.clear()
    return found
  })
  if (options.out !== undefined) writeRows(options.out, rows)
  if (options.json && options.out !== undefined) sayJson({ event: 'totals', ...totals, out: options.out })
  else
    complain(
      `${totals.rows} corrections; left out: ${totals.superseded} superseded, ${totals.erased} erased, ${totals.unreadable} unreadable`,
    )
  return exitCodes.success
}

function writeRows(file: string, rows: readonly CorrectedRow[]): void {
  try {
    writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''), { mode: 0o600 })
  } catch (cause) {
    throw new Fault('argument-invalid', { out: file }, { cause })
  }
}
