/** The right edge of a tree as one file: its size, its partial tiles, and a digest that shows a torn one. */
import { hash } from 'node:crypto'
import type { Tile } from './growing-tree.ts'
import { partialTiles } from './tile-layout.ts'
import { HASH_BYTES } from './tree-hash.ts'

const HEAD = Buffer.from('emberlog edge 1\n')
const SIZE_BYTES = 8

export interface TreeEdge {
  readonly size: number
  readonly partial: readonly Tile[]
}

export function writeEdge(size: number, partial: readonly Tile[]): Buffer {
  const sizeBytes = Buffer.alloc(SIZE_BYTES)
  sizeBytes.writeBigUInt64BE(BigInt(size))
  const content = Buffer.concat([HEAD, sizeBytes, ...partial.map(({ bytes }) => bytes)])
  return Buffer.concat([content, hash('sha256', content, 'buffer')])
}

/** Undefined when it is not whole. */
export function readEdge(file: Buffer): TreeEdge | undefined {
  const content = file.subarray(0, -HASH_BYTES)
  if (!content.subarray(0, HEAD.length).equals(HEAD)) return undefined
  if (!hash('sha256', content, 'buffer').equals(file.subarray(-HASH_BYTES))) return undefined
  const size = Number(content.readBigUInt64BE(HEAD.length))
  let at = HEAD.length + SIZE_BYTES
  const partial = partialTiles(size).map((name) => {
    const bytes = content.subarray(at, at + name.width * HASH_BYTES)
    at += bytes.length
    return { ...name, bytes }
  })
  return at === content.length ? { size, partial } : undefined
}
