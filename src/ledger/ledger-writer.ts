/** Grows the tree on disk: full tiles, the index of leaves and the right edge are written so that a crash loses only what the log still has. */
import { type FileHandle, mkdir, open, readFile, rm } from 'node:fs/promises'
import type { StoredEvent } from '../events/codec.ts'
import { assert } from '../shared/assert.ts'
import { Fault } from '../shared/failures.ts'
import type { Position } from '../shared/ids.ts'
import { writeAllDurably, writeDurably } from './durable-files.ts'
import { GrowingTree, type Tile } from './growing-tree.ts'
import { LEAF_RECORD_BYTES, type LeafIndex, type LeafPlace, leafRecord, openLeafIndex } from './leaf-index.ts'
import { type LedgerDirectory, ledgerDirectory } from './ledger-directory.ts'
import { openLedgerReader } from './ledger-reader.ts'
import { tileHashes } from './tile-hashes.ts'
import { partialTiles, TILE_HASHES, type TileName, tilePath } from './tile-layout.ts'
import { readEdge, type TreeEdge, writeEdge } from './tree-edge.ts'
import { HASH_BYTES } from './tree-hash.ts'
import { leafHashOf } from './tree-leaf.ts'
import type { SubtreeHashes } from './tree-proofs.ts'

// add, add, … ─► flush (tiles and leaves, then edge) ─► publish (partial tiles, then checkpoint)
//                  a crash goes back to the last edge; what came after it is read from the log again

export class LedgerWriter {
  readonly directory: LedgerDirectory
  readonly #tree: GrowingTree
  readonly #leaves: FileHandle
  readonly #full: Tile[] = []
  readonly #records: Buffer[] = []
  /** Tiles that may have been published before they were full: what was published of them goes when they are full and on disk. */
  readonly #shownPartly = new Set<string>()
  #flushedSize: number
  #lastPosition: Position | undefined

  private constructor(directory: LedgerDirectory, tree: GrowingTree, leaves: FileHandle, last: Position | undefined) {
    this.directory = directory
    this.#tree = tree
    this.#leaves = leaves
    this.#flushedSize = tree.size
    this.#lastPosition = last
    for (const name of partialTiles(tree.size)) this.#shownPartly.add(nameOf(name))
  }

  /** Goes on where the files end. Throws `ledger-damaged` when there are some, but none that tell how far they go. */
  static async open(root: string): Promise<LedgerWriter> {
    const directory = ledgerDirectory(root)
    await mkdir(root, { recursive: true })
    const index = await openLeafIndex(directory.leaves)
    try {
      const indexed = (await index?.count()) ?? 0
      const { size, partial } = await findEdge(directory, indexed)
      const last = size > 0 ? (await index?.at(size - 1))?.position : undefined
      const leaves = await open(directory.leaves, 'a')
      await leaves.truncate(size * LEAF_RECORD_BYTES)
      return new LedgerWriter(directory, GrowingTree.from(size, partial), leaves, last)
    } finally {
      await index?.close()
    }
  }

  get size(): number {
    return this.#tree.size
  }

  /** Of the last leaf; undefined while there is none. */
  get lastPosition(): Position | undefined {
    return this.#lastPosition
  }

  root(): Buffer {
    return this.#tree.root()
  }

  /** Adds the next event of the log; it is on disk after the next `flush`. */
  add(event: StoredEvent): void {
    this.#tree.add(leafHashOf(event), (tile) => this.#full.push(tile))
    this.#records.push(leafRecord(event))
    this.#lastPosition = event.position
  }

  /** How many leaves have been added since the last flush. */
  get unflushed(): number {
    return this.#tree.size - this.#flushedSize
  }

  /** Everything added so far is on disk when it resolves. Throws `ledger-not-written`; the ledger is then to be opened again. */
  async flush(): Promise<void> {
    if (this.unflushed === 0) return
    try {
      const full = [...this.#full]
      const records = Buffer.concat(this.#records.splice(0))
      // Which of the two is there first does not matter: the edge says how far both go, and is written when they are on disk.
      const written = await Promise.allSettled([
        writeAllDurably(full.map((tile) => [this.directory.tile(tile), tile.bytes] as const)),
        this.#leaves.appendFile(records).then(() => this.#leaves.datasync()),
      ])
      const failed = written.find(({ status }) => status === 'rejected')
      if (failed !== undefined) throw (failed as PromiseRejectedResult).reason
      await writeDurably(this.directory.edge, writeEdge(this.#tree.size, this.#tree.partial()))
      for (const tile of full) {
        if (this.#shownPartly.delete(nameOf(tile))) {
          await rm(this.directory.partialTiles(tile), { recursive: true, force: true })
        }
      }
      this.#full.splice(0, full.length) // Not before: until they are on disk, they are read from here.
      this.#flushedSize = this.#tree.size
    } catch (cause) {
      throw new Fault('ledger-not-written', { directory: this.directory.root }, { cause })
    }
  }

  /** Hashes of the tree over the first `size` leaves, whether they are on disk yet or not. */
  hashes(size: number): SubtreeHashes {
    return tileHashes((tile) => this.#tile(tile), size)
  }

  /** Where a leaf stands in the log. */
  async placeOf(index: number): Promise<LeafPlace> {
    await this.flush()
    return await this.#indexed((places) => places.at(index))
  }

  /** The number of the leaf at exactly this position; undefined when there is none. */
  async indexOf(position: Position): Promise<number | undefined> {
    await this.flush()
    return await this.#indexed(async (places) => {
      const index = await places.firstFrom(position, this.size)
      return index < this.size && (await places.at(index)).position === position ? index : undefined
    })
  }

  async #indexed<Found>(find: (places: LeafIndex) => Promise<Found>): Promise<Found> {
    const places = await openLeafIndex(this.directory.leaves)
    assert(places !== undefined, 'an open ledger has an index')
    try {
      return await find(places)
    } finally {
      await places.close()
    }
  }

  /** Shows the tree over the first `size` leaves to everybody, under this signed note. */
  async publish(note: string, size: number): Promise<void> {
    await this.flush()
    try {
      const files: [string, Buffer][] = []
      for (const name of partialTiles(size)) {
        this.#shownPartly.add(nameOf(name))
        const bytes = await this.#tile(name)
        files.push([this.directory.tile(name), bytes.subarray(0, name.width * HASH_BYTES)])
      }
      await writeAllDurably(files)
      await writeDurably(this.directory.checkpoint, note)
    } catch (cause) {
      throw new Fault('ledger-not-written', { directory: this.directory.root }, { cause })
    }
  }

  async #tile({ level, index }: TileName): Promise<Buffer> {
    const isIt = (tile: TileName) => tile.level === level && tile.index === index
    const inMemory = this.#full.find(isIt) ?? this.#tree.partial().find(isIt)
    return inMemory?.bytes ?? (await readFile(this.directory.tile({ level, index, width: TILE_HASHES })))
  }

  async close(): Promise<void> {
    await this.#leaves.close()
  }
}

const nameOf = ({ level, index }: TileName): string => `${level}/${index}`

/** So many leaves are added before they must be flushed: their tiles wait in memory. */
export const UNFLUSHED_LEAVES_MAX = 128 * TILE_HASHES

/** Where the tree ends: as noted beside it, else as published. What is missing is never taken for what never was. */
async function findEdge(directory: LedgerDirectory, indexed: number): Promise<TreeEdge> {
  const noted = await readFile(directory.edge).catch(undefinedWhenMissing)
  const edge = noted && readEdge(noted)
  if (edge !== undefined && edge.size <= indexed) return edge
  const reader = openLedgerReader(directory.root)
  const published = await reader.checkpoint()
  if (published !== undefined && published.size <= indexed) {
    const partial: Tile[] = []
    for (const name of partialTiles(published.size)) {
      const bytes = await reader.tile(name)
      if (bytes === undefined) throw new Fault('ledger-damaged', { directory: directory.root, missing: tilePath(name) })
      partial.push({ ...name, bytes: bytes.subarray(0, name.width * HASH_BYTES) })
    }
    return { size: published.size, partial }
  }
  const isNew = noted === undefined && published === undefined && indexed === 0
  if (!isNew) throw new Fault('ledger-damaged', { directory: directory.root })
  return { size: 0, partial: [] }
}

function undefinedWhenMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw new Fault('ledger-not-readable', {}, { cause: error })
}
