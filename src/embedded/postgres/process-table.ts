/** Looks at processes that are not our children: whether they live, what they run, and how to end them within a bound. */
import { execFile } from 'node:child_process'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

export interface ProcessEntry {
  readonly processId: number
  /** The command line, or the title the process gave itself. */
  readonly command: string
}

const pollMs = 20

/** Lists the processes we may see: from /proc on Linux, where `ps` is often not installed, from `ps` elsewhere. */
export async function listProcesses(): Promise<ProcessEntry[]> {
  if (process.platform !== 'linux') return listWithPs()
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const entries = await Promise.all(ids.map(async (processId) => ({ processId, command: await commandOf(processId) })))
  return entries.filter(({ command }) => command !== '')
}

async function commandOf(processId: number): Promise<string> {
  const command = await readFile(`/proc/${processId}/cmdline`, 'utf8').catch(() => '') // It may have ended meanwhile.
  return command.replaceAll('\0', ' ').trim()
}

async function listWithPs(): Promise<ProcessEntry[]> {
  const { stdout } = await promisify(execFile)('ps', ['-axww', '-o', 'pid=,command='], { maxBuffer: 64 * 1024 * 1024 })
  return stdout.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(.*)$/.exec(line)
    return match === null ? [] : [{ processId: Number(match[1]), command: match[2]! }]
  })
}

/** The directory a process works in; undefined when it cannot be told. */
export async function workingDirectoryOf(processId: number): Promise<string | undefined> {
  return readlink(`/proc/${processId}/cwd`).catch(() => undefined)
}

/** Whether a process runs. A zombie does not: in a container without an init process nobody clears it away. */
export async function isAlive(processId: number): Promise<boolean> {
  if (process.platform === 'linux') {
    const status = await readFile(`/proc/${processId}/stat`, 'utf8').catch(() => '')
    const state = status.slice(status.lastIndexOf(')') + 2)[0]
    return state !== undefined && state !== 'Z' && state !== 'X'
  }
  return sendSignal(processId, 0)
}

/** Sends a signal; false when there is no such process any more. Not being allowed to counts as there being one. */
export function sendSignal(processId: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(processId, signal)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** Waits until none of the processes runs; false when some still do after `waitMsMax`. */
export async function waitUntilGone(processIds: readonly number[], waitMsMax: number): Promise<boolean> {
  const deadline = performance.now() + waitMsMax
  for (;;) {
    const alive = await Promise.all(processIds.map(isAlive))
    if (!alive.includes(true)) return true
    if (performance.now() > deadline) return false
    await delay(pollMs)
  }
}
