/** Starts one server process, says when it is ready, when it ended and why, and stops it within a bound. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { explainUnrunnable, type PostgresBinaries } from './postgres-binaries.ts'
import { startServerGuard } from './server-guard.ts'
import { createServerLog, type Logger, type ServerLog } from './server-log.ts'
import { type ServerSettings, serverArguments, serverEnvironment } from './server-settings.ts'
import type { ServerUser } from './server-user.ts'

export interface ServerProcess {
  readonly processId: number
  readonly port: number
  /** Resolves when the process is gone, asked or not, with a plain sentence. */
  readonly ended: Promise<{ reason: string }>
  /** Stops the server cleanly, or within the bounds below as a crash that loses no commit. Resolves when it is gone. */
  stop(): Promise<void>
}

export interface ServerPlan {
  readonly binaries: PostgresBinaries
  readonly user: ServerUser
  readonly cluster: string
  readonly settings: ServerSettings
  readonly logger: Logger
}

/** Recovery after a crash replays at most a gigabyte of log (`max_wal_size`); a slow disk does that in this time. */
export const readyMsMax = 180_000
/** A clean stop writes what is in memory to disk. */
export const cleanStopMsMax = 10_000
/** After SIGQUIT the server itself kills what does not listen within five seconds. */
export const immediateStopMsMax = 8_000
const killMsMax = 5_000
const lastWordsMsMax = 100
const readyPollMs = 10

/**
 * Starts `postgres` on an existing cluster and resolves when it accepts connections.
 * @throws {EmbeddedPostgresError} that says why it did not, with the server's own last words.
 */
export async function startServerProcess(plan: ServerPlan): Promise<ServerProcess> {
  const log = createServerLog(plan.logger)
  const { file, args, options } = plan.user.launch(plan.binaries.postgres, serverArguments(plan.cluster, plan.settings))
  const child = spawn(file, args, {
    ...options,
    cwd: '/',
    env: serverEnvironment(),
    detached: true, // See the guard: signals to our process group are not meant for the server.
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  child.stderr.on('data', (chunk: Buffer) => log.push(chunk))
  const ended = watchEnd(child, log)
  const processId = child.pid
  if (processId === undefined) throw explainUnrunnable(plan.binaries.postgres, (await ended).reason)
  const guard = startServerGuard(processId, plan.user, plan.logger)
  const gone = ended.finally(() => guard.standDown())
  const stop = () => stopChild(child, gone)
  const outcome = await waitUntilReady(plan.cluster, child, gone)
  if (typeof outcome === 'object') throw startFailure(plan, outcome, log)
  if (outcome === 'too-late') {
    await stop()
    throw new EmbeddedPostgresError(
      'embedded-postgres-not-ready',
      `The embedded PostgreSQL was not ready after ${readyMsMax / 1_000} seconds and was stopped. ` +
        `Its last words: ${log.lines.at(-1) ?? 'none'}. Nothing is lost; start again when the machine is less busy.`,
    )
  }
  return { processId, port: plan.settings.port, ended: gone, stop }
}

function watchEnd(child: ChildProcess, log: ServerLog): Promise<{ reason: string }> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ reason: `it could not be run: ${error.message}` }))
    child.once('exit', async (code, signal) => {
      // Its last lines may still be in the pipe, and orphaned children of it may keep the pipe open for long.
      await settlesWithin(new Promise((closed) => child.once('close', closed)), lastWordsMsMax)
      const last = log.lastFatal()
      const how = signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`
      resolve({ reason: last === undefined ? how : `${how}: ${last}` })
    })
  })
}

type Outcome = 'ready' | 'too-late' | { reason: string }

/** The server writes its state into line 8 of postmaster.pid; this is what pg_ctl waits for, too. */
async function waitUntilReady(
  cluster: string,
  child: ChildProcess,
  gone: Promise<{ reason: string }>,
): Promise<Outcome> {
  const deadline = performance.now() + readyMsMax
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) return gone
    const lines = (await readFile(path.join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return 'ready'
    await delay(readyPollMs)
  }
  return 'too-late'
}

async function stopChild(child: ChildProcess, gone: Promise<unknown>): Promise<void> {
  const steps = [
    ['SIGINT', cleanStopMsMax],
    ['SIGQUIT', immediateStopMsMax],
    ['SIGKILL', killMsMax],
  ] as const
  for (const [signal, waitMsMax] of steps) {
    child.kill(signal)
    if (await settlesWithin(gone, waitMsMax)) return
  }
  throw new EmbeddedPostgresError(
    'embedded-postgres-stop-failed',
    `The embedded PostgreSQL (process ${child.pid}) does not end, not even when killed. Its disk may be hanging; look at it with "ps".`,
  )
}

async function settlesWithin(promise: Promise<unknown>, waitMsMax: number): Promise<boolean> {
  const waiting = new AbortController()
  const late = delay(waitMsMax, false, { signal: waiting.signal }).catch(() => false)
  try {
    return await Promise.race([promise.then(() => true), late])
  } finally {
    waiting.abort()
  }
}

function startFailure(plan: ServerPlan, { reason }: { reason: string }, log: ServerLog): EmbeddedPostgresError {
  const said = log.lines.join('\n')
  const { port } = plan.settings
  if (/could not bind .*Permission denied/.test(said)) {
    return new EmbeddedPostgresError(
      'embedded-postgres-port-in-use',
      `Port ${port} may not be used by ordinary users; choose one from 1024 up (or none: then a free one is taken).`,
    )
  }
  if (/could not (bind|create any TCP)/.test(said)) {
    return new EmbeddedPostgresError(
      'embedded-postgres-port-in-use',
      `Port ${port} is in use by another program. Stop that program, or choose another port (or none: then a free one is taken).`,
    )
  }
  if (/postmaster\.pid" already exists|pre-existing shared memory block/.test(said)) {
    return new EmbeddedPostgresError(
      'embedded-postgres-directory-in-use',
      `Another PostgreSQL server still runs on ${plan.cluster}: ${reason}. Stop it first.`,
    )
  }
  if (/could not (write|create|extend|open|fsync).*No space left on device/.test(said) && !/shared memory/.test(said)) {
    return new EmbeddedPostgresError(
      'embedded-postgres-disk-full',
      `The disk that holds ${plan.cluster} is full. Free some space and start again; nothing that was committed is lost.`,
    )
  }
  return new EmbeddedPostgresError(
    'embedded-postgres-start-failed',
    `The embedded PostgreSQL on ${plan.cluster} did not start: ${reason}`,
  )
}
