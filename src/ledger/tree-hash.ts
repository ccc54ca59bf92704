/** The hashes of an RFC 6962 Merkle tree: leaves and nodes are hashed apart, so that neither can pass for the other. */
import { hash } from 'node:crypto'

export const HASH_BYTES = 32

const LEAF_MARK = 0x00
const NODE_MARK = 0x01

/** The hash of a tree without leaves: that of nothing. */
export const EMPTY_ROOT: Buffer = hash('sha256', '', 'buffer')

/** SHA-256(0x00 ‖ leaf). A text is hashed as UTF-8. */
export function hashLeaf(leaf: string | Uint8Array): Buffer {
  return typeof leaf === 'string' ? hashLeafText(leaf) : hashMarked(leaf)
}

/** Texts up to a size are written straight behind the mark, without a buffer of their own. */
const SCRATCH_BYTES = 64 * 1024
const UTF8_BYTES_PER_UNIT_MAX = 3
const leafScratch = Buffer.alloc(SCRATCH_BYTES)
leafScratch[0] = LEAF_MARK

function hashLeafText(leaf: string): Buffer {
  if (leaf.length * UTF8_BYTES_PER_UNIT_MAX >= SCRATCH_BYTES) return hashMarked(Buffer.from(leaf, 'utf8'))
  const bytes = leafScratch.write(leaf, 1, 'utf8')
  return hash('sha256', leafScratch.subarray(0, bytes + 1), 'buffer')
}

function hashMarked(leaf: Uint8Array): Buffer {
  const marked = Buffer.allocUnsafe(leaf.length + 1)
  marked[0] = LEAF_MARK
  marked.set(leaf, 1)
  return hash('sha256', marked, 'buffer')
}

const nodeScratch = Buffer.alloc(1 + 2 * HASH_BYTES)
nodeScratch[0] = NODE_MARK

/** SHA-256(0x01 ‖ left ‖ right). */
export function hashNode(left: Uint8Array, right: Uint8Array): Buffer {
  nodeScratch.set(left, 1)
  nodeScratch.set(right, 1 + HASH_BYTES)
  return hash('sha256', nodeScratch, 'buffer')
}

/** The hash over a whole number of hashes that stand side by side; their count is a power of two. */
export function hashOfRow(row: Uint8Array): Buffer {
  let level = Buffer.from(row)
  while (level.length > HASH_BYTES) {
    for (let at = 0; at < level.length; at += 2 * HASH_BYTES) {
      nodeScratch.set(level.subarray(at, at + 2 * HASH_BYTES), 1)
      level.set(hash('sha256', nodeScratch, 'buffer'), at / 2)
    }
    level = level.subarray(0, level.length / 2)
  }
  return level
}
