/** Keeps the blocks of files that were read last, in a fixed amount of memory whatever the size of the log. */
import type { LogFile } from './file-layer.ts'

/** Bytes of a block: small enough for looking up a single record, large enough for reading on. */
export const BLOCK_BYTES = 8 * 1024

/** More blocks than a file can have: 2^32 bytes. */
const BLOCKS_IN_A_FILE = 2 ** 32 / BLOCK_BYTES

/**
 * The least recently used block goes first, and its memory holds the next one: so a view of a block is good only for
 * as long as fewer than `blocksMax` others are read. Whoever keeps bytes copies them.
 */
export class BlockCache {
  readonly #blocksMax: number
  /** In order of use, the oldest first. */
  readonly #blocks = new Map<number, Buffer>()
  readonly #free: Buffer[] = []
  #files = 0
  /** The block used last, so that reading on within it costs nothing. */
  #last: Buffer | undefined
  #lastKey = -1

  constructor(bytesMax: number) {
    this.#blocksMax = Math.max(8, Math.floor(bytesMax / BLOCK_BYTES))
  }

  /** A number for a file's blocks; never used again. */
  nextFileNumber(): number {
    this.#files += 1
    return this.#files
  }

  keyOf(fileNumber: number, block: number): number {
    return fileNumber * BLOCKS_IN_A_FILE + block
  }

  get(key: number): Buffer | undefined {
    if (key === this.#lastKey) return this.#last
    const block = this.#blocks.get(key)
    if (!block) return undefined
    this.#use(key, block)
    return block
  }

  /** Takes in a block that `fill` writes into the memory it is given; `fill` answers how many bytes there were. */
  load(key: number, fill: (block: Buffer) => number): Buffer {
    const memory = this.#memoryFor(key)
    const block = memory.subarray(0, fill(memory))
    this.#use(key, block)
    return block
  }

  #use(key: number, block: Buffer): void {
    this.#blocks.delete(key)
    this.#blocks.set(key, block)
    this.#last = block
    this.#lastKey = key
  }

  /** A whole block of memory: that of the same block read earlier, of the oldest one, or new. */
  #memoryFor(key: number): Buffer {
    this.#lastKey = -1
    this.#forget(key)
    if (this.#blocks.size >= this.#blocksMax) this.#forget(this.#blocks.keys().next().value as number)
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES)
  }

  #forget(key: number): void {
    const block = this.#blocks.get(key)
    if (!block) return
    this.#blocks.delete(key)
    this.#free.push(Buffer.from(block.buffer, 0, BLOCK_BYTES))
  }
}

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
    const known = this.#cache.get(key)
    const bytes = Math.max(0, Math.min(BLOCK_BYTES, this.end - index * BLOCK_BYTES))
    if (known && (known.byteLength >= needed || known.byteLength >= bytes)) return known
    return this.#cache.load(key, (block) => this.file.read(block.subarray(0, bytes), index * BLOCK_BYTES))
  }
}
