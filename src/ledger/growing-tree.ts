/** A tree that only grows: it keeps its right edge, hands out every tile that has become full, and knows its root at once. */
import { assert } from '../shared/assert.ts'
import { hashesAtLevel, partialTiles, TILE_BYTES, TILE_HASHES, type TileName } from './tile-layout.ts'
import { EMPTY_ROOT, HASH_BYTES, hashNode, hashOfRow } from './tree-hash.ts'

export interface Tile extends TileName {
  readonly bytes: Buffer
}

export class GrowingTree {
  #size: number
  /** By level, the tile at the right edge: as many hashes as the tree has there, less those in full tiles. */
  readonly #edge: Buffer[]

  private constructor(size: number, edge: Buffer[]) {
    this.#size = size
    this.#edge = edge
  }

  static empty(): GrowingTree {
    return new GrowingTree(0, [])
  }

  /** Goes on from a tree of `size` leaves whose partial tiles are given. */
  static from(size: number, partial: readonly Tile[]): GrowingTree {
    const edge: Buffer[] = []
    for (const { level, bytes, width } of partial) {
      const tile = Buffer.alloc(TILE_BYTES)
      bytes.copy(tile, 0, 0, width * HASH_BYTES)
      edge[level] = tile
    }
    for (let level = 0; level < edge.length; level += 1) edge[level] ??= Buffer.alloc(TILE_BYTES)
    return new GrowingTree(size, edge)
  }

  get size(): number {
    return this.#size
  }

  /** Adds one leaf; calls `onFull` for each tile that it fills, from level 0 up. */
  add(leafHash: Uint8Array, onFull: (tile: Tile) => void): void {
    assert(leafHash.length === HASH_BYTES, 'a leaf is added by its hash')
    let hash = leafHash
    for (let level = 0; ; level += 1) {
      const place = hashesAtLevel(this.#size, level)
      const tile = this.#edgeAt(level)
      tile.set(hash, (place % TILE_HASHES) * HASH_BYTES)
      if ((place + 1) % TILE_HASHES !== 0) break
      const index = Math.floor(place / TILE_HASHES)
      onFull({ level, index, width: TILE_HASHES, bytes: Buffer.from(tile) })
      hash = hashOfRow(tile)
    }
    this.#size += 1
  }

  /** The tiles at the right edge that are not full, as they are now. */
  partial(): Tile[] {
    return partialTiles(this.#size).map((name) => ({
      ...name,
      bytes: Buffer.from(this.#edgeAt(name.level).subarray(0, name.width * HASH_BYTES)),
    }))
  }

  /** Costs at most 255 hashes a level, however large the tree. */
  root(): Buffer {
    let root: Buffer | undefined
    // From the lowest level, which stands rightmost, up and to the left.
    for (const { level, width } of partialTiles(this.#size)) {
      const hashes = this.#edgeAt(level)
      let end = width
      while (end > 0) {
        const size = lowestBit(end)
        const left = hashOfRow(hashes.subarray((end - size) * HASH_BYTES, end * HASH_BYTES))
        root = root === undefined ? left : hashNode(left, root)
        end -= size
      }
    }
    return root ?? EMPTY_ROOT
  }

  #edgeAt(level: number): Buffer {
    const edge = this.#edge[level] ?? Buffer.alloc(TILE_BYTES)
    this.#edge[level] = edge
    return edge
  }
}

/** The largest power of two that divides a number below 256. */
function lowestBit(value: number): number {
  return value & -value
}
