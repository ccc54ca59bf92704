/** The segment that is being written: records are encoded into memory at once, and go to the file in groups. */
import { type BlockCache, CachedFile } from './block-cache.ts'
import type { NewRecord } from './event-log.ts'
import type { LogFile } from './file-layer.ts'
import { encodeMark, eventBytesMax, MARK_BYTES, RecordView, writeEvent } from './record-format.ts'
import { readRecord, type Segment } from './segment.ts'
import { HEADER_BYTES, type SegmentHeader } from './segment-header.ts'
import { MemoryIndex } from './segment-index.ts'

/** A record lies whole in one chunk; one that is larger gets a chunk of its own size. */
const CHUNK_BYTES = 256 * 1024
/** So much of what is already durable stays in memory for readers who follow the end. */
const KEPT_BYTES_MAX = 8 * 1024 * 1024

interface Chunk {
  /** Offset of its first byte in the file. */
  readonly start: number
  readonly bytes: Buffer
  used: number
}

export interface TailOptions {
  readonly header: SegmentHeader
  readonly name: string
  readonly index: MemoryIndex
  /** Where the next frame goes: behind the header, or behind what was found in the file. */
  readonly end: number
  readonly cache: BlockCache
}

export class TailSegment implements Segment {
  readonly header: SegmentHeader
  readonly name: string
  readonly index: MemoryIndex
  /** Everything encoded so far, durable or not. */
  end: number
  endPosition: number
  durableBytes: number
  readonly #cache: BlockCache
  /** Without gaps up to `end`; the oldest are forgotten once durable. */
  readonly #chunks: Chunk[] = []
  #file: CachedFile | undefined
  #isGroupOpen = false

  constructor(options: TailOptions) {
    this.header = options.header
    this.name = options.name
    this.index = options.index
    this.end = options.end
    this.durableBytes = options.end
    this.endPosition = options.header.firstPosition + options.index.count
    this.#cache = options.cache
  }

  /** The file, once it exists. A tail may be filled before it has one. */
  get file(): LogFile | undefined {
    return this.#file?.file
  }

  get bytes(): number {
    return this.end
  }

  attach(file: LogFile): void {
    this.#file = new CachedFile(file, this.durableBytes, this.#cache)
  }

  /** Encodes a record behind the last one. The first of a group is preceded by the group's mark. */
  add(record: NewRecord, following: number): RecordView {
    if (!this.#isGroupOpen) this.#openGroup()
    const chunk = this.#chunkFor(eventBytesMax(record))
    const place = { position: this.endPosition, following, salt: this.header.salt }
    const length = writeEvent(chunk.bytes, chunk.used, record, place)
    const view = new RecordView({ bytes: chunk.bytes, at: chunk.used }, record)
    this.index.add(view, this.end)
    chunk.used += length
    this.end += length
    this.endPosition += 1
    return view
  }

  /** Ends the group: answers where it ends, and what is added from now on belongs to the next one. */
  closeGroup(): number {
    this.#isGroupOpen = false
    return this.end
  }

  /** The bytes between two offsets that were not forgotten yet. */
  slices(from: number, to: number): Buffer[] {
    return this.#chunks
      .filter((chunk) => chunk.start + chunk.used > from && chunk.start < to)
      .map((chunk) => chunk.bytes.subarray(Math.max(0, from - chunk.start), Math.min(chunk.used, to - chunk.start)))
  }

  /** The mark that says: everything up to here was synced. The next group begins with the very same bytes. */
  closingMark(): Buffer {
    return encodeMark(this.end, this.endPosition, this.header.salt)
  }

  becomeDurable(end: number): void {
    this.durableBytes = end
    if (this.#file) this.#file.end = end
    const isForgettable = (chunk: Chunk) => chunk.start + chunk.used <= Math.min(end, this.end - KEPT_BYTES_MAX)
    while (this.#chunks.length > 1 && isForgettable(this.#chunks[0] as Chunk)) this.#chunks.shift()
  }

  recordAt(offset: number): RecordView {
    const chunk = this.#chunks.findLast(({ start }) => start <= offset)
    if (!chunk) return readRecord(this.#file as CachedFile, this.name, this, offset)
    return new RecordView({ bytes: chunk.bytes, at: offset - chunk.start })
  }

  close(): void {
    this.file?.close()
    this.#file = undefined
  }

  #openGroup(): void {
    const chunk = this.#chunkFor(MARK_BYTES)
    chunk.bytes.set(encodeMark(this.end, this.endPosition, this.header.salt), chunk.used)
    chunk.used += MARK_BYTES
    this.end += MARK_BYTES
    this.#isGroupOpen = true
  }

  /** A chunk with so many bytes free at its end. */
  #chunkFor(bytes: number): Chunk {
    const last = this.#chunks.at(-1)
    if (last && last.used + bytes <= last.bytes.byteLength) return last
    const chunk = { start: this.end, bytes: Buffer.allocUnsafeSlow(Math.max(bytes, CHUNK_BYTES)), used: 0 }
    this.#chunks.push(chunk)
    return chunk
  }
}

/** A tail with nothing in it. */
export function emptyTail(header: SegmentHeader, name: string, seed: number, cache: BlockCache): TailSegment {
  return new TailSegment({ header, name, index: new MemoryIndex(header.firstPosition, seed), end: HEADER_BYTES, cache })
}
