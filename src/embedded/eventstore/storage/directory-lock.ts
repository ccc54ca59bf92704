/** One directory, one process: the kernel itself lets go of the lock when its holder dies, however it dies. */
import fs from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StorageFault } from './storage-fault.ts'

const LOCK_FILE = 'lock'
const OWNER_FILE = 'lock-owner.json'

/**
 * Holds the directory until the answer is called or the process ends. Throws `directory-in-use` with the holder's pid.
 *
 * Node has no file locks of its own, but SQLite, which is part of Node, takes real ones (fcntl, on Windows LockFileEx),
 * and also keeps threads of one process apart. So the lock is an open transaction on an empty database that is never
 * written. A pid in a file would need guessing whether the pid still means the same process, and two openers that
 * both find it stale can both win; here a killed holder leaves nothing behind, and no pid is ever judged. The owner file is only for people:
 * it names who holds the lock and is believed only while somebody does.
 */
export function holdDirectory(directory: string): () => void {
  const owner = path.join(directory, OWNER_FILE)
  const database = new DatabaseSync(path.join(directory, LOCK_FILE), { timeout: 0 })
  try {
    // Without a journal nothing is ever written, so the lock can be had on a full disk too.
    database.exec('PRAGMA journal_mode = OFF; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    if (!isBusy(cause)) throw cause
    throw new StorageFault('directory-in-use', { directory, ...readOwner(owner) }, { cause })
  }
  writeOwner(owner)
  return () => {
    fs.rmSync(owner, { force: true })
    database.close()
  }
}

const SQLITE_BUSY = 5

function isBusy(error: unknown): boolean {
  return ((error as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY
}

function writeOwner(file: string): void {
  try {
    fs.writeFileSync(file, JSON.stringify({ pid: process.pid, since: new Date().toISOString() }))
  } catch {
    // On a full disk the lock holds all the same; only the name of its holder is missing.
  }
}

function readOwner(file: string): { pid: number | 'unknown'; since?: string } {
  try {
    const { pid, since } = JSON.parse(fs.readFileSync(file, 'utf8')) as { pid: number; since: string }
    return { pid, since }
  } catch {
    return { pid: 'unknown' }
  }
}
