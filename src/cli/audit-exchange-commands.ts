/** `emberlog audit trace` and `as-of`: who caused what in an exchange, and a conversation as it stood. */
import type { Command } from 'commander'
import { conversationAsOf } from '../audit/conversation-as-of.ts'
import { traceExchange, traceLines } from '../audit/exchange-trace.ts'
import { subjectOfLook } from '../audit/look-subject.ts'
import { oneLine } from '../audit/stream-replay.ts'
import type { Config } from '../config.ts'
import { conversationIdOf } from '../events/stream-names.ts'
import { Fault } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import { asOfOf, filterOf } from './audit-filters.ts'
import { type LookOptions, recordLook, requirePurpose, textsOf, withLookOptions } from './audit-look.ts'
import { exitCodes } from './exit-codes.ts'
import { logProgress } from './log-progress.ts'
import { complain, say, sayJson } from './output.ts'
import type { RunCommand } from './run-command.ts'
import { withEventReader } from './server-access.ts'

export function addExchangeCommands(audit: Command, run: RunCommand): void {
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
