/** `emberlog audit …`: what an auditor reads, always from the record itself and never with a way to write to it. */
import type { Command } from 'commander'
import { replayLine, replayStream } from '../audit/stream-replay.ts'
import type { Config } from '../config.ts'
import { conversationIdOf, conversationStream } from '../events/stream-names.ts'
import type { Logger } from '../shared/logger.ts'
import { addVerifyCommand } from './audit-verify-command.ts'
import { exitCodes } from './exit-codes.ts'
import { complain, say, sayJson } from './output.ts'
import type { RunCommand } from './run-command.ts'
import { withEventReader } from './server-access.ts'

export function addAuditCommands(emberlog: Command, run: RunCommand): void {
  const audit = emberlog.command('audit').description('read the record itself; never changes it')
  audit
    .command('replay <stream>')
    .description('every event of a stream, in order')
    .option('--owner <id>', "take <stream> as this person's own conversation id")
    .option('--json', 'print every event whole, as a line of JSON')
    .action((stream: string, options: ReplayOptions) =>
      run((config, logger) => auditReplay(config, stream, options, logger)),
    )
  addVerifyCommand(audit, run)
}

interface ReplayOptions {
  /** With it, the stream is named by the owner's own conversation id. */
  readonly owner?: string
  readonly json?: boolean
}

/** Resolves with the exit code: 1 when the stream holds nothing, or something that cannot be read. */
async function auditReplay(config: Config, name: string, options: ReplayOptions, logger: Logger): Promise<number> {
  const stream = options.owner === undefined ? name : conversationStream(conversationIdOf(options.owner, name))
  return await withEventReader(config, logger, async (reader, codec) => {
    let count = 0
    let unreadable = 0
    for await (const event of replayStream(reader, codec, stream)) {
      count += 1
      if (event.fault !== undefined) unreadable += 1
      if (options.json) sayJson(event)
      else say(replayLine(event))
    }
    if (count === 0) complain(`no events in ${stream}`)
    if (unreadable > 0) complain(`${unreadable} of ${count} events cannot be read by this version`)
    return count === 0 || unreadable > 0 ? exitCodes.foundWrong : exitCodes.success
  })
}
