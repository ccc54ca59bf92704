/** `emberlog serve`: runs until it is told to stop, then stops cleanly; says in plain words when it cannot go on. */
import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { startEmberlog } from '../main.ts'
import type { Logger } from '../shared/logger.ts'
import { exitCodes } from './exit-codes.ts'
import { failureText } from './failure-text.ts'
import { complain, say, sayJson } from './output.ts'
import type { RunCommand } from './run-command.ts'
import { forgetRunningServer, noteRunningServer } from './running-server.ts'
import { stopSignal } from './stop-signal.ts'

/** A stop that takes longer than this is cut short; the record loses nothing by it. */
const STOP_MS_MAX = 45_000

export function addServeCommand(emberlog: Command, run: RunCommand): void {
  emberlog
    .command('serve')
    .description('start everything, on embedded defaults or on the servers that EVENTSTORE_URL and DATABASE_URL name')
    .option('--roles <list>', 'what this process does: api,responder,projector,ledger (as EMBERLOG_ROLES)')
    .option('--json', 'print the readiness line as JSON')
    .action((options: { readonly roles?: string; readonly json?: boolean }) => {
      if (options.roles !== undefined) process.env['EMBERLOG_ROLES'] = options.roles
      return run((config, logger) => serve(config, options.json === true, logger), { isServer: true })
    })
}

/** Resolves with the exit code after a stop: 0 when asked for by SIGINT or SIGTERM, 3 when a server failed. */
async function serve(config: Config, isJson: boolean, logger: Logger): Promise<number> {
  const stopAsked = stopSignal()
  const starting = startEmberlog(config, { logger })
  const emberlog = await Promise.race([starting, stopAsked])
  if (typeof emberlog === 'string') {
    // Asked to stop before everything stood: let the start come to its end, then take it down.
    await starting.then((late) => late.stop())
    return exitCodes.success
  }
  const { url, eventStoreUrl, databaseUrl } = emberlog
  await noteRunningServer(config.dataDirectory, { pid: process.pid, url, eventStoreUrl, databaseUrl })
  if (isJson) sayJson({ event: 'listening', url })
  else say(url === '' ? `emberlog running (${config.EMBERLOG_ROLES.join(', ')})` : `emberlog listening on ${url}`)

  const reason = await Promise.race([stopAsked, emberlog.failed])
  if (typeof reason === 'string') logger.info({ signal: reason }, 'stopping')
  else complain(failureText(reason))
  const overdue = setTimeout(() => {
    complain(`stopping took longer than ${STOP_MS_MAX / 1000} s and was cut short`)
    process.exit(exitCodes.couldNotRun)
  }, STOP_MS_MAX)
  await forgetRunningServer(config.dataDirectory)
  await emberlog.stop()
  clearTimeout(overdue)
  return typeof reason === 'string' ? exitCodes.success : exitCodes.couldNotRun
}
