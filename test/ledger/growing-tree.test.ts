import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GrowingTree, type Tile } from '../../src/ledger/growing-tree.ts'
import { tileHashes } from '../../src/ledger/tile-hashes.ts'
import { hashesAtLevel, parseTilePath, partialTiles, tilePath } from '../../src/ledger/tile-layout.ts'
import { consistencyProof, inclusionProof, isConsistent, isIncluded, rootOf } from '../../src/ledger/tree-proofs.ts'
import { leafOf, merkleTreeHash, subtreesOf } from './tree-in-memory.ts'

const LEAVES = 70_000
const leaves = Array.from({ length: LEAVES }, (_, index) => leafOf(index))

function grown(size: number): { tree: GrowingTree; tiles: Map<string, Buffer> } {
  const tree = GrowingTree.empty()
  const tiles = new Map<string, Buffer>()
  for (const leaf of leaves.slice(0, size)) tree.add(leaf, (tile) => tiles.set(tilePath(tile), tile.bytes))
  return { tree, tiles }
}

const reader = (tree: GrowingTree, tiles: Map<string, Buffer>) => {
  const partial = new Map(tree.partial().map((tile) => [`${tile.level}/${tile.index}`, tile.bytes]))
  return async ({ level, index }: { level: number; index: number }) =>
    tiles.get(tilePath({ level, index, width: 256 })) ?? partial.get(`${level}/${index}`) ?? Buffer.alloc(0)
}

describe('a growing tree', () => {
  it('has the root of the definition at every size', () => {
    const tree = GrowingTree.empty()
    expect(tree.root()).toEqual(merkleTreeHash([]))
    for (let size = 1; size <= 600; size += 1) {
      tree.add(leaves[size - 1] as Buffer, () => {})
      if (!tree.root().equals(merkleTreeHash(leaves.slice(0, size)))) throw new Error(`root at ${size}`)
    }
    expect(tree.size).toBe(600)
  })

  it('lays out 70,000 leaves just as the specification counts them', () => {
    const { tree, tiles } = grown(LEAVES)
    const full = (level: number) => [...tiles.keys()].filter((path) => path.startsWith(`tile/${level}/`)).length
    expect([full(0), full(1), full(2)]).toEqual([273, 1, 0])
    expect(tree.partial().map(tilePath)).toEqual(['tile/0/273.p/112', 'tile/1/001.p/17', 'tile/2/000.p/1'])
    expect(tree.root()).toEqual(merkleTreeHash(leaves))
  })

  it('of 256 leaves is one full tile, and one hash a level above', () => {
    const { tree, tiles } = grown(256)
    expect([...tiles.keys()]).toEqual(['tile/0/000'])
    expect(tree.partial().map(tilePath)).toEqual(['tile/1/000.p/1'])
  })

  it('goes on from its partial tiles as if it had never stopped', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_500 }), fc.integer({ min: 0, max: 1_000 }), (before, after) => {
        const first = grown(before).tree
        const again = GrowingTree.from(before, first.partial())
        const tiles: Tile[] = []
        for (const leaf of leaves.slice(before, before + after)) again.add(leaf, (tile) => tiles.push(tile))
        const straight = grown(before + after)
        expect(again.root()).toEqual(straight.tree.root())
        expect(again.partial()).toEqual(straight.tree.partial())
        for (const tile of tiles) expect(tile.bytes).toEqual(straight.tiles.get(tilePath(tile)))
      }),
      { numRuns: 30 },
    )
  })

  it('gives the proofs of its definition from its tiles, at its own size and at earlier ones', async () => {
    const { tree, tiles } = grown(LEAVES)
    const inMemory = subtreesOf(leaves)
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: LEAVES }), fc.nat(), fc.nat(), async (size, anyIndex, anyFrom) => {
        const fromTiles = tileHashes(reader(tree, tiles), size)
        const [index, from] = [anyIndex % size, anyFrom % (size + 1)]
        const root = await rootOf(fromTiles, size)
        expect(root).toEqual(await rootOf(inMemory, size))
        const inclusion = await inclusionProof(fromTiles, index, size)
        expect(inclusion).toEqual(await inclusionProof(inMemory, index, size))
        expect(isIncluded({ leafHash: leaves[index] as Buffer, index, size, root }, inclusion)).toBe(true)
        const consistency = await consistencyProof(fromTiles, from, size)
        const fromRoot = await rootOf(inMemory, from)
        expect(isConsistent({ from, fromRoot, to: size, toRoot: root }, consistency)).toBe(true)
      }),
      { numRuns: 100 },
    )
  })
})

describe('the name of a tile', () => {
  it.each([
    [{ level: 0, index: 0, width: 256 }, 'tile/0/000'],
    [{ level: 1, index: 1_234_067, width: 256 }, 'tile/1/x001/x234/067'],
    [{ level: 0, index: 273, width: 112 }, 'tile/0/273.p/112'],
    [{ level: 3, index: 1_000, width: 1 }, 'tile/3/x001/000.p/1'],
  ])('%j is %s, both ways', (tile, path) => {
    expect(tilePath(tile)).toBe(path)
    expect(parseTilePath(path)).toEqual(tile)
  })

  it.each([
    'tile/00/000',
    'tile/0/0',
    'tile/0/x000/000',
    'tile/0/001/000',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/-1/000',
    'tile/64/000',
    'tile/0/000/',
    'tile/0/../../../etc/passwd',
    'tile/entries/000',
    'checkpoint',
    '',
  ])('is never %j', (path) => {
    expect(parseTilePath(path)).toBeUndefined()
  })

  it('counts the partial tiles of any size, none of them empty or full', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 50 }), (size) => {
        for (const { level, index, width } of partialTiles(size)) {
          expect(index * 256 + width).toBe(hashesAtLevel(size, level))
          expect(width).toBeGreaterThan(0)
          expect(width).toBeLessThan(256)
        }
      }),
    )
  })
})
