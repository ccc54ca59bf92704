/** The index of a sealed segment on disk: every page is checked when it is read, and only a small filter stays in memory. */
import { crc32 } from 'node:zlib'
import { BLOCK_BYTES, type Block, type BlockCache } from './block-cache.ts'
import type { LogFile } from './file-layer.ts'
import type { SegmentHeader } from './segment-header.ts'
import { lowerBound, type MemoryIndex, type SegmentIndex, type StreamRun } from './segment-index.ts'

// The file is one row of 32-bit words, little-endian, in pages of 2,048 words, of which the last is a checksum.
//
//   head (32 words) │ offsets │ position deltas (only with gaps) │ id hashes │ stream slots │ runs │ filter
//
// Stream slots are a hash table with open addressing, six words a slot:
//   hash low, hash high, first revision low, high, where its run begins, how many records (0: the slot is empty)
// A run has two words a record: revision above the first one, offset. The filter is a Bloom filter of stream hashes.
const PAGE_WORDS = BLOCK_BYTES / 4 - 1
const HEAD_WORDS = 32
const SLOT_WORDS = 6
const MAGIC = 0x58_44_4e_49
const VERSION = 1
const WORD = 2 ** 32
/** Twelve bits and six probes a stream: about four in a thousand searches in vain look further than the filter. */
const FILTER_BITS = 12
const FILTER_PROBES = 6

/** A page of an index is not what was written: the index is built again from the segment. */
export class IndexDamage extends Error {
  readonly index: SegmentIndex

  constructor(message: string, index: SegmentIndex) {
    super(message)
    this.index = index
  }
}

/** What ties an index to its segment: any difference, and it is not its index. */
export interface IndexIdentity {
  readonly header: SegmentHeader
  /** Size of the segment's file. */
  readonly bytes: number
  /** Seed of the stream hashes. */
  readonly seed: number
}

/** The whole index file of a segment whose file has that checksum. */
export function encodeIndex(index: MemoryIndex, identity: IndexIdentity, segmentChecksum: number): Buffer {
  const shape = shapeOf(index)
  const pages = Math.ceil(shape.words / PAGE_WORDS)
  const file = Buffer.alloc(pages * BLOCK_BYTES)
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const put = (word: number, value: number) => view.setUint32(byteOf(word), value, true)
  const head = [...headOf(identity, shape), segmentChecksum]
  for (let i = 0; i < head.length; i += 1) put(i, head[i] as number)
  for (let i = 0; i < index.count; i += 1) {
    put(shape.offsets + i, index.offsetAt(i))
    if (!index.isDense) put(shape.deltas + i, index.positionAt(i) - index.firstPosition)
    put(shape.idHashes + i, index.idHashAt(i))
  }
  const filter = new Uint32Array(shape.filterWords)
  const used = new Uint8Array(shape.slots)
  let run = 0
  for (const stream of index.streams.values()) {
    const low = stream.hash % WORD
    const high = Math.floor(stream.hash / WORD)
    let slot = low & (shape.slots - 1)
    while (used[slot]) slot = (slot + 1) & (shape.slots - 1)
    used[slot] = 1
    const words = [low, high, stream.first % WORD, Math.floor(stream.first / WORD), run, stream.count]
    for (let i = 0; i < SLOT_WORDS; i += 1) put(shape.table + slot * SLOT_WORDS + i, words[i] as number)
    for (let i = 0; i < stream.count; i += 1) {
      put(shape.runs + (run + i) * 2, stream.revisionAt(i) - stream.first)
      put(shape.runs + (run + i) * 2 + 1, stream.offsetAt(i))
    }
    run += stream.count
    addToFilter(filter, low, high)
  }
  for (let i = 0; i < filter.length; i += 1) put(shape.filter + i, filter[i] as number)
  for (let page = 0; page < pages; page += 1) {
    const end = page * BLOCK_BYTES + PAGE_WORDS * 4
    file.writeUInt32LE(crc32(file.subarray(page * BLOCK_BYTES, end), page), end)
  }
  return file
}

interface Shape {
  readonly count: number
  readonly isDense: boolean
  readonly slots: number
  readonly filterWords: number
  readonly streamsBegun: number
  readonly offsets: number
  readonly deltas: number
  readonly idHashes: number
  readonly table: number
  readonly runs: number
  readonly filter: number
  readonly words: number
}

function shapeOf(index: MemoryIndex): Shape {
  // A third of the slots stays empty at least, so that a search ends soon.
  const slots = 2 ** Math.ceil(Math.log2(Math.max(2, index.streams.size * 1.5)))
  const filterWords = Math.max(1, Math.ceil((index.streams.size * FILTER_BITS) / 32))
  return layOut({ count: index.count, isDense: index.isDense, slots, filterWords, streamsBegun: index.streamsBegun })
}

type Sizes = Pick<Shape, 'count' | 'isDense' | 'slots' | 'filterWords' | 'streamsBegun'>

/** Where each part begins, in words. */
function layOut(sizes: Sizes): Shape {
  const offsets = HEAD_WORDS
  const deltas = offsets + sizes.count
  const idHashes = deltas + (sizes.isDense ? 0 : sizes.count)
  const table = idHashes + sizes.count
  const runs = table + sizes.slots * SLOT_WORDS
  const filter = runs + sizes.count * 2
  return { ...sizes, offsets, deltas, idHashes, table, runs, filter, words: filter + sizes.filterWords }
}

function headOf({ header, bytes, seed }: IndexIdentity, shape: Sizes): number[] {
  const first = [header.firstPosition % WORD, Math.floor(header.firstPosition / WORD)]
  const identity = [
    MAGIC,
    VERSION,
    header.number,
    header.lastNumber,
    header.rewrite,
    header.salt,
    bytes,
    seed,
    ...first,
  ]
  return [...identity, shape.count, shape.isDense ? 1 : 0, shape.slots, shape.filterWords, shape.streamsBegun]
}

const IDENTITY_WORDS = 10
const SIZE_WORDS = 5

export class DiskIndex implements SegmentIndex {
  readonly count: number
  readonly streamsBegun: number
  readonly bytes: number
  /** Of all bytes of the segment's file, as it was when the index was written. */
  readonly segmentChecksum: number
  readonly #file: LogFile
  readonly #cache: BlockCache
  readonly #number: number
  readonly #shape: Shape
  readonly #filter: Uint32Array
  readonly #firstPosition: number
  #last: Block | undefined

  /** Throws `IndexDamage` when the file is not the whole index of that segment. */
  constructor(file: LogFile, identity: IndexIdentity, cache: BlockCache) {
    this.#file = file
    this.#cache = cache
    this.#number = cache.nextFileNumber()
    const words = Array.from({ length: IDENTITY_WORDS + SIZE_WORDS }, (_, i) => this.#word(i))
    const [count = 0, isDense, slots = 0, filterWords = 0, streamsBegun = 0] = words.slice(IDENTITY_WORDS)
    this.#shape = layOut({ count, isDense: isDense === 1, slots, filterWords, streamsBegun })
    const expected = headOf(identity, this.#shape)
    if (words.some((word, i) => word !== expected[i]))
      throw new IndexDamage('the index belongs to another segment', this)
    this.bytes = Math.ceil(this.#shape.words / PAGE_WORDS) * BLOCK_BYTES
    if (file.size() !== this.bytes) throw new IndexDamage('the index is not whole', this)
    this.count = count
    this.segmentChecksum = this.#word(IDENTITY_WORDS + SIZE_WORDS)
    this.streamsBegun = streamsBegun
    this.#firstPosition = identity.header.firstPosition
    this.#filter = Uint32Array.from({ length: filterWords }, (_, i) => this.#word(this.#shape.filter + i))
  }

  lowerBound(position: number): number {
    if (this.#shape.isDense) return Math.min(this.count, Math.max(0, position - this.#firstPosition))
    const delta = position - this.#firstPosition
    return lowerBound(this.count, delta, (i) => this.#word(this.#shape.deltas + i))
  }

  positionAt(i: number): number {
    return this.#firstPosition + (this.#shape.isDense ? i : this.#word(this.#shape.deltas + i))
  }

  offsetAt(i: number): number {
    return this.#word(this.#shape.offsets + i)
  }

  idHashAt(i: number): number {
    return this.#word(this.#shape.idHashes + i)
  }

  find(_stream: string, hash: number, isStream: (offset: number) => boolean): StreamRun | undefined {
    const low = hash % WORD
    const high = Math.floor(hash / WORD)
    if (!isInFilter(this.#filter, low, high)) return undefined
    const { slots, table } = this.#shape
    for (let probe = 0; probe < slots; probe += 1) {
      const slot = table + ((low + probe) & (slots - 1)) * SLOT_WORDS
      const count = this.#word(slot + 5)
      if (count === 0) return undefined
      if (this.#word(slot) !== low || this.#word(slot + 1) !== high) continue
      const run = this.#run(slot, count)
      if (isStream(run.offsetAt(0))) return run
    }
    return undefined
  }

  close(): void {
    this.#file.close()
  }

  #run(slot: number, count: number): StreamRun {
    const first = this.#word(slot + 3) * WORD + this.#word(slot + 2)
    const start = this.#shape.runs + this.#word(slot + 4) * 2
    return {
      count,
      revisionAt: (i) => first + this.#word(start + i * 2),
      offsetAt: (i) => this.#word(start + i * 2 + 1),
    }
  }

  #word(word: number): number {
    const page = Math.floor(word / PAGE_WORDS)
    return this.#page(page).readUInt32LE((word - page * PAGE_WORDS) * 4)
  }

  #page(page: number): Buffer {
    const key = this.#cache.keyOf(this.#number, page)
    if (this.#last?.key !== key) this.#last = this.#cache.get(key) ?? this.#load(key, page)
    this.#last.wasUsed = true
    return this.#last.bytes
  }

  #load(key: number, page: number): Block {
    return this.#cache.load(key, (memory) => {
      const filled = this.#file.read(memory, page * BLOCK_BYTES)
      const end = PAGE_WORDS * 4
      if (filled < BLOCK_BYTES || crc32(memory.subarray(0, end), page) !== memory.readUInt32LE(end)) {
        throw new IndexDamage(`page ${page} of the index is damaged`, this)
      }
      return filled
    })
  }
}

/** Where a word lies in the file: each page before it has one word more, its checksum. */
const byteOf = (word: number) => (word + Math.floor(word / PAGE_WORDS)) * 4

function addToFilter(filter: Uint32Array, low: number, high: number): void {
  for (let probe = 0; probe < FILTER_PROBES; probe += 1) {
    const bit = filterBit(filter, low, high, probe)
    filter[bit >>> 5] = (filter[bit >>> 5] as number) | (1 << (bit & 31))
  }
}

function isInFilter(filter: Uint32Array, low: number, high: number): boolean {
  for (let probe = 0; probe < FILTER_PROBES; probe += 1) {
    const bit = filterBit(filter, low, high, probe)
    if (((filter[bit >>> 5] as number) & (1 << (bit & 31))) === 0) return false
  }
  return true
}

/** The bit of one probe: two halves of the hash walk over the filter together. */
function filterBit(filter: Uint32Array, low: number, high: number, probe: number): number {
  return (low + probe * (high * 2 + 1)) % (filter.length * 32)
}
