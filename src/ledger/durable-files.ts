/** Writes files so that a crash leaves either the old one or the new one, and what was written is on disk. */
import { mkdir, open, rename } from 'node:fs/promises'
import path from 'node:path'

/** Replaces the file at once. Makes its directory when there is none. */
export async function writeDurably(file: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  await writeAndRename(file, content, mode)
  await syncDirectory(path.dirname(file))
}

/** Writes many files in one go: each directory is synced once, at the end. */
export async function writeAllDurably(files: Iterable<readonly [file: string, content: Uint8Array]>): Promise<void> {
  const waiting = [...files]
  const directories = new Set(waiting.map(([file]) => path.dirname(file)))
  const work = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await writeAndRename(...next, 0o644)
  }
  await Promise.all(Array.from({ length: WRITES_AT_ONCE_MAX }, work))
  for (const directory of directories) await syncDirectory(directory)
}

const WRITES_AT_ONCE_MAX = 8

async function writeAndRename(file: string, content: string | Uint8Array, mode: number): Promise<void> {
  const fresh = `${file}.new`
  const handle = await open(fresh, 'w', mode).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    await mkdir(path.dirname(file), { recursive: true })
    return await open(fresh, 'w', mode)
  })
  try {
    await handle.writeFile(content)
    await handle.datasync()
  } finally {
    await handle.close()
  }
  await rename(fresh, file)
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
