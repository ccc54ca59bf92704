/** Finds the hash of any complete subtree in the tiles of a tree, with a few tiles in memory at a time. */
import { assert } from '../shared/assert.ts'
import { hashesAtLevel, TILE_BYTES, TILE_HASHES, TILE_HEIGHT, type TileName } from './tile-layout.ts'
import { HASH_BYTES, hashOfRow } from './tree-hash.ts'
import type { SubtreeHashes } from './tree-proofs.ts'

/** Reads at least the first `width` hashes of a tile. */
export type ReadTile = (tile: TileName) => Promise<Buffer>

/** Two tiles a level are enough for any proof; so many keep neighbouring proofs from reading them again. */
const TILES_KEPT_MAX = 32

/** The hashes of the tree over the first `size` leaves. */
export function tileHashes(readTile: ReadTile, size: number): SubtreeHashes {
  const kept = new Map<string, Buffer>()

  const tileOf = async (level: number, index: number): Promise<Buffer> => {
    const name = `${level}/${index}`
    const found = kept.get(name)
    if (found !== undefined) return found
    const width = Math.min(TILE_HASHES, hashesAtLevel(size, level) - index * TILE_HASHES)
    assert(width > 0, 'the subtree is in the tree')
    const tile = (await readTile({ level, index, width })).subarray(0, Math.min(width * HASH_BYTES, TILE_BYTES))
    const oldest = kept.keys().next()
    if (kept.size >= TILES_KEPT_MAX && oldest.value !== undefined) kept.delete(oldest.value)
    kept.set(name, tile)
    return tile
  }

  return {
    async hashOf(height, index) {
      const level = Math.floor(height / TILE_HEIGHT)
      const rowHashes = 2 ** (height % TILE_HEIGHT)
      const first = index * rowHashes
      const tile = await tileOf(level, Math.floor(first / TILE_HASHES))
      const at = (first % TILE_HASHES) * HASH_BYTES
      return hashOfRow(tile.subarray(at, at + rowHashes * HASH_BYTES))
    },
  }
}
