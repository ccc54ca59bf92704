/** Checks every record of a log that nobody works on, and names the first bad place. Changes nothing. */
import path from 'node:path'
import { BlockCache, CachedFile } from './block-cache.ts'
import { diskFiles, type FileLayer } from './file-layer.ts'
import { encodeIndex } from './index-file.ts'
import { assertFollows, chooseFiles } from './log-opening.ts'
import type { RecordView } from './record-format.ts'
import { checksumOf, readHeader } from './sealed-segment.ts'
import {
  indexFile,
  parseSegmentFile,
  type SegmentHeader,
  type SegmentName,
  seedOf,
  segmentFile,
} from './segment-header.ts'
import { MemoryIndex } from './segment-index.ts'
import { type SegmentScan, scanSegment } from './segment-scan.ts'
import { isStorageFault, StorageFault } from './storage-fault.ts'

export interface VerificationOptions {
  readonly directory: string
  readonly files?: FileLayer
  /** Told after each segment. */
  readonly onProgress?: (progress: { segments: number; segmentsTotal: number; records: number }) => void
}

export interface Verification {
  readonly isSound: boolean
  readonly records: number
  readonly streams: number
  readonly segments: number
  readonly bytes: number
  /** Where the log is damaged. Nothing behind it was looked at. */
  readonly firstBad?: BadPlace
  /** Bytes at the end of a write that a crash cut short: never acknowledged, gone at the next opening, no damage. */
  readonly tornBytes: number
  /** Index files that are missing or wrong: built again at the next opening, no damage. */
  readonly staleIndexes: readonly string[]
}

export interface BadPlace {
  readonly file: string
  readonly offset: number
  readonly position: number | string
  readonly reason: string
}

/**
 * Reads the whole log: headers, checksums, order of positions and of every stream's revisions, transactions, indexes.
 * Takes memory for the name of every stream. Throws `directory-in-use` while a store works on it: stop it, or verify a backup.
 */
export async function verifyLog(options: VerificationOptions): Promise<Verification> {
  const files = options.files ?? diskFiles
  const directory = path.resolve(options.directory)
  if (!files.list(directory).some(parseSegmentFile)) throw new StorageFault('directory-not-a-log', { directory })
  const release = holdIfPossible(files, directory)
  const checked = new CheckedLog(directory, files)
  try {
    const { names } = chooseFiles(directory, files)
    for (const [i, name] of names.entries()) {
      await checked.check(name, i === names.length - 1)
      options.onProgress?.({ segments: i + 1, segmentsTotal: names.length, records: checked.records })
      await nextTurn()
    }
    return checked.result()
  } catch (error) {
    if (!isStorageFault(error, 'log-damaged')) throw error
    const { file = directory, offset = 0, position = 'unknown', reason } = error.details as unknown as BadPlace
    return checked.result({ file, offset, position, reason })
  } finally {
    release()
  }
}

/** Where nothing can be written, as on a medium for reading only, nobody else writes either. */
function holdIfPossible(files: FileLayer, directory: string): () => void {
  try {
    return files.hold(directory)
  } catch (error) {
    if (isStorageFault(error)) throw error
    return () => {}
  }
}

/** A small one: everything is read once, in order. */
const CACHE_BYTES = 1024 * 1024

class CheckedLog {
  records = 0
  readonly #directory: string
  readonly #files: FileLayer
  readonly #revisions = new Map<string, number>()
  readonly #staleIndexes: string[] = []
  #segments = 0
  #bytes = 0
  #tornBytes = 0
  #hasGaps = false
  #previous: { readonly header: SegmentHeader; readonly endPosition: number } | undefined

  constructor(directory: string, files: FileLayer) {
    this.#directory = directory
    this.#files = files
  }

  result(firstBad?: BadPlace): Verification {
    return {
      isSound: firstBad === undefined,
      records: this.records,
      streams: this.#revisions.size,
      segments: this.#segments,
      bytes: this.#bytes,
      tornBytes: this.#tornBytes,
      staleIndexes: this.#staleIndexes,
      ...(firstBad && { firstBad }),
    }
  }

  /** Throws `log-damaged` at the first record that is not what was written. */
  async check(name: SegmentName, isLast: boolean): Promise<void> {
    const file = this.#files.open(path.join(this.#directory, segmentFile(name)))
    try {
      const header = readHeader(file, name)
      assertFollows(header, this.#previous, this.#previous?.header.storeId ?? header.storeId)
      const cached = new CachedFile(file, file.size(), new BlockCache(CACHE_BYTES))
      const index = new MemoryIndex(header.firstPosition, seedOf(header))
      const scan = scanSegment(cached, header, (record, offset) => {
        // Compaction leaves gaps, so what follows a compacted segment may miss what came before it.
        const isNext = header.rewrite === 0 && (!this.#hasGaps || index.streams.has(record.stream))
        this.#checkRevision(record, { file: segmentFile(header), offset, isNext })
        index.add(record, offset)
      })
      this.#checkEnd(scan, { header, bytes: cached.end, isLast })
      const isDense = header.rewrite === 0
      this.#previous = { header, endPosition: isDense ? scan.endPosition : header.endPosition }
      this.#hasGaps ||= !isDense
      this.#segments += 1
      this.#bytes += cached.end
      if (!isLast || !isDense) this.#checkIndex(index, header, await checksumOf(file, cached.end), cached.end)
    } finally {
      file.close()
    }
  }

  #checkRevision(record: RecordView, place: { file: string; offset: number; isNext: boolean }): void {
    const { stream, revision, position } = record
    const { file, offset, isNext } = place
    const last = this.#revisions.get(stream) ?? -1
    if (isNext ? revision !== last + 1 : revision <= last) {
      const reason = `revision ${revision} of ${stream} follows ${last}`
      throw new StorageFault('log-damaged', { file, offset, position, reason })
    }
    this.#revisions.set(stream, revision)
    this.records += 1
  }

  #checkEnd(scan: SegmentScan, segment: { header: SegmentHeader; bytes: number; isLast: boolean }): void {
    const isOpen = segment.isLast && segment.header.rewrite === 0
    const file = segmentFile(segment.header)
    if (scan.broken && isOpen && !scan.broken.wasDurable) this.#tornBytes = segment.bytes - scan.end
    else if (scan.broken) throw new StorageFault('log-damaged', { file, ...scan.broken })
    else if (!isOpen && !scan.isMarked) {
      const reason = 'the segment ends without its closing mark'
      throw new StorageFault('log-damaged', { file, offset: scan.end, position: scan.endPosition, reason })
    }
  }

  /** An index is a function of its segment, so a right one has exactly these bytes. */
  #checkIndex(index: MemoryIndex, header: SegmentHeader, checksum: number, bytes: number): void {
    const name = indexFile(header)
    const seed = seedOf(header)
    const expected = encodeIndex(index, { header, bytes, seed }, checksum)
    const found = this.#read(name)
    if (found?.equals(expected)) this.#bytes += found.byteLength
    else this.#staleIndexes.push(name)
  }

  #read(name: string): Buffer | undefined {
    if (!this.#files.list(this.#directory).includes(name)) return undefined
    const file = this.#files.open(path.join(this.#directory, name))
    try {
      const bytes = Buffer.alloc(file.size())
      return bytes.subarray(0, file.read(bytes, 0))
    } finally {
      file.close()
    }
  }
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))
