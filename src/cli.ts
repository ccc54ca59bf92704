/** The `emberlog` command: reads arguments, runs one command, and tells the shell how it went. */
import { Command, CommanderError } from 'commander'
import { auditReplay, type ReplayOptions } from './cli/audit-commands.ts'
import { type ChatOptions, chatOnce } from './cli/chat-command.ts'
import { exitCodes } from './cli/exit-codes.ts'
import { failureText } from './cli/failure-text.ts'
import { createLogger } from './cli/json-logger.ts'
import { complain, surviveClosedPipes } from './cli/output.ts'
import { type RebuildOptions, rebuild } from './cli/projections-commands.ts'
import { serve } from './cli/serve-command.ts'
import { type Config, readConfig } from './config.ts'
import { isFault } from './shared/failures.ts'

surviveClosedPipes()
process.exitCode = await run(process.argv.slice(2))

async function run(args: readonly string[]): Promise<number> {
  let exitCode: number = exitCodes.success
  /** Runs a command's work with the configuration; what it resolves with is the exit code. */
  const doing = (work: (config: Config) => Promise<number>) => async () => {
    exitCode = await work(readConfig())
  }
  try {
    await program(doing).parseAsync([...args], { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.success : exitCodes.badArguments
    complain(failureText(error))
    return isFault(error, 'configuration-invalid') ? exitCodes.badArguments : exitCodes.couldNotRun
  }
}

type Doing = (work: (config: Config) => Promise<number>) => () => Promise<void>

function program(doing: Doing): Command {
  const emberlog = new Command('emberlog')
    .description('An event-sourced AI chat backend that keeps everything and can prove it.')
    .exitOverride()
    .showHelpAfterError('(add --help for what is possible)')

  emberlog
    .command('serve')
    .description('start everything, on embedded defaults or on the servers that EVENTSTORE_URL and DATABASE_URL name')
    .option('--roles <list>', 'what this process does: api,responder,projector,ledger (as EMBERLOG_ROLES)')
    .option('--json', 'print the readiness line as JSON')
    .action((options: { roles?: string; json?: boolean }) => {
      if (options.roles !== undefined) process.env['EMBERLOG_ROLES'] = options.roles
      return doing((config) => serve(config, options.json === true, createLogger(config.LOG_LEVEL)))()
    })

  emberlog
    .command('chat <text>')
    .description('send one message, stream the answer, and list the events that the turn left in the record')
    .option('--user <id>', 'who sends it', 'me')
    .option('--conversation <id>', 'the conversation to go on with (default: a new one)')
    .option('--url <url>', 'a running server (default: the one on the data directory, or one started for this message)')
    .option('--json', 'print every frame and event as a line of JSON')
    .action((text: string, options: ChatOptions) =>
      doing((config) => chatOnce(config, text, options, createLogger(quietly(config))))(),
    )

  const audit = emberlog.command('audit').description('read the record itself; never changes it')
  audit
    .command('replay <stream>')
    .description('every event of a stream, in order')
    .option('--owner <id>', "take <stream> as this person's own conversation id")
    .option('--json', 'print every event whole, as a line of JSON')
    .action((stream: string, options: ReplayOptions) =>
      doing((config) => auditReplay(config, stream, options, createLogger(quietly(config))))(),
    )

  const projections = emberlog.command('projections').description('look after the read models')
  projections
    .command('rebuild')
    .description('build the read models anew from the record, beside the live ones, and take them into use')
    .option('--force', 'take them into use even if they differ without a known reason')
    .option('--json', 'print progress and result as lines of JSON')
    .action((options: RebuildOptions) => doing((config) => rebuild(config, options, createLogger(quietly(config))))())

  return emberlog
}

/** A command that people look at logs only what went wrong, unless they ask for more. */
function quietly({ LOG_LEVEL }: Config): Config['LOG_LEVEL'] {
  return LOG_LEVEL === 'info' ? 'warn' : LOG_LEVEL
}
