/** Opens the directory that holds what this installation keeps for itself, or says plainly why it cannot be used. */
import { hkdfSync, randomBytes } from 'node:crypto'
import { access, constants, link, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { userStream } from '../events/stream-names.ts'
import { Fault } from '../shared/failures.ts'
import { KEY_BYTES } from '../vault/key-wrapping.ts'

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
  return secretIn(path.join(directory, 'jwt-secret'), () => randomBytes(48).toString('base64url'))
}

/**
 * The master key of a development installation: whoever loses this file has lost all personal text of its record. Nodes that
 * are given the same secret make the same key, each in its own directory.
 */
export async function developmentMasterKey(directory: string, sharedSecret: string | undefined): Promise<string> {
  return secretIn(developmentMasterKeyFile(directory), () => {
    if (sharedSecret === undefined) return randomBytes(KEY_BYTES).toString('base64')
    return Buffer.from(hkdfSync('sha256', sharedSecret, '', 'emberlog development master key', KEY_BYTES)).toString(
      'base64',
    )
  })
}

export function developmentMasterKeyFile(directory: string): string {
  return path.join(directory, 'master-key')
}

/** Made when it is not there, whole or not at all: a key that is lost half-way would be lost for ever. */
async function secretIn(file: string, make: () => string): Promise<string> {
  const found = await readFile(file, 'utf8').catch(() => undefined)
  if (found !== undefined) return found
  const made = `${file}.${randomBytes(6).toString('hex')}`
  try {
    await writeFile(made, make(), { flag: 'wx', mode: 0o600, flush: true })
    await link(made, file)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST')
      throw new Fault('data-directory-unusable', { file }, { cause })
  } finally {
    await rm(made, { force: true })
  }
  return await readFile(file, 'utf8')
}

/** Exports of people that were made here; erasing a person removes theirs. */
export function exportsDirectory(directory: string): string {
  return path.join(directory, 'exports')
}

/** The name says whose it is to whoever knows the id, and to nobody else. */
export function exportFileOf(directory: string, person: string, at: Date): string {
  const time = at.toISOString().replaceAll(/[:.]/g, '-')
  return path.join(exportsDirectory(directory), `${userStream(person)}-${time}.zip`)
}

export async function exportsOf(directory: string, person: string): Promise<string[]> {
  const names = await readdir(exportsDirectory(directory)).catch(() => [])
  return names
    .filter((name) => name.startsWith(`${userStream(person)}-`))
    .map((name) => path.join(exportsDirectory(directory), name))
}
