/** What the tests of the embedded server share: a directory that vanishes, a server that is stopped, a listening log. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { onTestFinished } from 'vitest'
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '../../../src/embedded/postgres/embedded-postgres.ts'

export interface LogEntry {
  readonly level: string
  readonly fields: Record<string, unknown>
  readonly message: string
}

export function recordingLogger() {
  const entries: LogEntry[] = []
  const at = (level: string) => (fields: Record<string, unknown>, message: string) => {
    entries.push({ level, fields, message })
  }
  return { entries, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** A data directory for one test. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'emberlog-postgres-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** A server that is stopped, at the latest, when the test is over. */
export async function startServer(
  options: Partial<EmbeddedPostgresOptions> & { dataDirectory: string },
): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ maxConnections: 10, logger: recordingLogger(), ...options })
  onTestFinished(() => server.stop())
  return server
}

export interface StartedProgram {
  readonly child: ChildProcess
  readonly connectionString: string
  readonly processId: number
}

/** A program of its own, leading a process group of its own, that starts a server on the directory and stays. */
export function forkProgram(dataDirectory: string): ChildProcess {
  const script = new URL('./start-in-child.ts', import.meta.url)
  const child = fork(script, [dataDirectory], { stdio: 'inherit', detached: true })
  onTestFinished(async () => {
    await kill(child)
    await until('its server is gone', async () => (await processesOf(dataDirectory)).length === 0)
  })
  return child
}

export async function startProgram(dataDirectory: string): Promise<StartedProgram> {
  const child = forkProgram(dataDirectory)
  const [started] = (await once(child, 'message')) as [Omit<StartedProgram, 'child'>]
  return { child, ...started }
}

/** Kills a process the hard way and resolves when it is gone. */
export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

/** Runs one statement on a connection of its own and returns its rows. */
export async function query(connectionString: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 10_000 })
  client.on('error', () => {}) // The server may die under it; the query's own promise tells.
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end().catch(() => {})
  }
}

export function clusterOf(dataDirectory: string): string {
  return path.join(dataDirectory, 'postgres', 'cluster')
}

/** Everything that still runs for the directory: the server and its processes, by where they work; guards, by whom they guard. */
export async function processesOf(dataDirectory: string, serverId?: number): Promise<number[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(
    ids.map(async (id) => {
      const works = await readlink(`/proc/${id}/cwd`).catch(() => '')
      const command = await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')
      const guards = command.includes(`emberlog-postgres-guard\0${serverId}\0`)
      return works.startsWith(clusterOf(dataDirectory)) || guards ? id : undefined
    }),
  )
  return found.filter((id) => id !== undefined)
}

/** Polls a real condition; fails by the clock, naming what did not come true. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, waitMsMax = 15_000): Promise<void> {
  const deadline = performance.now() + waitMsMax
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${waitMsMax} ms: ${what}`)
    await delay(20)
  }
}
