/** Where each leaf stands in the log: fixed records in a file, so that a leaf is found by number, position or time. */

import { hash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { LRUCache } from 'lru-cache'
import { assert } from '../shared/assert.ts'
import { type Position, parseUuid, type Revision, toPosition, toRevision } from '../shared/ids.ts'

/**
 * One record: position (8 bytes), created in ms (8), category (1), revision (7), id (16). Streams of a known category are
 * named whole, by the UUID that they end with; of others only a hash of the name is kept.
 */
export const LEAF_RECORD_BYTES = 40

export interface LeafPlace {
  readonly position: Position
  readonly created: Date
  readonly revision: Revision
  /** The stream's name; a hash of it, in hexadecimal, where the name itself is not kept. */
  readonly stream: string
  readonly isNameKept: boolean
}

const ID_BYTES = 16
const UNKNOWN_CATEGORY = 0
const categories: readonly (readonly [code: number, prefix: string])[] = [
  [1, 'conversation-'],
  [2, 'user-'],
]

interface PlacedEvent {
  readonly stream: string
  readonly revision: bigint
  readonly position: bigint
  readonly created: Date
}

export function leafRecord({ stream, revision, position, created }: PlacedEvent): Buffer {
  const record = Buffer.allocUnsafe(LEAF_RECORD_BYTES)
  const { category, id } = knownNameOf(stream)
  record.writeBigUInt64BE(position, 0)
  record.writeBigUInt64BE(BigInt(created.getTime()), 8)
  record.writeBigUInt64BE((BigInt(category) << 56n) | revision, 16)
  id.copy(record, 24)
  return record
}

interface IndexedName {
  readonly category: number
  readonly id: Buffer
}

/** Streams that are written to now are written to again. */
const knownNames = new LRUCache<string, IndexedName>({ max: 1_000 })

function knownNameOf(stream: string): IndexedName {
  const known = knownNames.get(stream)
  if (known !== undefined) return known
  const name = nameOf(stream)
  knownNames.set(stream, name)
  return name
}

function nameOf(stream: string): IndexedName {
  const [category, prefix] = categories.find(([, begin]) => stream.startsWith(begin)) ?? [UNKNOWN_CATEGORY, '']
  const uuid = category === UNKNOWN_CATEGORY ? undefined : stream.slice(prefix.length)
  if (uuid !== undefined && parseUuid(uuid) === uuid) {
    return { category, id: Buffer.from(uuid.replaceAll('-', ''), 'hex') }
  }
  return { category: UNKNOWN_CATEGORY, id: hash('sha256', stream, 'buffer').subarray(0, ID_BYTES) }
}

function readRecord(record: Buffer): LeafPlace {
  const packed = record.readBigUInt64BE(16)
  const category = Number(packed >> 56n)
  const id = record.toString('hex', 24, 24 + ID_BYTES)
  const prefix = categories.find(([code]) => code === category)?.[1]
  return {
    position: toPosition(record.readBigUInt64BE(0)),
    created: new Date(Number(record.readBigUInt64BE(8))),
    revision: toRevision(packed & ((1n << 56n) - 1n)),
    stream: prefix === undefined ? id : prefix + id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    isNameKept: prefix !== undefined,
  }
}

export interface LeafIndex {
  /** How many leaves it holds; a keeper may be adding more. */
  readonly count: () => Promise<number>
  readonly at: (index: number) => Promise<LeafPlace>
  /** The number of the first leaf at this position or after it; `size` when there is none. */
  readonly firstFrom: (position: bigint, size: number) => Promise<number>
  /** The number of the first leaf taken in at this time or after it; `size` when there is none. */
  readonly firstSince: (time: Date, size: number) => Promise<number>
  /** Leaves in order, read in large pieces. */
  readonly places: (from: number, size: number) => AsyncGenerator<LeafPlace>
  readonly close: () => Promise<void>
}

const PIECE_RECORDS = 8_192

/** Opens the index for reading; undefined when there is none. */
export async function openLeafIndex(file: string): Promise<LeafIndex | undefined> {
  const handle = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  return handle && leafIndexOf(handle)
}

function leafIndexOf(handle: FileHandle): LeafIndex {
  const at = async (index: number): Promise<LeafPlace> => {
    const record = Buffer.alloc(LEAF_RECORD_BYTES)
    const { bytesRead } = await handle.read(record, 0, LEAF_RECORD_BYTES, index * LEAF_RECORD_BYTES)
    assert(bytesRead === LEAF_RECORD_BYTES, 'the leaf is in the index')
    return readRecord(record)
  }
  const firstWhere = async (size: number, isReached: (place: LeafPlace) => boolean): Promise<number> => {
    let [low, high] = [0, size]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (isReached(await at(middle))) high = middle
      else low = middle + 1
    }
    return low
  }
  return {
    at,
    count: async () => Math.floor((await handle.stat()).size / LEAF_RECORD_BYTES),
    firstFrom: (position, size) => firstWhere(size, (place) => place.position >= position),
    firstSince: (time, size) => firstWhere(size, (place) => place.created >= time),
    async *places(from, size) {
      const piece = Buffer.alloc(PIECE_RECORDS * LEAF_RECORD_BYTES)
      for (let first = from; first < size; first += PIECE_RECORDS) {
        const bytes = Math.min(PIECE_RECORDS, size - first) * LEAF_RECORD_BYTES
        const { bytesRead } = await handle.read(piece, 0, bytes, first * LEAF_RECORD_BYTES)
        assert(bytesRead === bytes, 'the leaves are in the index')
        for (let place = 0; place < bytes; place += LEAF_RECORD_BYTES) {
          yield readRecord(piece.subarray(place, place + LEAF_RECORD_BYTES))
        }
      }
    },
    close: () => handle.close(),
  }
}
