/** Before a start, stops what an earlier run of ours left on the directory, and touches nothing that is not ours. */
import { readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import {
  isAlive,
  listProcesses,
  type ProcessEntry,
  sendSignal,
  waitUntilGone,
  workingDirectoryOf,
} from './process-table.ts'
import type { ServerHome } from './server-home.ts'
import type { Logger } from './server-log.ts'
import { cleanStopMsMax, immediateStopMsMax } from './server-process.ts'

/** A dead server's processes notice its death at once, unless one is busy computing. */
const lastBreathMsMax = 1_000
/** What was killed is gone when the kernel has cleaned up; a single-user server ends when its input does. */
const vanishMsMax = 5_000

/**
 * The caller holds the directory's lock, so a server of ours that still runs here is an orphan. Waits are bounded; data is
 * never touched. PostgreSQL guards itself besides: it finds leftovers by the shared memory block of its data directory.
 * @throws {EmbeddedPostgresError} embedded-postgres-directory-in-use, when somebody else's server runs on the cluster.
 */
export async function removeLeftovers(home: ServerHome, logger: Logger): Promise<void> {
  const pidFile = path.join(home.cluster, 'postmaster.pid')
  const named = await readServerId(pidFile)
  if (named === undefined) return // PostgreSQL removes the file at a clean stop, when all its processes are gone.
  const ours = (await listProcesses()).filter((entry) => isOurs(entry, home))
  const server = ours.find(({ command }) => command.includes(settingOf(home)))
  if (server !== undefined) {
    logger.warn({ processId: server.processId }, 'stopping an embedded postgres that an earlier run left')
    await stopOrphan(server.processId, home)
  }
  await endRemains(
    ours.map(({ processId }) => processId),
    home,
  )
  if (named !== server?.processId) await refuseForeignServer(named, home)
  // What is left is a file that names nobody, or a process that only has the same number; PostgreSQL would believe it.
  await rm(pidFile, { force: true })
}

async function readServerId(pidFile: string): Promise<number | undefined> {
  const text = await readFile(pidFile, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const processId = Math.abs(Number.parseInt(text, 10)) // A single-user server writes its id with a minus sign.
  return Number.isSafeInteger(processId) ? processId : 0
}

function settingOf(home: ServerHome): string {
  return `cluster_name=${home.clusterName}`
}

/** The server has its name in the command line; its processes have it in their titles. */
function isOurs({ command }: ProcessEntry, home: ServerHome): boolean {
  const program = path.basename(command.split(' ', 1)[0]!)
  return (
    (program === 'postgres' && command.includes(settingOf(home))) ||
    command.startsWith(`postgres: ${home.clusterName}:`)
  )
}

async function stopOrphan(processId: number, home: ServerHome): Promise<void> {
  sendSignal(processId, 'SIGINT')
  if (await waitUntilGone([processId], cleanStopMsMax)) return
  sendSignal(processId, 'SIGQUIT')
  if (await waitUntilGone([processId], immediateStopMsMax)) return
  sendSignal(processId, 'SIGKILL')
  if (await waitUntilGone([processId], vanishMsMax)) return
  throw inUse(processId, home, 'left by an earlier run, does not end')
}

async function endRemains(processIds: readonly number[], home: ServerHome): Promise<void> {
  if (await waitUntilGone(processIds, lastBreathMsMax)) return
  for (const processId of processIds) sendSignal(processId, 'SIGKILL') // As in any crash, what they committed stays.
  if (await waitUntilGone(processIds, vanishMsMax)) return
  throw inUse(processIds[0]!, home, 'left by an earlier run, does not end')
}

async function refuseForeignServer(processId: number, home: ServerHome): Promise<void> {
  if (processId === 0 || !(await isServerOn(processId, home))) return
  if (await waitUntilGone([processId], vanishMsMax)) return
  throw inUse(processId, home, 'was not started by this program')
}

async function isServerOn(processId: number, home: ServerHome): Promise<boolean> {
  if (!(await isAlive(processId))) return false
  const entry = (await listProcesses()).find((candidate) => candidate.processId === processId)
  if (entry === undefined || !entry.command.includes('postgres')) return false
  return entry.command.includes(home.cluster) || (await workingDirectoryOf(processId)) === home.cluster
}

function inUse(processId: number, home: ServerHome, why: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'embedded-postgres-directory-in-use',
    `A PostgreSQL server (process ${processId}) runs on ${home.cluster}; it ${why}. ` +
      `Stop it (kill -INT ${processId} is a clean stop), then start again.`,
  )
}
