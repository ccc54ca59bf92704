/** Keeps the blocks of files that were read last, up to a fixed number, so that memory does not follow the log's size. */
import type { LogFile } from './file-layer.ts'

/** Bytes of a block. Large enough that reading on is one read for a hundred records, small enough for a single one. */
export const BLOCK_BYTES = 64 * 1024

/** The least recently used block goes first. */
export class BlockCache {
  readonly #blocksMax: number
  /** In order of use, the oldest first. */
  readonly #blocks = new Map<number, Buffer>()
  #files = 0
  /** The block of the last read, so that reading on within it costs nothing. */
  #last: Buffer | undefined
  #lastKey = -1

  constructor(blocksMax: number) {
    this.#blocksMax = blocksMax
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
    this.#blocks.delete(key)
    this.#blocks.set(key, block)
    this.#last = block
    this.#lastKey = key
    return block
  }

  put(key: number, block: Buffer): void {
    this.#last = block
    this.#lastKey = key
    this.#blocks.delete(key)
    this.#blocks.set(key, block)
    if (this.#blocks.size <= this.#blocksMax) return
    for (const oldest of this.#blocks.keys()) {
      this.#blocks.delete(oldest)
      return
    }
  }
}

/** More blocks than a file can have: 2^32 bytes. */
const BLOCKS_IN_A_FILE = 65_536

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

  /** A view of the bytes, or a copy where they lie in several blocks. Fewer than asked for at the end. */
  bytes(at: number, count: number): Buffer {
    const index = Math.floor(at / BLOCK_BYTES)
    const start = at - index * BLOCK_BYTES
    if (start + count <= BLOCK_BYTES) return this.#block(index, start + count).subarray(start, start + count)
    // What is larger than a block, or lies across two, is read past the cache.
    const copy = Buffer.allocUnsafeSlow(Math.max(0, Math.min(count, this.end - at)))
    return copy.subarray(0, this.file.read(copy, at))
  }

  /** The block with that index, at least `needed` bytes of it if there are so many. */
  #block(index: number, needed: number): Buffer {
    const key = this.#cache.keyOf(this.#number, index)
    const known = this.#cache.get(key)
    const bytes = Math.min(BLOCK_BYTES, this.end - index * BLOCK_BYTES)
    if (known && (known.byteLength >= needed || known.byteLength >= bytes)) return known
    const block = Buffer.allocUnsafeSlow(Math.max(0, bytes))
    const filled = block.subarray(0, this.file.read(block, index * BLOCK_BYTES))
    this.#cache.put(key, filled)
    return filled
  }
}
