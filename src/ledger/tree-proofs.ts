/**
 * Proofs of an RFC 6962 Merkle tree, made from hashes of complete subtrees and checked with nothing but hashes.
 *
 * Sources: RFC 6962 §2.1.1 and §2.1.2 (which hashes make a proof), RFC 9162 §2.1.3.2 and §2.1.4.2 (how one is checked).
 */
import { assert } from '../shared/assert.ts'
import { EMPTY_ROOT, hashNode } from './tree-hash.ts'

/** Answers with the hash of the complete subtree over the leaves from `index × 2^height` to `(index + 1) × 2^height`. */
export interface SubtreeHashes {
  readonly hashOf: (height: number, index: number) => Promise<Buffer>
}

/** The root of the tree over the first `size` leaves. */
export async function rootOf(hashes: SubtreeHashes, size: number): Promise<Buffer> {
  return size === 0 ? EMPTY_ROOT : await hashOfRange(hashes, 0, size)
}

/** The hashes that lead from leaf `index` to the root of the first `size` leaves, from the leaf upwards. */
export async function inclusionProof(hashes: SubtreeHashes, index: number, size: number): Promise<Buffer[]> {
  assert(index >= 0 && index < size, 'the leaf is in the tree')
  const siblings: [start: number, end: number][] = []
  let [start, end] = [0, size]
  while (end - start > 1) {
    const middle = start + leftSizeOf(end - start)
    if (index < middle) {
      siblings.push([middle, end])
      end = middle
    } else {
      siblings.push([start, middle])
      start = middle
    }
  }
  return await hashesOf(hashes, siblings.reverse())
}

/** The hashes that show the tree over the first `from` leaves to be the beginning of the one over the first `to` leaves. */
export async function consistencyProof(hashes: SubtreeHashes, from: number, to: number): Promise<Buffer[]> {
  assert(from >= 0 && from <= to, 'the older tree is the smaller one')
  if (from === 0 || from === to) return []
  const ranges: [start: number, end: number][] = []
  let [start, end] = [0, to]
  let isWholeOldTree = true
  while (from !== end) {
    const middle = start + leftSizeOf(end - start)
    if (from <= middle) {
      ranges.push([middle, end])
      end = middle
    } else {
      ranges.push([start, middle])
      start = middle
      isWholeOldTree = false
    }
  }
  if (!isWholeOldTree) ranges.push([start, end])
  return await hashesOf(hashes, ranges.reverse())
}

/** What a proof of inclusion speaks about. */
export interface Inclusion {
  readonly leafHash: Uint8Array
  readonly index: number
  readonly size: number
  readonly root: Uint8Array
}

/** True when the proof leads from the leaf to the root. */
export function isIncluded({ leafHash, index, size, root }: Inclusion, proof: readonly Uint8Array[]): boolean {
  if (index < 0 || index >= size) return false
  let [place, last] = [index, size - 1]
  let hash: Uint8Array = leafHash
  for (const sibling of proof) {
    if (last === 0) return false
    if (isOdd(place) || place === last) {
      hash = hashNode(sibling, hash)
      while (!isOdd(place) && place !== 0) [place, last] = [half(place), half(last)]
    } else {
      hash = hashNode(hash, sibling)
    }
    ;[place, last] = [half(place), half(last)]
  }
  return last === 0 && isSame(hash, root)
}

/** What a proof of consistency speaks about. */
export interface Consistency {
  readonly from: number
  readonly fromRoot: Uint8Array
  readonly to: number
  readonly toRoot: Uint8Array
}

/** True when the proof shows that the newer tree begins with the older one. */
export function isConsistent(trees: Consistency, proof: readonly Uint8Array[]): boolean {
  const { from, fromRoot, to, toRoot } = trees
  if (from > to) return false
  if (from === to) return proof.length === 0 && isSame(fromRoot, toRoot)
  if (from === 0) return proof.length === 0 && isSame(fromRoot, EMPTY_ROOT)
  const path = isPowerOfTwo(from) ? [fromRoot, ...proof] : [...proof]
  const [first, ...rest] = path
  if (first === undefined) return false
  let [place, last] = [from - 1, to - 1]
  while (isOdd(place)) [place, last] = [half(place), half(last)]
  let [older, newer] = [first, first]
  for (const sibling of rest) {
    if (last === 0) return false
    if (isOdd(place) || place === last) {
      older = hashNode(sibling, older)
      newer = hashNode(sibling, newer)
      while (!isOdd(place) && place !== 0) [place, last] = [half(place), half(last)]
    } else {
      newer = hashNode(newer, sibling)
    }
    ;[place, last] = [half(place), half(last)]
  }
  return last === 0 && isSame(older, fromRoot) && isSame(newer, toRoot)
}

/** A range that begins where a complete subtree of its size could begin: complete subtrees from left to right. */
async function hashOfRange(hashes: SubtreeHashes, start: number, end: number): Promise<Buffer> {
  const complete: Buffer[] = []
  let at = start
  while (at < end) {
    const size = isPowerOfTwo(end - at) ? end - at : leftSizeOf(end - at)
    complete.push(await hashes.hashOf(Math.round(Math.log2(size)), at / size))
    at += size
  }
  return complete.reduceRight((right, left) => hashNode(left, right))
}

async function hashesOf(hashes: SubtreeHashes, ranges: readonly (readonly [number, number])[]): Promise<Buffer[]> {
  const found: Buffer[] = []
  for (const [start, end] of ranges) found.push(await hashOfRange(hashes, start, end))
  return found
}

/** The largest power of two below `size`: so many leaves stand left of the middle. */
function leftSizeOf(size: number): number {
  let left = 1
  while (left * 2 < size) left *= 2
  return left
}

// Sizes go beyond 32 bits, where the operators on bits end.
const half = (value: number) => Math.floor(value / 2)
const isOdd = (value: number) => value % 2 === 1
const isPowerOfTwo = (value: number) => 2 ** Math.round(Math.log2(value)) === value
const isSame = (one: Uint8Array, other: Uint8Array) => Buffer.compare(one, other) === 0
