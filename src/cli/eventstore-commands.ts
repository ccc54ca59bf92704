/** `emberlog eventstore …`: the event store as a program of its own, and a look at what lies in its directory. */
import { type Command, InvalidArgumentError } from 'commander'
import type { Config } from '../config.ts'
import {
  type BackupResult,
  backUpLog,
  backUpNode,
  findNode,
  logStats,
  nodeStats,
  type RunningNode,
  type ShownStats,
} from '../embedded/eventstore/log-inspection.ts'
import { runStandaloneEventStore, type StandaloneOptions } from '../embedded/eventstore/run-standalone.ts'
import { verifyLog } from '../embedded/eventstore/storage/log-verification.ts'
import { eventStoreDirectory } from '../main/data-directory.ts'
import type { Logger } from '../shared/logger.ts'
import { exitCodes } from './exit-codes.ts'
import { failureText } from './failure-text.ts'
import { complain, progressLine, say, sayJson } from './output.ts'
import type { RunCommand } from './run-command.ts'
import { findRunningServer } from './running-server.ts'
import { stopSignal } from './stop-signal.ts'

interface ServeOptions {
  readonly dataDir?: string
  readonly port: number
  readonly host: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly tls?: boolean
  readonly insecure?: boolean
  readonly inMemory?: boolean
  readonly startStandardProjections?: boolean
  readonly json?: boolean
}

interface InspectionOptions {
  readonly dataDir?: string
  readonly json?: boolean
}

const DATA_DIR = 'where the log lies (default: that of EMBERLOG_DATA_DIR)'
const PORT_DEFAULT = 2113
const PORT_MAX = 65_535

export function addEventStoreCommands(emberlog: Command, run: RunCommand): void {
  const eventstore = emberlog
    .command('eventstore')
    .description('run the event store alone, for other programs: a single node for development, tests and small use')
    .option('--data-dir <dir>', DATA_DIR)
    .option('--port <number>', 'where to listen; 0 takes a free port', parsePort, PORT_DEFAULT)
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .option('--tls-cert <file>', 'certificate (PEM) to serve over TLS with sign-in; with --tls-key')
    .option('--tls-key <file>', 'its private key (PEM)')
    .option('--tls', 'serve over TLS with a certificate of its own, kept in the data directory')
    .option('--insecure', 'serve other machines without TLS and without sign-in')
    .option('--in-memory', 'keep nothing on disk')
    .option(
      '--start-standard-projections',
      'keep link streams by category ($ce-), event type ($et-) and correlation ($bc-)',
    )
    .option('--json', 'print the readiness line as JSON')
    .action((options: ServeOptions) =>
      run((config, logger) => serveEventStore(config, options, logger), { isServer: true }),
    )
  addInspection(eventstore.command('verify').description('check every record of a log that is not in use')).action(
    (_options, command: Command) => run((config) => verify(config, command.optsWithGlobals())),
  )
  addInspection(eventstore.command('stats').description('count what lies in a log, in use or not')).action(
    (_options, command: Command) => run((config) => stats(config, command.optsWithGlobals())),
  )
  addInspection(eventstore.command('backup').description('copy a log, in use or not, into an empty directory'))
    .requiredOption('--to <dir>', 'an empty or missing directory')
    .option('--server <url>', 'the running node, when it asks for a password: esdb://name:password@host:port?…')
    .action((_options, command: Command) => run((config) => backup(config, command.optsWithGlobals())))
}

/** `--data-dir` and `--json` stand before or after the command's name. */
function addInspection(command: Command): Command {
  return command.option('--data-dir <dir>', DATA_DIR).option('--json', 'print the result as JSON')
}

function parsePort(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > PORT_MAX) throw new InvalidArgumentError('It is a number from 0 to 65535.')
  return port
}

/** Resolves with the exit code: 0 after a stop that was asked for, 3 when the store cannot go on. */
async function serveEventStore(config: Config, options: ServeOptions, logger: Logger): Promise<number> {
  if ((options.tlsCert === undefined) !== (options.tlsKey === undefined)) {
    complain('--tls-cert and --tls-key belong together')
    return exitCodes.badArguments
  }
  const stopAsked = stopSignal()
  const starting = runStandaloneEventStore({ ...standaloneOptions(config, options), logger })
  const store = await Promise.race([starting, stopAsked])
  if (typeof store === 'string') {
    // Asked to stop before it stood: let the start come to its end, then take it down.
    await starting.then((late) => late.stop())
    return exitCodes.success
  }
  complain('this event store is a single node for development, tests and small installations; it has no replicas')
  if (store.authorityFile !== undefined) complain(`clients trust it with tlsCaFile=${store.authorityFile}`)
  if (options.json === true) sayJson({ event: 'listening', url: store.url, authorityFile: store.authorityFile })
  else say(`eventstore listening on ${store.url}`)
  const reason = await Promise.race([stopAsked, store.ended])
  if (reason instanceof Error) complain(failureText(reason))
  await store.stop()
  return reason instanceof Error ? exitCodes.couldNotRun : exitCodes.success
}

function standaloneOptions(config: Config, options: ServeOptions): Omit<StandaloneOptions, 'logger'> {
  const { host, port, tlsCert: cert, tlsKey: key, inMemory = false, insecure = false } = options
  const given = cert !== undefined && key !== undefined ? { cert, key } : undefined
  return {
    dataDirectory: inMemory ? undefined : directoryOf(config, options),
    host,
    port,
    tls: given ?? (options.tls === true ? 'self-made' : undefined),
    isInsecureAllowed: insecure,
    hasStandardProjections: options.startStandardProjections === true,
  }
}

function directoryOf(config: Config, { dataDir }: InspectionOptions): string {
  return dataDir ?? eventStoreDirectory(config.dataDirectory)
}

/** 1 when a record is not what was written. */
async function verify(config: Config, options: InspectionOptions): Promise<number> {
  const line = progressLine()
  const result = await verifyLog({
    directory: directoryOf(config, options),
    onProgress: ({ segments, segmentsTotal, records }) =>
      line.show(`verifying segment ${segments} of ${segmentsTotal}, ${records} records`),
  })
  line.clear()
  if (options.json === true) sayJson({ event: 'verified', ...result })
  else if (result.firstBad === undefined) {
    const { records, streams, segments, bytes } = result
    say(`sound: ${records} records in ${streams} streams, ${segments} segments, ${bytes} bytes`)
    if (result.tornBytes > 0)
      say(`${result.tornBytes} bytes at the end were never acknowledged and go at the next start`)
    if (result.staleIndexes.length > 0) say(`indexes to be built again: ${result.staleIndexes.join(', ')}`)
  } else {
    const { file, offset, position, reason } = result.firstBad
    say(`damaged: ${file} at byte ${offset}, position ${position}: ${reason}`)
  }
  return result.isSound ? exitCodes.success : exitCodes.foundWrong
}

async function stats(config: Config, options: InspectionOptions): Promise<number> {
  const directory = directoryOf(config, options)
  const { records, streams, bytes, segments } = await orOfNode<ShownStats>(config, directory, logStats, nodeStats)
  if (options.json === true) sayJson({ event: 'stats', records, streams, bytes, segments })
  else say(`${records} records in ${streams} streams, ${segments} segments, ${bytes} bytes`)
  return exitCodes.success
}

interface BackupOptions extends InspectionOptions {
  readonly to: string
  readonly server?: string
}

async function backup(config: Config, options: BackupOptions): Promise<number> {
  const { records, bytes } = await copy(config, options)
  if (options.json === true) sayJson({ event: 'backed-up', directory: options.to, records, bytes })
  else say(`copied ${records} records, ${bytes} bytes, to ${options.to}`)
  return exitCodes.success
}

async function copy(config: Config, options: BackupOptions): Promise<BackupResult> {
  if (options.server !== undefined) return backUpNode({ connectionString: options.server }, options.to)
  return orOfNode(
    config,
    directoryOf(config, options),
    (directory) => backUpLog(directory, options.to),
    (node) => backUpNode(node, options.to),
  )
}

/** A log in use is looked at by whoever works on it: nobody else may open it. */
async function orOfNode<Result>(
  config: Config,
  directory: string,
  ofLog: (directory: string) => Promise<Result>,
  ofNode: (node: RunningNode) => Promise<Result>,
): Promise<Result> {
  try {
    return await ofLog(directory)
  } catch (error) {
    const node = (error as { code?: string }).code === 'directory-in-use' ? await nodeOn(config, directory) : undefined
    if (!node) throw error
    return ofNode(node)
  }
}

/** Whoever works on a directory: a node of its own, or the whole program. */
async function nodeOn(config: Config, directory: string): Promise<RunningNode | undefined> {
  const node = await findNode(directory)
  if (node) return node
  const isPrograms = directory === eventStoreDirectory(config.dataDirectory)
  const running = isPrograms ? await findRunningServer(config.dataDirectory) : undefined
  return running && { connectionString: running.eventStoreUrl }
}
