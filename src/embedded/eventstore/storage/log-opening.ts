/** Finds out what a directory holds: which files make up the log, and where its last whole record ends. */
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { BlockCache, CachedFile } from './block-cache.ts'
import type { FileLayer } from './file-layer.ts'
import { openSealed, readHeader, type SealedSegment, type SegmentPlace, writeWhole } from './sealed-segment.ts'
import {
  encodeHeader,
  indexFile,
  isUnfinished,
  type ParsedName,
  parseSegmentFile,
  type SegmentHeader,
  type SegmentName,
  seedOf,
  segmentFile,
} from './segment-header.ts'
import { MemoryIndex } from './segment-index.ts'
import { scanSegment } from './segment-scan.ts'
import { StorageFault } from './storage-fault.ts'
import { emptyTail, TailSegment } from './tail-segment.ts'

export interface OpenedLog {
  readonly place: SegmentPlace
  readonly sealed: SealedSegment[]
  readonly tail: TailSegment
  /** Bytes of an unfinished write that were cut off the end. */
  readonly bytesCut: number
}

export interface OpeningOptions {
  readonly directory: string
  readonly files: FileLayer
  readonly cacheBytesMax: number
  /** Of the sealed segments, the newest ones up to so many bytes are checked by the checksum of their file. */
  readonly checkedBytesMax: number
}

/** Opens all segments of a directory that is already held. Throws `log-damaged` with file, offset and position. */
export async function openSegments({ directory, files, ...limits }: OpeningOptions): Promise<OpenedLog> {
  const { names, leftOver } = chooseFiles(directory, files)
  for (const file of leftOver) files.remove(path.join(directory, file))
  await files.syncDirectory(directory)
  const storeId = names[0] ? headerOf(names[0], directory, files).storeId : randomBytes(16).toString('hex')
  const place: SegmentPlace = {
    files,
    directory,
    path: (name) => path.join(directory, name),
    cache: new BlockCache(limits.cacheBytesMax),
    seed: seedOf({ storeId }),
  }
  const sealed: SealedSegment[] = []
  try {
    for (const name of names.slice(0, -1)) {
      const segment = openSealed(name, place)
      sealed.push(segment)
      assertFollows(segment.header, sealed.at(-2), storeId)
    }
    await assertNewestWhole(sealed, limits.checkedBytesMax)
    const last = names.at(-1)
    if (!last) return { place, sealed, tail: tailAfter(undefined, storeId, place), bytesCut: 0 }
    // Only the last file may have been cut short by a crash.
    const { tail, bytesCut } = await recoverTail(last, place)
    assertFollows(tail.header, sealed.at(-1), storeId)
    return { place, sealed, tail, bytesCut }
  } catch (error) {
    for (const segment of sealed) segment.close()
    throw error
  }
}

/** The rest is checked record by record as it is read, and as a whole by `verifyLog`. */
async function assertNewestWhole(sealed: readonly SealedSegment[], bytesMax: number): Promise<void> {
  let bytes = 0
  for (const segment of sealed.toReversed()) {
    bytes += segment.file.end
    if (bytes > bytesMax) return
    await segment.assertWhole()
  }
}

/** An empty segment behind `last`, or the first one of a log. It has no file yet. */
export function tailAfter(last: TailSegment | undefined, storeId: string, place: SegmentPlace): TailSegment {
  const number = (last?.header.lastNumber ?? 0) + 1
  const header: SegmentHeader = {
    number,
    lastNumber: number,
    rewrite: 0,
    salt: randomBytes(4).readUInt32LE(),
    firstPosition: last?.endPosition ?? 0,
    endPosition: 0,
    streamsBefore: (last?.header.streamsBefore ?? 0) + (last?.index.streamsBegun ?? 0),
    streamsBegun: 0,
    storeId,
  }
  return emptyTail(header, segmentFile(header), place.seed, place.cache)
}

/** Makes the file of a tail that has none. It is durable when this resolves. */
export async function createTailFile(tail: TailSegment, place: SegmentPlace): Promise<void> {
  // Under its own name the file always has a whole header: a bad one is damage, never a crash.
  await writeWhole(place.files, place.path(tail.name), [encodeHeader(tail.header)])
  await place.files.syncDirectory(place.directory)
  tail.attach(place.files.open(place.path(tail.name)))
}

/** The files of a directory that make up the log, and those that a crash left unfinished or replaced. */
export function chooseFiles(directory: string, files: FileLayer): { names: SegmentName[]; leftOver: string[] } {
  const found = files.list(directory)
  const parsed = found.flatMap((file) => parseSegmentFile(file) ?? [])
  const logs = parsed.filter(({ kind }) => kind === 'log')
  const names = logs.filter((name) => !logs.some((other) => replaces(other, name)))
  names.sort((a, b) => a.number - b.number)
  assertComplete(names, parsed, directory)
  const used = new Set(names.flatMap((name) => [segmentFile(name), indexFile(name)]))
  const leftOver = found.filter((file) => isUnfinished(file) || (parseSegmentFile(file) && !used.has(file)))
  return { names, leftOver }
}

/** A compacted segment takes the place of all whose numbers it covers, from the moment it has its name. */
function replaces(newer: SegmentName, older: SegmentName): boolean {
  return newer.rewrite > older.rewrite && newer.number <= older.number && newer.lastNumber >= older.lastNumber
}

function assertComplete(names: readonly SegmentName[], all: readonly ParsedName[], directory: string): void {
  let next = 1
  for (const name of names) {
    if (name.number !== next) break
    next = name.lastNumber + 1
  }
  // A segment is indexed or rewritten only after the next one has its file, so either tells of one that is gone.
  const last = all.findLast(({ lastNumber }) => lastNumber === next - 1)
  const hasSuccessor = all.some(
    (name) => name.lastNumber === last?.lastNumber && (name.kind === 'index' || name.rewrite > 0),
  )
  if (!hasSuccessor && all.every(({ lastNumber }) => lastNumber < next)) return
  throw new StorageFault('log-damaged', { directory, reason: `segment ${next} is missing` })
}

export function assertFollows(
  header: SegmentHeader,
  previous: { endPosition: number } | undefined,
  storeId: string,
): void {
  const file = segmentFile(header)
  if (header.storeId !== storeId) {
    throw new StorageFault('log-damaged', { file, offset: 0, reason: 'the segment belongs to another store' })
  }
  const expected = previous?.endPosition ?? 0
  if (header.firstPosition === expected) return
  const reason = `the segment begins at position ${header.firstPosition}, the one before it ends at ${expected}`
  throw new StorageFault('log-damaged', { file, offset: 0, position: expected, reason })
}

function headerOf(name: SegmentName, directory: string, files: FileLayer): SegmentHeader {
  const file = files.open(path.join(directory, segmentFile(name)))
  try {
    return readHeader(file, name)
  } finally {
    file.close()
  }
}

/** Reads the last segment to its end. A write that a crash cut short goes; damage to what was durable is refused. */
async function recoverTail(name: SegmentName, place: SegmentPlace): Promise<{ tail: TailSegment; bytesCut: number }> {
  const file = place.files.open(place.path(segmentFile(name)))
  try {
    const header = readHeader(file, name)
    const size = file.size()
    const index = new MemoryIndex(header.firstPosition, place.seed)
    const scan = scanSegment(new CachedFile(file, size, place.cache), header, (record, at) => index.add(record, at))
    if (scan.broken?.wasDurable) {
      const { offset, position, reason } = scan.broken
      throw new StorageFault('log-damaged', { file: segmentFile(name), offset, position, reason })
    }
    if (scan.broken) await file.truncate(scan.end)
    // What a killed process had written but not yet synced is shown to readers from now on: sync it first.
    if (!scan.isMarked) await file.sync()
    const tail = new TailSegment({ header, name: segmentFile(name), index, end: scan.end, cache: place.cache })
    tail.attach(file)
    return { tail, bytesCut: scan.broken ? size - scan.end : 0 }
  } catch (error) {
    file.close()
    throw error
  }
}
