/** A tree whose leaves are all in memory, hashed straight from the definition of RFC 6962 §2.1. */
import { EMPTY_ROOT, hashLeaf, hashNode } from '../../src/ledger/tree-hash.ts'
import type { SubtreeHashes } from '../../src/ledger/tree-proofs.ts'

export const leafOf = (index: number): Buffer => hashLeaf(`leaf ${index}`)

/** MTH(D[n]), word for word. */
export function merkleTreeHash(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return EMPTY_ROOT
  if (leaves.length === 1) return leaves[0] as Buffer
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return hashNode(merkleTreeHash(leaves.slice(0, k)), merkleTreeHash(leaves.slice(k)))
}

/** Complete subtrees over leaves in memory, each hashed once. */
export function subtreesOf(leaves: readonly Buffer[]): SubtreeHashes {
  const known = new Map<string, Buffer>()
  const find = (height: number, index: number): Buffer => {
    if (height === 0) return leaves[index] as Buffer
    const name = `${height}/${index}`
    const hash = known.get(name) ?? hashNode(find(height - 1, index * 2), find(height - 1, index * 2 + 1))
    known.set(name, hash)
    return hash
  }
  return { hashOf: async (height, index) => find(height, index) }
}
