/** Keeps the blocks of files that were read last, in a fixed amount of memory whatever the size of the log. */
import type { LogFile } from './file-layer.ts'

/** Bytes of a block: small enough for looking up a single record, large enough for reading on. */
export const BLOCK_BYTES = 8 * 1024

/** More blocks than a file can have: 2^32 bytes. */
const BLOCKS_IN_A_FILE = 2 ** 32 / BLOCK_BYTES

/** One block: whoever remembers it must look whether its key is still the one it was remembered for. */
export interface Block {
  key: number
  /** As many bytes of the file's block as were there, in memory of `BLOCK_BYTES`. */
  bytes: Buffer
  wasUsed: boolean
}

/**
 * A block that was used since the clock's hand last passed gets another round; the first one that was not makes room, and
 * its memory holds the next: so a view of a block is good only until other blocks are read. Whoever keeps bytes copies them.
 */
export class BlockCache {
  readonly #blocksMax: number
  readonly #byKey = new Map<number, Block>()
  readonly #clock: Block[] = []
  #hand = 0
  #files = 0

  constructor(bytesMax: number) {
    // Never so few that a record and the pages that lead to it push one another out.
    this.#blocksMax = Math.max(16, Math.floor(bytesMax / BLOCK_BYTES))
  }

  /** A number for a file's blocks; never used again. */
  nextFileNumber(): number {
    this.#files += 1
    return this.#files
  }

  keyOf(fileNumber: number, block: number): number {
    return fileNumber * BLOCKS_IN_A_FILE + block
  }

  get(key: number): Block | undefined {
    const block = this.#byKey.get(key)
    if (block) block.wasUsed = true
    return block
  }

  /** Takes in a block that `fill` writes into the memory it is given; `fill` answers how many bytes there were. */
  load(key: number, fill: (memory: Buffer) => number): Block {
    const block = this.#byKey.get(key) ?? this.#room()
    this.#byKey.delete(block.key)
    block.key = NO_KEY // Should `fill` throw, the memory belongs to nobody.
    const memory = Buffer.from(block.bytes.buffer, 0, BLOCK_BYTES)
    block.bytes = memory.subarray(0, fill(memory))
    block.key = key
    block.wasUsed = true
    this.#byKey.set(key, block)
    return block
  }

  #room(): Block {
    if (this.#clock.length < this.#blocksMax) {
      const block = { key: NO_KEY, bytes: Buffer.allocUnsafeSlow(BLOCK_BYTES), wasUsed: false }
      this.#clock.push(block)
      return block
    }
    for (;;) {
      const block = this.#clock[this.#hand] as Block
      this.#hand = (this.#hand + 1) % this.#clock.length
      if (!block.wasUsed) return block
      block.wasUsed = false
    }
  }
}

const NO_KEY = -1

/** A place in memory. */
interface Span {
  readonly bytes: Buffer
  readonly at: number
}

/** Reads a file through the cache, as far as its bytes are final. */
export class CachedFile {
  readonly file: LogFile
  /** The bytes below do not change any more; what lies above is not read. Only ever raised. */
  end: number
  readonly #cache: BlockCache
  readonly #number: number
  /** The block read last: reading on within it needs no search. */
  #last: Block | undefined

  constructor(file: LogFile, end: number, cache: BlockCache) {
    this.file = file
    this.end = end
    this.#cache = cache
    this.#number = cache.nextFileNumber()
  }

  /** Where so many bytes lie one after the other; undefined when the file ends before. */
  span(at: number, count: number): Span | undefined {
    if (at + count > this.end) return undefined
    const index = Math.floor(at / BLOCK_BYTES)
    const start = at - index * BLOCK_BYTES
    const found = start + count <= BLOCK_BYTES ? this.#inBlock(index, start, count) : this.#across(at, count)
    return found.bytes.byteLength < found.at + count ? undefined : found
  }

  /** A copy of the bytes, past the cache. Fewer than asked for at the end. */
  copy(at: number, count: number): Buffer {
    const copy = Buffer.allocUnsafeSlow(Math.max(0, Math.min(count, this.end - at)))
    return copy.subarray(0, this.file.read(copy, at))
  }

  #inBlock(index: number, start: number, count: number): Span {
    return { bytes: this.#block(index, start + count), at: start }
  }

  /** What lies in two blocks is put together; what is larger is read past the cache, which it would only empty. */
  #across(at: number, count: number): Span {
    const index = Math.floor(at / BLOCK_BYTES)
    const start = at - index * BLOCK_BYTES
    if (start + count > 2 * BLOCK_BYTES) return { bytes: this.copy(at, count), at: 0 }
    const bytes = Buffer.allocUnsafe(count)
    const first = this.#block(index, BLOCK_BYTES).copy(bytes, 0, start)
    const second = this.#block(index + 1, start + count - BLOCK_BYTES).copy(bytes, first)
    return { bytes: bytes.subarray(0, first + second), at: 0 }
  }

  /** The block with that index, at least `needed` bytes of it if there are so many. */
  #block(index: number, needed: number): Buffer {
    const key = this.#cache.keyOf(this.#number, index)
    if (this.#last?.key === key && this.#last.bytes.byteLength >= needed) {
      this.#last.wasUsed = true
      return this.#last.bytes
    }
    let block = this.#cache.get(key)
    const bytes = Math.max(0, Math.min(BLOCK_BYTES, this.end - index * BLOCK_BYTES))
    // A block that was read when the file was shorter is read again.
    if (!block || block.bytes.byteLength < Math.min(needed, bytes)) {
      block = this.#cache.load(key, (memory) => this.file.read(memory.subarray(0, bytes), index * BLOCK_BYTES))
    }
    this.#last = block
    return block.bytes
  }
}
