/** Runs a real PostgreSQL server beside the program, on a directory of its own, and never leaves it behind. */
import { setTimeout as delay } from 'node:timers/promises'
import { prepareCluster, saveConnection } from './cluster-setup.ts'
import { type DirectoryLock, lockDirectory } from './directory-lock.ts'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { findFreePort } from './free-port.ts'
import { removeLeftovers } from './leftover-servers.ts'
import { findPostgresBinaries } from './postgres-binaries.ts'
import { openServerHome, type ServerHome } from './server-home.ts'
import type { Logger } from './server-log.ts'
import { type ServerPlan, type ServerProcess, startServerProcess } from './server-process.ts'
import { maxConnectionsMax, maxConnectionsMin } from './server-settings.ts'
import { chooseServerUser } from './server-user.ts'

export interface EmbeddedPostgresOptions {
  /** The server keeps everything in `<dataDirectory>/postgres`. */
  readonly dataDirectory: string
  /** 0 or undefined: the port of the last start when it is free, else any free one. */
  readonly port?: number | undefined
  /** Connections the server accepts, three of them for superusers only (which the given login is): 5 to 1000. */
  readonly maxConnections: number
  readonly logger: Logger
}

export interface EmbeddedPostgres {
  /** `postgresql://…` for the superuser on database `emberlog`; stays the same over `restart`. */
  readonly connectionString: string
  readonly port: number
  readonly maxConnections: number
  /** Id of the server process that runs now or ran last. */
  readonly processId: number
  /** Resolves when the server dies unasked, with a plain sentence; after a `restart`, read it anew. Never after `stop`. */
  readonly exited: Promise<{ reason: string }>
  /** Starts the server again on the same port, stopping it first if it runs; a crash is recovered from. Not after `stop`. */
  restart(): Promise<void>
  /**
   * Stops the server cleanly, within 23 seconds at worst, and frees the directory; waits for a restart that is under way.
   * Asking twice is fine.
   */
  stop(): Promise<void>
}

/** Another program may take a free port before the server does, and an orphan may need a moment to vanish. */
const startAttemptsMax = 5
const startPauseMs = 200

/**
 * Starts the server, making its database first when there is none, and resolves when it accepts connections.
 * A server that an earlier run left on this directory is stopped first.
 * @throws {EmbeddedPostgresError} whose message tells a person what to do.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  checkOptions(options)
  const binaries = await findPostgresBinaries()
  const home = await openServerHome(options.dataDirectory)
  const lock = await lockDirectory(home)
  try {
    const { logger, maxConnections } = options
    const user = await chooseServerUser(home, binaries)
    await removeLeftovers(home, logger) // The setup may need the cluster to itself.
    const login = await prepareCluster({ home, binaries, user, logger })
    const planFor = (port: number): ServerPlan => {
      const settings = { port, maxConnections, clusterName: home.clusterName }
      return { binaries, user, cluster: home.cluster, settings, logger }
    }
    const request = { home, logger, planFor, port: options.port || undefined, lastPort: login.lastPort }
    const server = await startSomehow(request)
    const connectionString = await saveOrStop(home, login.password, server)
    const startAgain = () => startSomehow({ ...request, port: server.port, isPortOurs: true })
    logger.info({ port: server.port, processId: server.processId, user: user.name }, 'started embedded postgres')
    return new SupervisedPostgres({ server, connectionString, maxConnections, lock, logger, startAgain })
  } catch (error) {
    await lock.release()
    throw error
  }
}

function checkOptions({ port = 0, maxConnections }: EmbeddedPostgresOptions): void {
  const isPort = Number.isInteger(port) && port >= 0 && port <= 65_535
  const isCount =
    Number.isInteger(maxConnections) && maxConnections >= maxConnectionsMin && maxConnections <= maxConnectionsMax
  if (isPort && isCount) return
  throw new EmbeddedPostgresError(
    'embedded-postgres-bad-option',
    isPort
      ? `maxConnections must be a whole number from ${maxConnectionsMin} to ${maxConnectionsMax}, not ${maxConnections}.`
      : `port must be a whole number from 0 to 65535, not ${port}.`,
  )
}

interface StartRequest {
  readonly home: ServerHome
  readonly logger: Logger
  readonly planFor: (port: number) => ServerPlan
  /** The port that was asked for, if any. */
  readonly port: number | undefined
  readonly lastPort: number | undefined
  /** The port was ours a moment ago, so whatever has it now (a client that met itself while reconnecting) lets go of it soon. */
  readonly isPortOurs?: boolean
}

async function startSomehow(request: StartRequest): Promise<ServerProcess> {
  const { home, logger, planFor, port, lastPort, isPortOurs = false } = request
  for (let attempt = 1; ; attempt += 1) {
    await removeLeftovers(home, logger)
    const plan = planFor(port ?? (await findFreePort(attempt === 1 ? lastPort : undefined)))
    try {
      return await startServerProcess(plan)
    } catch (error) {
      const code = error instanceof EmbeddedPostgresError ? error.code : undefined
      const mayPass =
        (code === 'embedded-postgres-port-in-use' && (port === undefined || isPortOurs)) ||
        code === 'embedded-postgres-directory-in-use'
      if (!mayPass || attempt === startAttemptsMax) throw error
      logger.warn({ attempt, code }, 'starting embedded postgres again')
      await delay(startPauseMs)
    }
  }
}

async function saveOrStop(home: ServerHome, password: string, server: ServerProcess): Promise<string> {
  try {
    return await saveConnection(home, password, server.port)
  } catch (error) {
    await server.stop()
    throw error
  }
}

interface Supervision {
  readonly server: ServerProcess
  readonly connectionString: string
  readonly maxConnections: number
  readonly lock: DirectoryLock
  readonly logger: Logger
  readonly startAgain: () => Promise<ServerProcess>
}

// running ──died──► exited ──restart──► running          Requests are carried out one after the other.
//    └──────────────── stop ──────────────────► stopped  (for good; the directory is free)
class SupervisedPostgres implements EmbeddedPostgres {
  readonly connectionString: string
  readonly maxConnections: number
  readonly port: number
  readonly #supervision: Supervision
  #server: ServerProcess
  #isRunning = true
  #exited = Promise.withResolvers<{ reason: string }>()
  #stopped: Promise<void> | undefined
  #queue: Promise<unknown> = Promise.resolve()

  constructor(supervision: Supervision) {
    this.connectionString = supervision.connectionString
    this.maxConnections = supervision.maxConnections
    this.port = supervision.server.port
    this.#supervision = supervision
    this.#server = supervision.server
    this.#watch(supervision.server)
  }

  get processId(): number {
    return this.#server.processId
  }

  get exited(): Promise<{ reason: string }> {
    return this.#exited.promise
  }

  restart(): Promise<void> {
    if (this.#stopped !== undefined) {
      return Promise.reject(
        new EmbeddedPostgresError(
          'embedded-postgres-stopped',
          'The embedded PostgreSQL was stopped for good; start a new one.',
        ),
      )
    }
    return this.#inTurn(async () => {
      const hadDied = !this.#isRunning
      await this.#stopServer()
      this.#server = await this.#supervision.startAgain()
      this.#isRunning = true
      if (hadDied) this.#exited = Promise.withResolvers()
      this.#watch(this.#server)
      this.#supervision.logger.info({ port: this.port, processId: this.processId }, 'restarted embedded postgres')
    })
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#inTurn(async () => {
      await this.#stopServer()
      await this.#supervision.lock.release()
      this.#supervision.logger.info({ port: this.port }, 'stopped embedded postgres')
    })
    return this.#stopped
  }

  async #stopServer(): Promise<void> {
    if (!this.#isRunning) return
    this.#isRunning = false
    await this.#server.stop()
  }

  #watch(server: ServerProcess): void {
    void server.ended.then(({ reason }) => {
      if (!this.#isRunning || server !== this.#server) return
      this.#isRunning = false
      this.#supervision.logger.error({ reason }, 'embedded postgres died')
      this.#exited.resolve({ reason })
    })
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(task)
    this.#queue = done.catch(() => {})
    return done
  }
}
