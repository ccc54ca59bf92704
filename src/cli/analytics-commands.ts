/** `emberlog analytics …`: takes what analysts see out of the database, into files. */
import { type Command, Option } from 'commander'
import type { Config } from '../config.ts'
import { factViews } from '../projections/analytics/fact-views.ts'
import { summaryViews } from '../projections/analytics/summary-views.ts'
import { Fault } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import { exitCodes } from './exit-codes.ts'
import { progressLine, say, sayJson } from './output.ts'
import type { RunCommand } from './run-command.ts'
import { openCommandDatabase, reachPostgres } from './server-access.ts'
import { type ExportFormat, type ExportProgress, exportFormats, exportView, prepareExport } from './table-export.ts'

const exportableViews = [...factViews, ...summaryViews]

interface ExportOptions {
  readonly format: ExportFormat
  readonly out: string
  readonly from?: string
  readonly to?: string
  readonly force?: boolean
  readonly json?: boolean
}

export function addAnalyticsCommands(emberlog: Command, run: RunCommand): void {
  const analytics = emberlog
    .command('analytics')
    .description('what analysts see: facts and figures without texts or names')
  analytics
    .command('export <view>')
    .description(`write a view to a file, or all of them: ${exportableViews.map(({ name }) => name).join(', ')}`)
    .addOption(new Option('--format <format>', 'what the file is').choices(exportFormats).makeOptionMandatory())
    .requiredOption('--out <directory>', 'where the files go; made when it is not there')
    .option('--from <time>', 'only from this day (UTC) or time on')
    .option('--to <time>', 'only before this day (UTC) or time')
    .option('--force', 'take the place of files that are there')
    .option('--json', 'print progress and result as lines of JSON')
    .action((view: string, options: ExportOptions) =>
      run((config, logger) => exportViews(config, view, options, logger)),
    )
}

/** Throws `argument-invalid` for an unknown view or time. */
async function exportViews(config: Config, name: string, options: ExportOptions, logger: Logger): Promise<number> {
  const views = exportableViews.filter((view) => name === 'all' || view.name === name)
  if (views.length === 0) throw new Fault('argument-invalid', { view: name })
  const { from, to } = { from: momentOf('from', options.from), to: momentOf('to', options.to) }
  if (from !== undefined && to !== undefined && from >= to) throw new Fault('argument-invalid', { from: options.from })

  await using reached = new AsyncDisposableStack()
  const stopping = new AbortController()
  const stop = () => stopping.abort()
  process.once('SIGINT', stop).once('SIGTERM', stop)
  reached.defer(() => void process.off('SIGINT', stop).off('SIGTERM', stop))
  const line = progressLine()
  const parts = {
    directory: options.out,
    format: options.format,
    isForced: options.force === true,
    signal: stopping.signal,
    onProgress: (progress: ExportProgress) =>
      options.json ? sayJson({ event: 'progress', ...progress }) : line.show(progressText(progress)),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  }
  const database = await openCommandDatabase(config, await reachPostgres(config, logger, reached), logger, reached)
  await prepareExport(views, { ...parts, database })
  for (const view of views) {
    const exported = await exportView(view, { ...parts, database })
    line.clear()
    if (options.json) sayJson({ event: 'exported', ...exported })
    else say(`${exported.file}  ${exported.rows} rows, ${exported.bytes} bytes`)
  }
  return exitCodes.success
}

const MOMENT = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/

/** A day stands for its beginning in UTC. */
function momentOf(argument: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined
  const moment = new Date(text)
  // A day that no month has would be taken for one of the next month.
  const isReal = MOMENT.test(text) && !Number.isNaN(moment.getTime())
  const [day = ''] = text.split('T')
  if (!isReal || new Date(`${day}T00:00:00Z`).toISOString().slice(0, 10) !== day) {
    throw new Fault('argument-invalid', { [argument]: text })
  }
  return moment
}

const BAR_WIDTH = 30

function progressText({ view, rows, rowsTotal }: ExportProgress): string {
  const share = rowsTotal === 0 ? 1 : rows / rowsTotal
  const bar = '█'.repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, '░')
  return `${view} ${bar} ${Math.floor(share * 100)} %  ${rows} of ${rowsTotal} rows`
}
