/** The `emberlog` command: reads arguments, runs one command, and tells the shell how it went. */
import { Command, CommanderError } from 'commander'
import manifest from '../package.json' with { type: 'json' }
import { addAnalyticsCommands } from './cli/analytics-commands.ts'
import { addAuditCommands } from './cli/audit-commands.ts'
import { addChatCommand } from './cli/chat-command.ts'
import { addEventStoreCommands } from './cli/eventstore-commands.ts'
import { exitCodes } from './cli/exit-codes.ts'
import { failureText } from './cli/failure-text.ts'
import { createLogger } from './cli/json-logger.ts'
import { addLedgerCommands } from './cli/ledger-commands.ts'
import { addLoadCommand } from './cli/load-command.ts'
import { complain, surviveClosedPipes } from './cli/output.ts'
import { addPrivacyCommands } from './cli/privacy-commands.ts'
import { addProjectionsCommands } from './cli/projections-commands.ts'
import { addRoutingCommands } from './cli/routing-commands.ts'
import type { RunCommand } from './cli/run-command.ts'
import { addServeCommand } from './cli/serve-command.ts'
import { type Config, readConfig } from './config.ts'
import { isFault } from './shared/failures.ts'

surviveClosedPipes()
process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  let exitCode: number = exitCodes.success
  const run: RunCommand = async (work, { isServer = false } = {}) => {
    const config = readConfig()
    exitCode = await work(config, createLogger(isServer ? config.LOG_LEVEL : quietly(config)))
  }
  try {
    await program(run).parseAsync([...args], { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.success : exitCodes.badArguments
    complain(failureText(error))
    const isTheirs = isFault(error, 'configuration-invalid') || isFault(error, 'argument-invalid')
    return isTheirs ? exitCodes.badArguments : exitCodes.couldNotRun
  }
}

function program(run: RunCommand): Command {
  const emberlog = new Command('emberlog')
    .description('An event-sourced AI chat backend that keeps everything and can prove it.')
    .version(manifest.version)
    .exitOverride()
    .showHelpAfterError('(add --help for what is possible)')
  addServeCommand(emberlog, run)
  addChatCommand(emberlog, run)
  addAuditCommands(emberlog, run)
  addAnalyticsCommands(emberlog, run)
  addLedgerCommands(emberlog, run)
  addProjectionsCommands(emberlog, run)
  addLoadCommand(emberlog, run)
  addPrivacyCommands(emberlog, run)
  addRoutingCommands(emberlog, run)
  addEventStoreCommands(emberlog, run)
  return emberlog
}

/** A command that people look at logs only what went wrong, unless they ask for more. */
function quietly({ LOG_LEVEL }: Config): Config['LOG_LEVEL'] {
  return LOG_LEVEL === 'info' ? 'warn' : LOG_LEVEL
}
