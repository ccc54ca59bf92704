/** Names every place the embedded server keeps things in, and makes the directory that holds them. */
import { createHash } from 'node:crypto'
import { chmod, chown, mkdir, open, realpath, rename, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'

export interface ServerHome {
  /** `<dataDirectory>/postgres`, absolute, links resolved. */
  readonly directory: string
  /** PostgreSQL's own data directory. */
  readonly cluster: string
  /** Clusters in the making are named `<stagingPrefix><random>`. */
  readonly stagingPrefix: string
  readonly lockFile: string
  readonly holderFile: string
  readonly connectionFile: string
  /** Names the server in its command line and its processes' titles; differs for every directory, copies included. */
  readonly clusterName: string
}

/** Makes `<dataDirectory>/postgres` when it is missing and says plainly when that cannot be. */
export async function openServerHome(dataDirectory: string): Promise<ServerHome> {
  const wanted = path.resolve(dataDirectory, 'postgres')
  try {
    await mkdir(path.dirname(wanted), { recursive: true })
    // As root the server runs as another user, who must be able to pass through; everything inside has its own mode.
    const mode = process.geteuid?.() === 0 ? 0o711 : 0o700
    const made = await mkdir(wanted, { recursive: true, mode })
    if (made !== undefined) await chmod(wanted, mode)
    const directory = await realpath(wanted)
    const { dev, ino } = await stat(directory)
    const digest = createHash('sha256').update(`${directory}\n${dev}\n${ino}`).digest('hex')
    return {
      directory,
      cluster: path.join(directory, 'cluster'),
      stagingPrefix: 'cluster-in-the-making-',
      lockFile: path.join(directory, 'lock'),
      holderFile: path.join(directory, 'holder.json'),
      connectionFile: path.join(directory, 'connection-string'),
      clusterName: `emberlog-${digest.slice(0, 12)}`,
    }
  } catch (cause) {
    throw explainFileFailure(cause, wanted)
  }
}

/** Writes a small file that only its owner may read, so that a crash leaves the old one or the new one, never a torn one. */
export async function writePrivateFile(home: ServerHome, file: string, text: string): Promise<void> {
  const draft = `${file}.new`
  try {
    await writeFile(draft, text, { mode: 0o600, flush: true })
    await ownLikeHome(home, draft)
    await rename(draft, file)
    await syncDirectory(home.directory)
  } catch (cause) {
    throw explainFileFailure(cause, file)
  }
}

/** Root may have been asked to run somebody else's directory; what it adds there must stay theirs. */
export async function ownLikeHome(home: ServerHome, file: string): Promise<void> {
  if (process.geteuid?.() !== 0) return
  const { uid, gid } = await stat(home.directory)
  await chown(file, uid, gid)
}

/** Makes a rename in `directory` durable. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Turns a file system's complaint about `file` into what a person can do about it. */
export function explainFileFailure(cause: unknown, file: string): EmbeddedPostgresError {
  const code = (cause as NodeJS.ErrnoException).code
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new EmbeddedPostgresError(
      'embedded-postgres-disk-full',
      `The disk that holds ${file} is full. Free some space (a new database needs about 50 MB) and start again.`,
      { cause },
    )
  }
  return new EmbeddedPostgresError(
    'embedded-postgres-directory-not-writable',
    `The embedded PostgreSQL cannot write ${file} (${code ?? String(cause)}). ` +
      'Make its directory writable for the user who starts this program, or choose another data directory.',
    { cause },
  )
}
