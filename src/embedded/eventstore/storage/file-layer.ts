/** All that the log asks of a disk, in one small interface: so that a test can stand between the log and the disk. */
import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { holdDirectory } from './directory-lock.ts'

/** A file that is open. Offsets and sizes are bytes from its beginning. */
export interface LogFile {
  /** Writes all buffers one after the other, beginning at `at`. */
  write(buffers: readonly Uint8Array[], at: number): Promise<void>
  /** Resolves when everything written before is on the disk, and would survive a loss of power. */
  sync(): Promise<void>
  truncate(size: number): Promise<void>
  /** Fills `into` from `at` on; answers how many bytes there were. */
  read(into: Uint8Array, at: number): number
  size(): number
  close(): void
}

/** Paths are whole paths. A new, renamed or removed name is durable only after `syncDirectory`. */
export interface FileLayer {
  /** Opens what exists for reading and writing. */
  open(file: string): LogFile
  /** Makes an empty file, in place of one of that name. */
  create(file: string): LogFile
  list(directory: string): readonly string[]
  makeDirectory(directory: string): void
  rename(from: string, to: string): void
  remove(file: string): void
  syncDirectory(directory: string): Promise<void>
  /** Keeps other processes out until the answer is called or this process ends. Throws `directory-in-use`. */
  hold(directory: string): () => void
}

const writev = promisify(fs.writev)
const fdatasync = promisify(fs.fdatasync)
const fsync = promisify(fs.fsync)
const ftruncate = promisify(fs.ftruncate)

/** The real disk. Writing and syncing run on Node's thread pool, so the event loop goes on meanwhile. */
export const diskFiles: FileLayer = {
  open: (file) => new DiskFile(fs.openSync(file, 'r+')),
  create: (file) => new DiskFile(fs.openSync(file, 'w+', 0o600)),
  list: (directory) => (fs.existsSync(directory) ? fs.readdirSync(directory) : []),
  makeDirectory: (directory) => {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
  },
  rename: (from, to) => fs.renameSync(from, to),
  remove: (file) => fs.rmSync(file, { force: true }),
  syncDirectory,
  hold: holdDirectory,
}

class DiskFile implements LogFile {
  readonly #descriptor: number

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  async write(buffers: readonly Uint8Array[], at: number): Promise<void> {
    let left = buffers
    let offset = at
    // A short write is no error yet: the next call names the reason (most often a full disk).
    while (left.length > 0) {
      const { bytesWritten } = await writev(this.#descriptor, left as Uint8Array[], offset)
      if (bytesWritten === 0) throw new Error('the disk took no bytes')
      offset += bytesWritten
      left = after(left, bytesWritten)
    }
  }

  sync(): Promise<void> {
    return fdatasync(this.#descriptor)
  }

  truncate(size: number): Promise<void> {
    return ftruncate(this.#descriptor, size)
  }

  read(into: Uint8Array, at: number): number {
    let filled = 0
    while (filled < into.byteLength) {
      const count = fs.readSync(this.#descriptor, into, filled, into.byteLength - filled, at + filled)
      if (count === 0) break
      filled += count
    }
    return filled
  }

  size(): number {
    return fs.fstatSync(this.#descriptor).size
  }

  close(): void {
    fs.closeSync(this.#descriptor)
  }
}

/** What is left of the buffers after their first `count` bytes. */
function after(buffers: readonly Uint8Array[], count: number): Uint8Array[] {
  const left: Uint8Array[] = []
  let skip = count
  for (const buffer of buffers) {
    if (skip < buffer.byteLength) left.push(buffer.subarray(skip))
    skip = Math.max(0, skip - buffer.byteLength)
  }
  return left
}

async function syncDirectory(directory: string): Promise<void> {
  // Windows neither lets a directory be opened for this nor needs it.
  if (process.platform === 'win32') return
  const descriptor = fs.openSync(path.resolve(directory), 'r')
  try {
    await fsync(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
}
