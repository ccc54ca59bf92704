/** One process at a time holds a server's directory; the kernel frees it when that process dies, however it dies. */
import { chmod, readFile, rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { explainFileFailure, ownLikeHome, type ServerHome, writePrivateFile } from './server-home.ts'

export interface DirectoryLock {
  release(): Promise<void>
}

interface Holder {
  readonly processId: number
  readonly since: string
}

/**
 * Takes the lock or refuses at once, naming the holder.
 * Node offers no file lock of its own; an exclusive SQLite transaction on an empty file is one that the kernel frees.
 * Nothing else may open the lock file: closing any handle of it would free the lock.
 */
export async function lockDirectory(home: ServerHome): Promise<DirectoryLock> {
  const database = openLockFile(home)
  try {
    database.exec('begin exclusive')
  } catch (cause) {
    database.close()
    throw await refusal(home, cause)
  }
  try {
    await chmod(home.lockFile, 0o600) // Whoever can open it could lock it.
    await ownLikeHome(home, home.lockFile)
    const holder: Holder = { processId: process.pid, since: new Date().toISOString() }
    await writePrivateFile(home, home.holderFile, `${JSON.stringify(holder)}\n`)
  } catch (cause) {
    database.close()
    throw cause
  }
  return {
    async release() {
      if (!database.isOpen) return
      await rm(home.holderFile, { force: true }).catch(() => {}) // A name left behind misleads nobody while the lock is free.
      database.close()
    },
  }
}

function openLockFile(home: ServerHome): DatabaseSync {
  try {
    return new DatabaseSync(home.lockFile, { timeout: 0 })
  } catch (cause) {
    throw explainFileFailure(cause, home.lockFile)
  }
}

async function refusal(home: ServerHome, cause: unknown): Promise<EmbeddedPostgresError> {
  const sqliteBusy = 5
  if ((cause as { errcode?: number }).errcode !== sqliteBusy) return explainFileFailure(cause, home.lockFile)
  const holder = await readHolder(home)
  const who = holder === undefined ? 'Another process' : `Process ${holder.processId} (since ${holder.since})`
  return new EmbeddedPostgresError(
    'embedded-postgres-directory-in-use',
    `${who} already runs the embedded PostgreSQL on ${home.directory}. ` +
      'Stop it first, or choose another data directory for this one.',
    { cause },
  )
}

async function readHolder(home: ServerHome): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(home.holderFile, 'utf8')) as Holder
  } catch {
    return undefined // The holder has the lock but has not written its name yet.
  }
}
