/** Opens the directory that holds what this installation keeps for itself, or says plainly why it cannot be used. */
import { randomBytes } from 'node:crypto'
import { access, constants, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Fault } from '../shared/failures.ts'

/** Throws `data-directory-unusable` when the directory cannot be made or written to. */
export async function openDataDirectory(directory: string): Promise<void> {
  try {
    await makeDirectory(path.resolve(directory))
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new Fault('data-directory-unusable', { directory }, { cause })
  }
}

/** Level by level: a recursive `mkdir` never returns where the system denies that a directory's parent exists (as in /proc). */
async function makeDirectory(directory: string): Promise<void> {
  const found = await stat(directory).catch(() => undefined)
  if (found?.isDirectory()) return
  if (path.dirname(directory) !== directory) await makeDirectory(path.dirname(directory))
  await mkdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST' || found !== undefined) throw error
  })
}

/** Where the embedded event store keeps its log; the embedded Postgres makes a directory of its own beside it. */
export function eventStoreDirectory(directory: string): string {
  return path.join(directory, 'eventstore')
}

/** The secret of development tokens: made once, so that people stay signed in over a restart. Only its owner may read it. */
export async function developmentSecret(directory: string): Promise<string> {
  const file = path.join(directory, 'jwt-secret')
  try {
    await writeFile(file, randomBytes(48).toString('base64url'), { flag: 'wx', mode: 0o600 })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST')
      throw new Fault('data-directory-unusable', { file }, { cause })
  }
  return await readFile(file, 'utf8')
}
