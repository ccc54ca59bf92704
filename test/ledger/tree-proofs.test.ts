import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EMPTY_ROOT, hashLeaf, hashNode } from '../../src/ledger/tree-hash.ts'
import { consistencyProof, inclusionProof, isConsistent, isIncluded, rootOf } from '../../src/ledger/tree-proofs.ts'
import { leafOf, merkleTreeHash, subtreesOf } from './tree-in-memory.ts'

const bytes = (hex: string) => Buffer.from(hex, 'hex')
const hex = (hashes: readonly Buffer[]) => hashes.map((hash) => hash.toString('hex'))

/** The reference tree of Certificate Transparency's own tests: its leaves, and its root at every size. */
const reference = {
  leaves: ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'],
  roots: [
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ],
}
const referenceTree = subtreesOf(reference.leaves.map((leaf) => hashLeaf(bytes(leaf))))

describe('the reference tree of Certificate Transparency', () => {
  it('begins empty, with the hash of nothing', () => {
    expect(EMPTY_ROOT.toString('hex')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  })

  it('has the known root at every size', async () => {
    for (const [index, root] of reference.roots.entries()) {
      expect((await rootOf(referenceTree, index + 1)).toString('hex')).toBe(root)
    }
  })

  it.each([
    [0, 1, []],
    [
      0,
      8,
      [
        '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
      ],
    ],
    [
      5,
      8,
      [
        'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
        'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
        'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      ],
    ],
    [2, 3, ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']],
    [
      1,
      5,
      [
        '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      ],
    ],
  ])('proves leaf %i of %i as published', async (index, size, proof) => {
    expect(hex(await inclusionProof(referenceTree, index, size))).toEqual(proof)
  })

  it.each([
    [1, 1, []],
    [
      1,
      8,
      [
        '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
      ],
    ],
    [
      6,
      8,
      [
        '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
        'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
        'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      ],
    ],
    [
      2,
      5,
      [
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      ],
    ],
  ])('proves that the tree of %i is the beginning of that of %i as published', async (from, to, proof) => {
    expect(hex(await consistencyProof(referenceTree, from, to))).toEqual(proof)
  })
})

describe('a proof of inclusion', () => {
  const leaves = Array.from({ length: 300 }, (_, index) => leafOf(index))
  const tree = subtreesOf(leaves)

  it('verifies for every leaf of every tree of 1 to 300 leaves, and for no other leaf', async () => {
    let checked = 0
    for (let size = 1; size <= 300; size += 1) {
      const root = await rootOf(tree, size)
      if (size <= 40 || size % 37 === 0) expect(root).toEqual(merkleTreeHash(leaves.slice(0, size)))
      for (let index = 0; index < size; index += 1) {
        const proof = await inclusionProof(tree, index, size)
        const leafHash = leaves[index] as Buffer
        if (!isIncluded({ leafHash, index, size, root }, proof)) throw new Error(`leaf ${index} of ${size}`)
        const other = leaves[(index + 1) % 300] as Buffer
        if (isIncluded({ leafHash: other, index, size, root }, proof)) throw new Error(`not leaf ${index} of ${size}`)
        checked += 1
      }
    }
    expect(checked).toBe((300 * 301) / 2)
  })

  it('holds for exactly its leaf, index, size, root and hashes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 300 }), fc.nat(), fc.nat(), async (size, anyIndex, anyByte) => {
        const index = anyIndex % size
        const root = await rootOf(tree, size)
        const proof = await inclusionProof(tree, index, size)
        const claim = { leafHash: leaves[index] as Buffer, index, size, root }
        expect(isIncluded(claim, proof)).toBe(true)
        expect(isIncluded({ ...claim, index: (index + 1) % size }, proof)).toBe(false)
        expect(isIncluded(claim, [...proof, root])).toBe(false)
        expect(isIncluded(claim, proof.slice(1))).toBe(false)
        const at = anyByte % (proof.length * 32)
        const bent = proof.map((hash) => Buffer.from(hash))
        const hash = bent[Math.floor(at / 32)] as Buffer
        hash[at % 32] = (hash[at % 32] ?? 0) ^ 1
        expect(isIncluded(claim, bent)).toBe(false)
      }),
      { numRuns: 200 },
    )
  })

  it('says nothing of a leaf outside the tree', () => {
    expect(isIncluded({ leafHash: leafOf(0), index: 1, size: 1, root: leafOf(0) }, [])).toBe(false)
  })

  it('stays under 1 KiB in a tree of a thousand million leaves, and is found without reading them', async () => {
    let asked = 0
    const endless = {
      hashOf: async (height: number, index: number) => {
        asked += 1
        return hashLeaf(`${height}/${index}`)
      },
    }
    const size = 1_000_000_000
    for (const index of [0, 1, 499_999_999, 536_870_912, size - 1]) {
      const proof = await inclusionProof(endless, index, size)
      expect(proof.length * 32).toBeLessThan(1_024)
      expect((await consistencyProof(endless, index, size)).length * 32).toBeLessThan(1_024)
    }
    expect(asked).toBeLessThan(1_000)
  })
})

describe('a proof of consistency', () => {
  const leaves = Array.from({ length: 300 }, (_, index) => leafOf(index))
  const tree = subtreesOf(leaves)

  it('verifies for every pair of trees of up to 70 leaves, and for no other roots', async () => {
    let checked = 0
    for (let to = 0; to <= 70; to += 1) {
      for (let from = 0; from <= to; from += 1) {
        const proof = await consistencyProof(tree, from, to)
        const trees = { from, fromRoot: await rootOf(tree, from), to, toRoot: await rootOf(tree, to) }
        if (!isConsistent(trees, proof)) throw new Error(`${from} in ${to}`)
        const rewritten = { ...trees, fromRoot: hashNode(trees.fromRoot, trees.fromRoot) }
        if (isConsistent(rewritten, proof)) throw new Error(`not ${from} in ${to}`)
        checked += 1
      }
    }
    expect(checked).toBe((71 * 72) / 2)
  })

  it('verifies for larger trees, and breaks with any hash that is left out or added', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 300 }), fc.nat(), async (to, any) => {
        const from = 1 + (any % (to - 1))
        const trees = { from, fromRoot: await rootOf(tree, from), to, toRoot: await rootOf(tree, to) }
        const proof = await consistencyProof(tree, from, to)
        expect(isConsistent(trees, proof)).toBe(true)
        expect(isConsistent(trees, proof.slice(1))).toBe(false)
        expect(isConsistent(trees, [...proof, trees.toRoot])).toBe(false)
        expect(isConsistent({ ...trees, toRoot: trees.fromRoot }, proof)).toBe(false)
      }),
      { numRuns: 200 },
    )
  })

  it('never runs from a larger tree to a smaller one', () => {
    expect(isConsistent({ from: 2, fromRoot: leafOf(0), to: 1, toRoot: leafOf(0) }, [])).toBe(false)
  })
})
