/** Writes files so that a crash leaves either the old one or the new one, and what was written is on disk. */
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises'
import path from 'node:path'

/** Replaces the file at once. Makes its directory when there is none. */
export async function writeDurably(file: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  await writeAndRename(file, content, mode)
  await syncDirectory(path.dirname(file))
}

/**
 * Writes many files in one go: all are written before the first is synced, since a file system that syncs one has
 * then little left to do for the others; each directory is synced once.
 */
export async function writeAllDurably(files: Iterable<readonly [file: string, content: Uint8Array]>): Promise<void> {
  const all = [...files]
  const handles = await severalAtOnce(all, ([file, content]) => writeFresh(file, content, 0o644))
  await severalAtOnce(handles, async (handle) => {
    await handle.datasync()
    await handle.close()
  })
  await severalAtOnce(all, ([file]) => rename(freshName(file), file))
  for (const directory of new Set(all.map(([file]) => path.dirname(file)))) await syncDirectory(directory)
}

const WORK_AT_ONCE_MAX = 16

async function severalAtOnce<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  let next = 0
  const worker = async () => {
    while (next < items.length) {
      const index = next
      next += 1
      results[index] = await work(items[index] as Item)
    }
  }
  await Promise.all(Array.from({ length: WORK_AT_ONCE_MAX }, worker))
  return results
}

async function writeAndRename(file: string, content: string | Uint8Array, mode: number): Promise<void> {
  const handle = await writeFresh(file, content, mode)
  await handle.datasync()
  await handle.close()
  await rename(freshName(file), file)
}

const freshName = (file: string) => `${file}.new`

/** The handle is the caller's to sync and close. */
async function writeFresh(file: string, content: string | Uint8Array, mode: number): Promise<FileHandle> {
  const fresh = freshName(file)
  const handle = await open(fresh, 'w', mode).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    await mkdir(path.dirname(file), { recursive: true })
    return await open(fresh, 'w', mode)
  })
  try {
    await handle.writeFile(content)
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
