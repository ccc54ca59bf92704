/** `emberlog audit compare`: are the rows that people read what the record gives? names each one that is not. */
import type { Command } from 'commander'
import { oneLine } from '../audit/stream-replay.ts'
import type { Config } from '../config.ts'
import { type Comparison, type ComparisonProgress, compareReadModels } from '../projections/comparison.ts'
import type { ColumnDifference, RowDifference } from '../projections/row-differences.ts'
import type { Logger } from '../shared/logger.ts'
import { type LookOptions, recordLook, requirePurpose, textsOf, withLookOptions } from './audit-look.ts'
import { exitCodes } from './exit-codes.ts'
import { complain, progressBar, progressLine, say, sayJson } from './output.ts'
import { withReadSide } from './read-side.ts'
import type { RunCommand } from './run-command.ts'
import { stopSignal } from './stop-signal.ts'

export function addCompareCommand(audit: Command, run: RunCommand): void {
  withLookOptions(
    audit
      .command('compare')
      .description(
        'replay the record beside the live read models, and name every row that is not what the record gives',
      )
      .option('--content', 'show also what people wrote, where it differs')
      .option('--json', 'print every differing row, and then the result, as lines of JSON'),
  ).action((options: CompareOptions) => run((config, logger) => compare(config, options, logger)))
}

interface CompareOptions extends LookOptions {
  readonly content?: boolean
  readonly json?: boolean
}

/** Resolves with 0 when all rows are equal, 1 when some differ; what keeps it from finding out is thrown. */
async function compare(config: Config, options: CompareOptions, logger: Logger): Promise<number> {
  requirePurpose(options)
  const isContentShown = options.content === true
  return await withReadSide(config, logger, async ({ database, reader, codec, recordLook: record }) => {
    const filters = textsOf({ content: options.content })
    const what = { subjectId: null, conversationId: null, filters, command: 'compare' }
    await recordLook(record, options, { ...what, kind: isContentShown ? 'content' : 'metadata' })
    const stopping = new AbortController()
    void stopSignal().then(() => stopping.abort())
    const line = progressLine(options)
    const onDifference = (difference: RowDifference) => {
      line.clear()
      if (options.json) sayJson({ event: 'difference', ...difference })
      else say(differenceLine(difference))
    }
    const onProgress = (progress: ComparisonProgress) => line.show(progressText(progress))
    const parts = { database, reader, codec, isContentShown, onDifference, onProgress, signal: stopping.signal }
    try {
      const comparison = await database.writer.withConnection((connection) => compareReadModels(connection, parts))
      line.clear()
      return tell(comparison, options)
    } finally {
      line.clear()
    }
  })
}

function tell(comparison: Comparison, { json }: CompareOptions): number {
  const { generation, position, rows, events, changed, missing, extra, parked, parkedAlike } = comparison
  const isEqual = changed + missing + extra === 0
  const exitCode = isEqual ? exitCodes.success : exitCodes.foundWrong
  if (json) {
    sayJson({ event: 'compared', isEqual, ...comparison })
    return exitCode
  }
  say(`${rows} rows of generation ${generation} held against ${events} events, up to position ${position ?? 'none'}`)
  for (const { stream, live, record, rows: count } of parked) {
    const where = (at: string | null) => (at === null ? 'nowhere' : `from position ${at} on`)
    say(`PARKED  ${stream}  waits ${where(live)}; read now it would wait ${where(record)}: ${count} rows not counted`)
  }
  if (parkedAlike > 0) complain(`${parkedAlike} streams wait, as they should: emberlog projections parked list`)
  say(
    isEqual
      ? 'Every row is what the record gives.'
      : `NOT what the record gives: ${changed} rows changed, ${missing} missing, ${extra} extra.`,
  )
  return exitCode
}

function differenceLine({ table, kind, key, columns }: RowDifference): string {
  const names = Object.entries(key).map(([name, value]) => `${name}=${oneLine(value)}`)
  return [kind.toUpperCase().padEnd(7), table, names.join(' '), columns.map(columnText).join('; ')].join('  ').trimEnd()
}

function columnText({ name, found, expected, isWithheld }: ColumnDifference): string {
  if (isWithheld) return `${name} (withheld without --content)`
  const shown = (value: string | null | undefined) => (value == null ? 'empty' : `"${oneLine(value)}"`)
  return `${name} is ${shown(found)}, not ${shown(expected)}`
}

function progressText({ step, done, total }: ComparisonProgress): string {
  return `${step} ${progressBar(done, total)}  ${done} of ${total} ${step === 'replaying' ? 'events' : 'read models'}`
}
