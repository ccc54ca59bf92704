/** `emberlog audit report`: a period of the record on one page. */
import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { reportOn } from '../audit/period-report.ts'
import { reportAsHtml, reportAsMarkdown } from '../audit/report-pages.ts'
import type { Config } from '../config.ts'
import { openLedgerReader } from '../ledger/ledger-reader.ts'
import { ledgerRoot } from '../main/ledger-parts.ts'
import { Fault } from '../shared/failures.ts'
import type { Position } from '../shared/ids.ts'
import type { Logger } from '../shared/logger.ts'
import { timeOf } from './audit-filters.ts'
import { type LookOptions, recordLook, requirePurpose, textsOf, withLookOptions } from './audit-look.ts'
import { exitCodes } from './exit-codes.ts'
import { logProgress } from './log-progress.ts'
import { say } from './output.ts'
import type { RunCommand } from './run-command.ts'
import { withEventReader } from './server-access.ts'

export function addReportCommand(audit: Command, run: RunCommand): void {
  withLookOptions(
    audit
      .command('report')
      .description(
        'a period on one page: counts, failures, routing, models, erasures, looks, and how the ledger stands',
      )
      .requiredOption('--from <time>', 'the beginning of the period: a date or a time')
      .requiredOption('--to <time>', 'its end, which is not part of it')
      .option('--format <format>', 'markdown, html or json', 'markdown')
      .option('--json', 'the same as --format json')
      .option('--file <path>', 'write it there instead of printing it'),
  ).action((options: ReportOptions) => run((config, logger) => auditReport(config, options, logger)))
}

interface ReportOptions extends LookOptions {
  readonly from: string
  readonly to: string
  readonly format: string
  readonly json?: boolean
  readonly file?: string
}

const writers = {
  markdown: reportAsMarkdown,
  html: reportAsHtml,
  json: (report: Parameters<typeof reportAsHtml>[0]) => `${JSON.stringify(report)}\n`,
}

async function auditReport(config: Config, options: ReportOptions, logger: Logger): Promise<number> {
  requirePurpose(options)
  const [from, to] = [timeOf('from', options.from), timeOf('to', options.to)]
  if (from >= to)
    throw new Fault('argument-invalid', { from: options.from, to: options.to, reason: 'nothing lies between' })
  const format = options.json ? 'json' : options.format
  if (!Object.hasOwn(writers, format))
    throw new Fault('argument-invalid', { format, known: Object.keys(writers).join(' ') })
  return await withEventReader(config, logger, async (reader, _codec, record) => {
    const filters = textsOf({ from: options.from, to: options.to })
    await recordLook(record, options, {
      kind: 'metadata',
      subjectId: null,
      conversationId: null,
      filters,
      command: 'report',
    })
    const progress = await logProgress(reader, { json: format === 'json' })
    const ledger = openLedgerReader(ledgerRoot(config))
    const onConsidered = (position: Position, events: number) => progress.onConsidered(position, `${events} events`)
    const report = await reportOn({ reader, ledger, onConsidered }, { from, to })
    progress.clear()
    const text = writers[format as keyof typeof writers](report)
    if (options.file === undefined) process.stdout.write(text)
    else {
      await writeFile(options.file, text)
      say(options.file)
    }
    return exitCodes.success
  })
}
