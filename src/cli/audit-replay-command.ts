/** `emberlog audit replay`: every event as it was recorded, of one stream or of all. */
import type { Command } from 'commander'
import type { IndexReach } from '../audit/event-selection.ts'
import type { EventView } from '../audit/event-view.ts'
import { subjectOfLook } from '../audit/look-subject.ts'
import { replay, replayAndFollow, replayIndexed, replayLine } from '../audit/stream-replay.ts'
import type { RecordLook } from '../commands/access-recorder.ts'
import type { Config } from '../config.ts'
import type { Codec } from '../events/codec.ts'
import { openLedgerReader } from '../ledger/ledger-reader.ts'
import { ledgerRoot } from '../main/ledger-parts.ts'
import { createEventQueries, type EventQueries } from '../projections/event-queries.ts'
import { Fault } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import type { EventReader } from '../store/event-store.ts'
import { type FilterOptions, filterOf, withFilterOptions } from './audit-filters.ts'
import { type LookOptions, recordLook, requirePurpose, textsOf, withLookOptions } from './audit-look.ts'
import { exitCodes } from './exit-codes.ts'
import { logProgress } from './log-progress.ts'
import { complain, say, sayJson } from './output.ts'
import { withReadSide } from './read-side.ts'
import type { RunCommand } from './run-command.ts'
import { withEventReader } from './server-access.ts'
import { stopSignal } from './stop-signal.ts'

export function addReplayCommand(audit: Command, run: RunCommand): void {
  withLookOptions(
    withFilterOptions(
      audit
        .command('replay [stream]')
        .description('every event of a stream, or of all (--all), in order')
        .option('--all', 'all streams but drafts, in the order of the log')
        .option('--follow', 'go on with what comes, until stopped')
        .option('--indexed', 'with --all: at once, by the read models, which hold kept conversations and people only')
        .option('--format <format>', 'text, json (one array) or ndjson', 'text')
        .option('--json', 'print every event whole, as a line of JSON'),
    ),
  ).action((stream: string | undefined, options: ReplayOptions) =>
    run((config, logger) => auditReplay(config, stream, options, logger)),
  )
}

interface ReplayOptions extends FilterOptions, LookOptions {
  readonly all?: boolean
  readonly follow?: boolean
  readonly indexed?: boolean
  readonly format: string
  readonly json?: boolean
}

const formats = ['text', 'json', 'ndjson']

/** Resolves with the exit code: 1 when nothing was found, or something that cannot be read, or is not as the index says. */
async function auditReplay(
  config: Config,
  name: string | undefined,
  options: ReplayOptions,
  logger: Logger,
): Promise<number> {
  checkOptions(name, options)
  const filter = filterOf(name, options)
  return await withEventIndex(config, logger, options, async (parts, record) => {
    const { reader } = parts
    const { json, purpose = 'not stated', by: _by, format, ...asked } = options
    const filters = textsOf({ ...asked, format, stream: filter.stream })
    const subject = await subjectOfLook(reader, { ...filter, owner: options.owner })
    const what = { kind: 'content', ...subject, filters, command: 'replay' } as const
    await recordLook(record, { ...options, purpose }, what)
    const printer = createPrinter(json ? 'ndjson' : format)
    const reached = new IndexReached()
    // Lines on the same terminal are progress enough.
    const isQuiet = json === true || format !== 'text' || process.stdout.isTTY === true || options.follow === true
    const { onConsidered, clear } = await logProgress(reader, { json: isQuiet })
    const ledger = openLedgerReader(ledgerRoot(config))
    const events = options.follow
      ? replayAndFollow(parts, filter, untilStopped())
      : parts.index === undefined
        ? replay(parts, filter, { ledger, onConsidered })
        : replayIndexed({ ...parts, index: parts.index }, filter, { ledger, onReach: reached.note })
    for await (const event of events) printer.print(event)
    clear()
    printer.end()
    if (printer.count() === 0) complain(`no events in ${filter.stream ?? 'the record that fit'}`)
    if (printer.unreadable() > 0)
      complain(`${printer.unreadable()} of ${printer.count()} events cannot be read by this version`)
    reached.tell()
    const isWrong = reached.isWrong || (printer.count() === 0 && !options.follow) || printer.unreadable() > 0
    return isWrong ? exitCodes.foundWrong : exitCodes.success
  })
}

/** Before anything is opened. Throws `argument-invalid`. */
function checkOptions(name: string | undefined, options: ReplayOptions): void {
  if ((name === undefined) === (options.all !== true))
    throw new Fault('argument-invalid', { stream: 'name one, or give --all' })
  if (!formats.includes(options.format))
    throw new Fault('argument-invalid', { format: options.format, known: formats.join(' ') })
  if (options.indexed && (name !== undefined || options.follow))
    throw new Fault('argument-invalid', { indexed: 'goes with --all, and not with --follow' })
  // A stream that is named could be replayed before purposes were asked for, and still can; the record says that none was given.
  if (name === undefined) requirePurpose(options)
}

interface ReplaySources {
  readonly reader: EventReader
  readonly codec: Codec
  readonly index?: EventQueries
}

/** With Postgres for the index, or without it. */
async function withEventIndex(
  config: Config,
  logger: Logger,
  { indexed }: ReplayOptions,
  work: (sources: ReplaySources, record: RecordLook) => Promise<number>,
): Promise<number> {
  if (!indexed) return await withEventReader(config, logger, (reader, codec, record) => work({ reader, codec }, record))
  return await withReadSide(config, logger, ({ reader, codec, database, recordLook: record }) =>
    work({ reader, codec, index: createEventQueries({ database }) }, record),
  )
}

/** What is to be known of events that the index found. */
class IndexReached {
  #to: bigint | undefined
  #waitingStreams = 0
  #discardedEvents = 0
  #notFound = 0

  /** Of a page. What was missing while it was read is missing in what was found. */
  readonly note = ({ to, waitingStreams, discardedEvents, notFound }: IndexReach): void => {
    this.#to = to
    this.#waitingStreams = Math.max(this.#waitingStreams, waitingStreams)
    this.#discardedEvents = Math.max(this.#discardedEvents, discardedEvents)
    this.#notFound += notFound
  }

  /** The index has events that the record has not. */
  get isWrong(): boolean {
    return this.#notFound > 0
  }

  tell(): void {
    if (this.#to === undefined) return
    complain(`found by the index: events of kept conversations and of people, up to position ${this.#to}`)
    const tell = (count: number, what: string) => {
      if (count > 0) complain(`${what}: ${count}`)
    }
    tell(this.#waitingStreams, 'streams that wait with parked events, which the index has not')
    tell(this.#discardedEvents, 'discarded events, which the index has not')
    tell(this.#notFound, 'entries of the index that the record does not bear out')
  }
}

function createPrinter(format: string) {
  let [count, unreadable] = [0, 0]
  const write = (event: EventView) => {
    if (format === 'text') say(replayLine(event))
    else if (format === 'ndjson') sayJson(event)
    else process.stdout.write(`${count === 1 ? '[' : ','}\n${JSON.stringify(event)}`)
  }
  return {
    print(event: EventView) {
      count += 1
      if (event.fault !== undefined) unreadable += 1
      write(event)
    },
    end() {
      if (format === 'json') process.stdout.write(count === 0 ? '[]\n' : '\n]\n')
    },
    count: () => count,
    unreadable: () => unreadable,
  }
}

function untilStopped(): AbortSignal {
  const ending = new AbortController()
  void stopSignal().then(() => ending.abort())
  return ending.signal
}
