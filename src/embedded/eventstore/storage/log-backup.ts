/** Copies everything that was durable at one moment into an empty directory, while appends and reads go on. */
import path from 'node:path'
import type { FileLayer, LogFile } from './file-layer.ts'
import { encodeMark } from './record-format.ts'
import { SealedSegment, type SegmentPlace } from './sealed-segment.ts'
import type { Segment } from './segment.ts'
import { indexFile, segmentFile, unfinished } from './segment-header.ts'
import { StorageFault } from './storage-fault.ts'
import type { TailSegment } from './tail-segment.ts'

const PORTION_BYTES = 1024 * 1024

interface BackupSource {
  /** Nobody may remove or replace their files meanwhile. */
  readonly segments: readonly Segment[]
  readonly durableEnd: number
  readonly place: SegmentPlace
  /** Throws when the work must end. */
  readonly checkpoint: () => void
}

/** A file to be copied: so many bytes of it, then the ending. */
interface Copy {
  readonly name: string
  readonly bytes: number
  readonly ending?: Buffer
}

/**
 * The copy is a log like any other. Its first segment comes last, and a log without one does not open: so a backup that was
 * cut short is never taken for a whole, shorter log.
 */
export async function backupSegments(
  source: BackupSource,
  directory: string,
): Promise<{ records: number; bytes: number }> {
  const { place, durableEnd } = source
  const { files } = place
  // Noted in one go: what becomes durable from here on is not part of it.
  const copies = source.segments.flatMap((segment) => copiesOf(segment, durableEnd))
  const records = source.segments.reduce((sum, { index }) => sum + index.lowerBound(durableEnd), 0)
  files.makeDirectory(directory)
  if (files.list(directory).length > 0) throw new StorageFault('directory-not-empty', { directory })
  for (const copy of copies.reverse()) {
    await copyFile(copy, { ...source, files, directory })
    await files.syncDirectory(directory)
  }
  return { records, bytes: copies.reduce((sum, { bytes, ending }) => sum + bytes + (ending?.byteLength ?? 0), 0) }
}

function copiesOf(segment: Segment, durableEnd: number): Copy[] {
  if (segment instanceof SealedSegment) {
    const log = { name: segment.name, bytes: segment.file.end }
    return segment.hasIndexFile ? [log, { name: indexFile(segment.header), bytes: segment.bytes - log.bytes }] : [log]
  }
  const tail = segment as TailSegment
  if (!tail.file) return []
  const ending = encodeMark(tail.durableBytes, durableEnd, tail.header.salt)
  return [{ name: segmentFile(tail.header), bytes: tail.durableBytes, ending }]
}

interface Target extends BackupSource {
  readonly files: FileLayer
  readonly directory: string
}

async function copyFile(copy: Copy, target: Target): Promise<void> {
  const { files, directory, place } = target
  const to = path.join(directory, copy.name)
  const from = files.open(place.path(copy.name))
  try {
    const into = files.create(unfinished(to))
    try {
      await copyBytes(from, into, copy, target.checkpoint)
      await into.sync()
    } finally {
      into.close()
    }
    files.rename(unfinished(to), to)
  } finally {
    from.close()
  }
}

async function copyBytes(from: LogFile, into: LogFile, copy: Copy, checkpoint: () => void): Promise<void> {
  const portion = Buffer.allocUnsafeSlow(Math.min(PORTION_BYTES, Math.max(1, copy.bytes)))
  for (let at = 0; at < copy.bytes; at += portion.byteLength) {
    checkpoint()
    const wanted = portion.subarray(0, Math.min(portion.byteLength, copy.bytes - at))
    if (from.read(wanted, at) < wanted.byteLength) {
      throw new StorageFault('log-damaged', { file: copy.name, offset: at, reason: 'the file is shorter than it was' })
    }
    await into.write([wanted], at)
  }
  if (copy.ending) await into.write([copy.ending], copy.bytes)
}
