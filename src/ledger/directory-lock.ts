/** Lets one process at a time keep the ledger in a directory; a process that died leaves nothing that holds. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Fault } from '../shared/failures.ts'

export interface DirectoryLock {
  readonly release: () => Promise<void>
}

const TRIES_MAX = 3

/** What this process holds: where process ids begin anew, as in containers, a dead one may have had ours. */
const held = new Set<string>()

/** Undefined while another living process, or another keeper of this one, has it. */
export async function takeLock(file: string): Promise<DirectoryLock | undefined> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    if (await create(file)) {
      held.add(file)
      return {
        async release() {
          held.delete(file)
          await rm(file, { force: true })
        },
      }
    }
    if (held.has(file) || (await isHeldElsewhere(file))) return undefined
    await rm(file, { force: true })
  }
  return undefined
}

async function create(file: string): Promise<boolean> {
  try {
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, `${process.pid} ${await startOf(process.pid)}`, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw new Fault('ledger-not-written', { file }, { cause: error })
  }
}

async function isHeldElsewhere(file: string): Promise<boolean> {
  const [pid, start] = (await readFile(file, 'utf8').catch(() => '')).split(' ')
  const holder = Number(pid)
  return holder > 0 && holder !== process.pid && isAlive(holder) && (await startOf(holder)) === start
}

/** Tells two processes apart that had the same id; the same for all where the system does not say. */
async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? 'unknown'
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
