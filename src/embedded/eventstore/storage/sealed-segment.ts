/** A segment that is complete: read through its index on disk, which is built again when it is missing or damaged. */
import { crc32 } from 'node:zlib'
import { type BlockCache, CachedFile } from './block-cache.ts'
import type { FileLayer, LogFile } from './file-layer.ts'
import { DiskIndex, encodeIndex, IndexDamage } from './index-file.ts'
import type { RecordView } from './record-format.ts'
import { readRecord, type Segment } from './segment.ts'
import {
  decodeHeader,
  HEADER_BYTES,
  indexFile,
  type SegmentHeader,
  type SegmentName,
  segmentFile,
  unfinished,
} from './segment-header.ts'
import { MemoryIndex, type SegmentIndex } from './segment-index.ts'
import { scanSegment } from './segment-scan.ts'
import { StorageFault } from './storage-fault.ts'

/** Where segments live and what they share. */
export interface SegmentPlace {
  readonly files: FileLayer
  readonly directory: string
  /** Makes a whole path of a file's name. */
  readonly path: (name: string) => string
  readonly cache: BlockCache
  /** Seed of the stream hashes. */
  readonly seed: number
}

interface SealedParts {
  readonly header: SegmentHeader
  readonly file: LogFile
  readonly bytes: number
  readonly index: DiskIndex | MemoryIndex
}

export class SealedSegment implements Segment {
  readonly header: SegmentHeader
  readonly name: string
  readonly endPosition: number
  readonly durableBytes = Number.POSITIVE_INFINITY
  readonly streamsBegun: number
  readonly file: CachedFile
  #index: DiskIndex | MemoryIndex
  #isClosed = false
  readonly #place: SegmentPlace

  constructor(parts: SealedParts, place: SegmentPlace) {
    this.header = parts.header
    this.name = segmentFile(parts.header)
    const isDense = parts.header.rewrite === 0
    this.endPosition = isDense ? parts.header.firstPosition + parts.index.count : parts.header.endPosition
    this.streamsBegun = isDense ? parts.index.streamsBegun : parts.header.streamsBegun
    this.file = new CachedFile(parts.file, parts.bytes, place.cache)
    this.#index = parts.index
    this.#place = place
  }

  get index(): SegmentIndex {
    return this.#index
  }

  get bytes(): number {
    return this.file.end + (this.#index instanceof DiskIndex ? this.#index.bytes : 0)
  }

  get hasIndexFile(): boolean {
    return this.#index instanceof DiskIndex
  }

  recordAt(offset: number): RecordView {
    return readRecord(this.file, this.name, this, offset)
  }

  /** Puts an index in memory, built from the records, in place of a damaged one. The next `saveIndex` writes it. */
  mend(): void {
    if (this.#index instanceof DiskIndex) this.#index.close()
    this.#index = indexOf(this.file, this.header, this.name, this.#place.seed)
  }

  /** Writes the index file if there is none, and reads through it from then on. */
  async saveIndex(): Promise<void> {
    const index = this.#index
    if (index instanceof DiskIndex || this.#isClosed) return
    const { files, path, directory } = this.#place
    const name = indexFile(this.header)
    const identity = { header: this.header, bytes: this.file.end, seed: this.#place.seed }
    const checksum = await checksumOf(this.file.file, this.file.end)
    await writeWhole(files, path(name), [encodeIndex(index, identity, checksum)])
    await files.syncDirectory(directory)
    if (this.#isClosed) return
    this.#index = new DiskIndex(files.open(path(name)), identity, this.#place.cache)
  }

  /** Throws `log-damaged` when the file is not byte for byte what it was when its index was written. */
  async assertWhole(): Promise<void> {
    if (!(this.#index instanceof DiskIndex)) return // Built from the records just now: all were looked at.
    if ((await checksumOf(this.file.file, this.file.end)) === this.#index.segmentChecksum) return
    indexOf(this.file, this.header, this.name, this.#place.seed)
    throw new StorageFault('log-damaged', {
      file: this.name,
      offset: 0,
      reason: 'the checksum of the file does not fit',
    })
  }

  /** Closes it and removes its files. */
  remove(): void {
    const { files, path } = this.#place
    this.close()
    files.remove(path(this.name))
    files.remove(path(indexFile(this.header)))
  }

  close(): void {
    this.#isClosed = true
    this.file.file.close()
    if (this.#index instanceof DiskIndex) this.#index.close()
  }
}

/** Opens a segment that was sealed. Throws `log-damaged` when it is not whole. */
export function openSealed(name: SegmentName, place: SegmentPlace): SealedSegment {
  const file = place.files.open(place.path(segmentFile(name)))
  try {
    const header = readHeader(file, name)
    const bytes = file.size()
    return new SealedSegment({ header, file, bytes, index: openIndex({ header, bytes, file }, place) }, place)
  } catch (error) {
    file.close()
    throw error
  }
}

/** Reads the header of an open segment file, and checks that it is the one its name says. */
export function readHeader(file: LogFile, name: SegmentName): SegmentHeader {
  const page = Buffer.alloc(HEADER_BYTES)
  const header = decodeHeader(page.subarray(0, file.read(page, 0)), segmentFile(name))
  if (segmentFile(header) === segmentFile(name)) return header
  throw new StorageFault('log-damaged', { file: segmentFile(name), offset: 0, reason: 'the file bears a wrong name' })
}

function openIndex(segment: { header: SegmentHeader; bytes: number; file: LogFile }, place: SegmentPlace) {
  const { header, bytes, file } = segment
  const opened = tryOpen(place, indexFile(header))
  try {
    if (opened) return new DiskIndex(opened, { header, bytes, seed: place.seed }, place.cache)
  } catch (error) {
    opened?.close()
    if (!(error instanceof IndexDamage)) throw error
  }
  return indexOf(new CachedFile(file, bytes, place.cache), header, segmentFile(header), place.seed)
}

function tryOpen({ files, path }: SegmentPlace, name: string): LogFile | undefined {
  try {
    return files.open(path(name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Builds the index of a sealed segment from its records; throws `log-damaged` at the first that is not whole. */
function indexOf(file: CachedFile, header: SegmentHeader, name: string, seed: number): MemoryIndex {
  const index = new MemoryIndex(header.firstPosition, seed)
  const scan = scanSegment(file, header, (record, offset) => index.add(record, offset))
  const place = scan.broken ?? (scan.isMarked ? undefined : unsealed(scan))
  if (!place) return index
  throw new StorageFault('log-damaged', {
    file: name,
    offset: place.offset,
    position: place.position,
    reason: place.reason,
  })
}

const PORTION_BYTES = 1024 * 1024

/** The checksum of a file's first `bytes` bytes. Lets other work have its turn. */
export async function checksumOf(file: LogFile, bytes: number): Promise<number> {
  const portion = Buffer.allocUnsafeSlow(Math.min(PORTION_BYTES, bytes))
  let checksum = 0
  for (let at = 0; at < bytes; at += PORTION_BYTES) {
    const filled = file.read(portion.subarray(0, bytes - at), at)
    checksum = crc32(portion.subarray(0, filled), checksum)
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  return checksum
}

const unsealed = ({ end, endPosition }: { end: number; endPosition: number }) => ({
  offset: end,
  position: endPosition,
  reason: 'the segment ends without its closing mark',
})

/** Writes a file so that it has its name only when it is whole and synced. The directory is the caller's to sync. */
export async function writeWhole(files: FileLayer, path: string, parts: readonly Uint8Array[]): Promise<void> {
  const file = files.create(unfinished(path))
  try {
    await file.write(parts, 0)
    await file.sync()
  } finally {
    file.close()
  }
  files.rename(unfinished(path), path)
}
