/** A disk in memory that notes every operation, and can show what a loss of power would have left of it. */
import type { FileLayer, LogFile } from '../../../../src/embedded/eventstore/storage/file-layer.ts'

/** A file apart from its names. */
interface Inode {
  bytes: Buffer
}

type Operation =
  | { readonly kind: 'write'; readonly inode: Inode; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly inode: Inode; readonly size: number }
  /** Covers what was written to the file before `since`, the number of operations when the sync began. */
  | { readonly kind: 'sync'; readonly inode: Inode; readonly since: number }
  | { readonly kind: 'name'; readonly name: string; readonly inode: Inode | undefined }
  /** Covers the names that were changed before `since`. */
  | { readonly kind: 'sync names'; readonly since: number }

/** What a disk holds: bytes by path. */
export type DiskState = ReadonlyMap<string, Buffer>

/** Chooses the fate of what was not synced: a number from 0 (nothing of it) to 1 (all of it), anew for each operation. */
export type Survival = () => number

/** What the smallest unit of writing is to a disk. */
const SECTOR_BYTES = 512

export class RecordedDisk implements FileLayer {
  readonly operations: Operation[] = []
  readonly #names = new Map<string, Inode>()
  readonly #initial: DiskState
  readonly #inodesAtStart = new Map<Inode, Buffer>()
  readonly #areSyncsKept: boolean

  /** With `areSyncsKept` false the disk claims to sync and does nothing: the control that must lose events. */
  constructor(initial: DiskState = new Map(), areSyncsKept = true) {
    this.#initial = initial
    this.#areSyncsKept = areSyncsKept
    for (const [name, bytes] of initial) {
      const inode = { bytes: Buffer.from(bytes) }
      this.#names.set(name, inode)
      this.#inodesAtStart.set(inode, bytes)
    }
  }

  /** Everything written so far, synced or not. */
  state(): DiskState {
    return new Map([...this.#names].map(([name, { bytes }]) => [name, Buffer.from(bytes)]))
  }

  /** The disk for the process after one that was killed right before operation number `end`: nothing is gone, nothing more is synced. */
  afterKill(end: number): RecordedDisk {
    const disk = new RecordedDisk(this.#initial, this.#areSyncsKept)
    const successors = new Map(
      [...this.#inodesAtStart.keys()].map((inode, i) => [inode, [...disk.#names.values()][i] as Inode]),
    )
    const successorOf = (inode: Inode) => {
      const successor = successors.get(inode) ?? { bytes: Buffer.alloc(0) }
      successors.set(inode, successor)
      return successor
    }
    for (const operation of this.operations.slice(0, end)) {
      if (operation.kind === 'name') {
        disk.#setName(operation.name, operation.inode && successorOf(operation.inode))
        continue
      }
      if (operation.kind === 'sync names') {
        disk.operations.push(operation)
        continue
      }
      const inode = successorOf(operation.inode)
      disk.operations.push({ ...operation, inode })
      if (operation.kind === 'write') inode.bytes = overwritten(inode.bytes, operation.at, operation.bytes)
      if (operation.kind === 'truncate') inode.bytes = resized(inode.bytes, operation.size)
    }
    return disk
  }

  /** What may be left when the power goes right before operation number `end`. */
  stateAfterPowerLoss(end: number, survival: Survival): DiskState {
    const contents = new Map<Inode, Buffer>(
      [...this.#inodesAtStart].map(([inode, bytes]) => [inode, Buffer.from(bytes)]),
    )
    const names = new Map<string, Inode>()
    const starting = [...this.#inodesAtStart.keys()]
    for (const [i, name] of [...this.#initial.keys()].entries()) names.set(name, starting[i] as Inode)
    const done = this.operations.slice(0, end)
    for (const [i, operation] of done.entries()) {
      const isSafe = done.some((later) => later.kind.startsWith('sync') && covers(later, operation, i))
      if (operation.kind === 'name' && (isSafe || survival() >= 0.5)) setName(names, operation.name, operation.inode)
      if (operation.kind === 'write') applyWrite(contents, operation, isSafe ? 1 : survival())
      if (operation.kind === 'truncate' && (isSafe || survival() >= 0.5)) {
        contents.set(operation.inode, resized(contentOf(contents, operation.inode), operation.size))
      }
    }
    return new Map([...names].map(([name, inode]) => [name, contentOf(contents, inode)]))
  }

  open(file: string): LogFile {
    const inode = this.#names.get(file)
    if (!inode) throw Object.assign(new Error(`no such file: ${file}`), { code: 'ENOENT' })
    return this.#opened(inode)
  }

  create(file: string): LogFile {
    const inode = { bytes: Buffer.alloc(0) }
    this.#setName(file, inode)
    return this.#opened(inode)
  }

  list(directory: string): string[] {
    return [...this.#names.keys()]
      .filter((name) => name.startsWith(`${directory}/`))
      .map((name) => name.slice(directory.length + 1))
  }

  makeDirectory(): void {}

  rename(from: string, to: string): void {
    const inode = this.#names.get(from) as Inode
    this.#setName(to, inode)
    this.#setName(from, undefined)
  }

  remove(file: string): void {
    if (this.#names.has(file)) this.#setName(file, undefined)
  }

  async syncDirectory(): Promise<void> {
    const since = this.operations.length
    await nextTurn()
    if (this.#areSyncsKept) this.operations.push({ kind: 'sync names', since })
  }

  hold(): () => void {
    return () => {}
  }

  #setName(name: string, inode: Inode | undefined): void {
    setName(this.#names, name, inode)
    this.operations.push({ kind: 'name', name, inode })
  }

  #opened(inode: Inode): LogFile {
    return {
      write: async (buffers, at) => {
        const bytes = Buffer.concat(buffers)
        this.operations.push({ kind: 'write', inode, at, bytes })
        inode.bytes = overwritten(inode.bytes, at, bytes)
        await nextTurn()
      },
      sync: async () => {
        const since = this.operations.length
        await nextTurn()
        if (this.#areSyncsKept) this.operations.push({ kind: 'sync', inode, since })
      },
      truncate: async (size) => {
        this.operations.push({ kind: 'truncate', inode, size })
        inode.bytes = resized(inode.bytes, size)
      },
      read: (into, at) => inode.bytes.copy(into, 0, at, Math.min(inode.bytes.byteLength, at + into.byteLength)),
      size: () => inode.bytes.byteLength,
      close: () => {},
    }
  }
}

function covers(sync: Operation, operation: Operation, index: number): boolean {
  if (sync.kind === 'sync names') return operation.kind === 'name' && index < sync.since
  if (sync.kind !== 'sync' || index >= sync.since) return false
  return (operation.kind === 'write' || operation.kind === 'truncate') && operation.inode === sync.inode
}

/** Writes the share of the sectors that survived: by luck the first, the last, or all with a hole. */
function applyWrite(contents: Map<Inode, Buffer>, write: Extract<Operation, { kind: 'write' }>, share: number): void {
  const { inode, at, bytes } = write
  let content = contentOf(contents, inode)
  const sectors = Math.ceil(bytes.byteLength / SECTOR_BYTES)
  const kept = Math.round(share * sectors)
  const first = kept === sectors || share < 0.5 ? 0 : sectors - kept
  for (let sector = first; sector < first + kept; sector += 1) {
    const start = sector * SECTOR_BYTES
    content = overwritten(content, at + start, bytes.subarray(start, start + SECTOR_BYTES))
  }
  contents.set(inode, content)
}

const contentOf = (contents: Map<Inode, Buffer>, inode: Inode) => contents.get(inode) ?? Buffer.alloc(0)

function setName(names: Map<string, Inode>, name: string, inode: Inode | undefined): void {
  if (inode) names.set(name, inode)
  else names.delete(name)
}

function overwritten(content: Buffer, at: number, bytes: Buffer): Buffer {
  const result = resized(content, Math.max(content.byteLength, at + bytes.byteLength))
  bytes.copy(result, at)
  return result
}

function resized(content: Buffer, size: number): Buffer {
  const result = Buffer.alloc(size)
  content.copy(result)
  return result
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))
