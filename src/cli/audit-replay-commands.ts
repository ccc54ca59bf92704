/** `emberlog audit replay`, `trace` and `as-of`: the record as it was, and who caused what. */
import type { Command } from 'commander'
import { conversationAsOf } from '../audit/conversation-as-of.ts'
import type { EventView } from '../audit/event-view.ts'
import { traceExchange, traceLines } from '../audit/exchange-trace.ts'
import { subjectOfLook } from '../audit/look-subject.ts'
import { oneLine, replay, replayAndFollow, replayLine } from '../audit/stream-replay.ts'
import type { Config } from '../config.ts'
import { conversationIdOf } from '../events/stream-names.ts'
import { openLedgerReader } from '../ledger/ledger-reader.ts'
import { ledgerRoot } from '../main/ledger-parts.ts'
import { Fault } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import { asOfOf, type FilterOptions, filterOf, withFilterOptions } from './audit-filters.ts'
import { type LookOptions, recordLook, requirePurpose, textsOf, withLookOptions } from './audit-look.ts'
import { exitCodes } from './exit-codes.ts'
import { logProgress } from './log-progress.ts'
import { complain, say, sayJson } from './output.ts'
import type { RunCommand } from './run-command.ts'
import { withEventReader } from './server-access.ts'
import { stopSignal } from './stop-signal.ts'

export function addReplayCommands(audit: Command, run: RunCommand): void {
  withLookOptions(
    withFilterOptions(
      audit
        .command('replay [stream]')
        .description('every event of a stream, or of all (--all), in order')
        .option('--all', 'all streams but drafts, in the order of the log')
        .option('--follow', 'go on with what comes, until stopped')
        .option('--format <format>', 'text, json (one array) or ndjson', 'text')
        .option('--json', 'print every event whole, as a line of JSON'),
    ),
  ).action((stream: string | undefined, options: ReplayOptions) =>
    run((config, logger) => auditReplay(config, stream, options, logger)),
  )
  withLookOptions(
    audit
      .command('trace <id>')
      .description(
        'what caused what: the exchange of a message, turn, command or correlation id, as a tree with timings',
      )
      .option('--owner <id>', 'whose conversation it is in; with --conversation, only that is read')
      .option('--conversation <id>', "the owner's own id of the conversation")
      .option('--json', 'print the tree as a line of JSON'),
  ).action((id: string, options: TraceOptions) => run((config, logger) => auditTrace(config, id, options, logger)))
  withLookOptions(
    audit
      .command('as-of <conversation>')
      .description('a conversation as it stood at a time or position')
      .requiredOption('--owner <id>', 'whose conversation it is')
      .option('--at <time or position>', 'left out: now')
      .option('--json', 'print it as a line of JSON'),
  ).action((conversation: string, options: AsOfOptions) =>
    run((config, logger) => auditAsOf(config, conversation, options, logger)),
  )
}

interface ReplayOptions extends FilterOptions, LookOptions {
  readonly all?: boolean
  readonly follow?: boolean
  readonly format: string
  readonly json?: boolean
}

const formats = ['text', 'json', 'ndjson']

/** Resolves with the exit code: 1 when nothing was found, or something that cannot be read. */
async function auditReplay(
  config: Config,
  name: string | undefined,
  options: ReplayOptions,
  logger: Logger,
): Promise<number> {
  if ((name === undefined) === (options.all !== true))
    throw new Fault('argument-invalid', { stream: 'name one, or give --all' })
  if (!formats.includes(options.format))
    throw new Fault('argument-invalid', { format: options.format, known: formats.join(' ') })
  // A stream that is named could be replayed before purposes were asked for, and still can; the record says that none was given.
  if (name === undefined) requirePurpose(options)
  const purpose = options.purpose ?? 'not stated'
  const filter = filterOf(name, options)
  const format = options.json ? 'ndjson' : options.format
  return await withEventReader(config, logger, async (reader, codec, record) => {
    const { json: _json, purpose: _purpose, by: _by, ...asked } = options
    const filters = textsOf({ ...asked, stream: filter.stream })
    const what = {
      kind: 'content',
      ...(await subjectOfLook(reader, { ...filter, owner: options.owner })),
      filters,
    } as const
    await recordLook(record, { ...options, purpose }, { ...what, command: 'replay' })
    const printer = createPrinter(format)
    const ledger = openLedgerReader(ledgerRoot(config))
    // Lines on the same terminal are progress enough.
    const isQuiet = format !== 'text' || process.stdout.isTTY === true || options.follow === true
    const { onConsidered, clear } = await logProgress(reader, { json: isQuiet })
    const events = options.follow
      ? replayAndFollow({ reader, codec }, filter, untilStopped())
      : replay({ reader, codec }, filter, { ledger, onConsidered })
    for await (const event of events) printer.print(event)
    clear()
    printer.end()
    if (printer.count() === 0) complain(`no events in ${filter.stream ?? 'the record that fit'}`)
    if (printer.unreadable() > 0)
      complain(`${printer.unreadable()} of ${printer.count()} events cannot be read by this version`)
    const isWrong = (printer.count() === 0 && !options.follow) || printer.unreadable() > 0
    return isWrong ? exitCodes.foundWrong : exitCodes.success
  })
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

interface TraceOptions extends LookOptions {
  readonly owner?: string
  readonly conversation?: string
  readonly json?: boolean
}

async function auditTrace(config: Config, id: string, options: TraceOptions, logger: Logger): Promise<number> {
  requirePurpose(options)
  const { owner, conversation } = options
  if ((owner === undefined) !== (conversation === undefined)) {
    throw new Fault('argument-invalid', { owner: 'give --owner and --conversation together' })
  }
  const { stream } = conversation === undefined ? {} : filterOf(conversation, { ...(owner !== undefined && { owner }) })
  return await withEventReader(config, logger, async (reader, _codec, record) => {
    const progress = await logProgress(reader, options)
    const { onConsidered } = progress
    const events = await traceExchange(reader, id, { ...(stream !== undefined && { stream }), onConsidered })
    progress.clear()
    // Whose exchange it is shows only now; nothing of it has been shown yet.
    const subject = await subjectOfLook(reader, { stream: stream ?? events[0]?.stream, owner })
    await recordLook(record, options, { kind: 'metadata', ...subject, filters: { id }, command: 'trace' })
    if (events.length === 0) complain(`nothing in the record has the id ${id}`)
    else if (options.json) sayJson(events)
    else for (const line of traceLines(events)) say(line)
    return events.length === 0 ? exitCodes.foundWrong : exitCodes.success
  })
}

interface AsOfOptions extends LookOptions {
  readonly owner: string
  readonly at?: string
  readonly json?: boolean
}

async function auditAsOf(config: Config, name: string, options: AsOfOptions, logger: Logger): Promise<number> {
  requirePurpose(options)
  const asOf = asOfOf(options.at)
  const conversationId = conversationIdOf(options.owner, name)
  return await withEventReader(config, logger, async (reader, codec, record) => {
    const what = {
      kind: 'content',
      subjectId: options.owner,
      conversationId,
      filters: textsOf({ at: options.at }),
    } as const
    await recordLook(record, options, { ...what, command: 'as-of' })
    const found = await conversationAsOf(reader, codec, { conversationId, asOf })
    if (found === undefined) {
      complain(`${options.owner} had no conversation ${name} then`)
      return exitCodes.foundWrong
    }
    const { conversation, messages, position, events } = found
    if (options.json) {
      process.stdout.write(
        `${JSON.stringify({ conversation, messages, position, events }, (_name, value) => (typeof value === 'bigint' ? String(value) : value))}\n`,
      )
      return exitCodes.success
    }
    say(`${oneLine(conversation.title)}  (${events} events, up to position ${position})`)
    for (const { createdAt, role, status, text } of messages)
      say(`${createdAt}  ${role.padEnd(9)}  ${status.padEnd(9)}  ${oneLine(text)}`)
    return exitCodes.success
  })
}
