/** Lets one process at a time keep the ledger in a directory; the kernel frees it when that process dies, however it dies. */
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Fault } from '../shared/failures.ts'

export interface DirectoryLock {
  readonly release: () => void
}

const SQLITE_BUSY = 5

/**
 * Undefined while another process, or another keeper of this one, has it. Node has no file locks of its own; SQLite, which is part
 * of Node, takes real ones: the lock is an open transaction on an empty database that is never written. The embedded servers do the
 * same with their directories; they import nothing of ours, so each has its own few lines. Throws `ledger-not-written`.
 */
export async function takeLock(file: string): Promise<DirectoryLock | undefined> {
  let database: DatabaseSync | undefined
  try {
    await mkdir(path.dirname(file), { recursive: true })
    database = new DatabaseSync(file, { timeout: 0 })
    // Without a journal nothing is ever written, so the lock can be had on a full disk too.
    database.exec('PRAGMA journal_mode = OFF; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    const held = database
    return { release: () => held.close() }
  } catch (cause) {
    database?.close()
    if (((cause as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY) return undefined
    throw new Fault('ledger-not-written', { file }, { cause })
  }
}
