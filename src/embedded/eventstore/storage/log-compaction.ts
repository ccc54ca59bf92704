/** Takes records that nobody may read any more out of sealed segments; positions and revisions of the others stay. */
import { randomBytes } from 'node:crypto'
import type { CompactionOptions, CompactionResult, RecordHeader } from './event-log.ts'
import { type Readable, readHead } from './log-reader.ts'
import { encodeMark, RecordView } from './record-format.ts'
import { SealedSegment, type SegmentPlace } from './sealed-segment.ts'
import { encodeHeader, HEADER_BYTES, type SegmentHeader, segmentFile, unfinished } from './segment-header.ts'
import { MemoryIndex } from './segment-index.ts'

export interface CompactionWork extends CompactionOptions {
  readonly log: Readable
  /** What is looked at: sealed segments in order, without a gap. */
  readonly segments: readonly SealedSegment[]
  readonly place: SegmentPlace
  readonly segmentBytesMax: number
  readonly segmentRecordsMax: number
  /** Lets readers see the new segment in place of the old ones. Their files are removed afterwards. */
  readonly replace: (old: readonly SealedSegment[], next: SealedSegment) => void
}

/** Records looked at, or bytes written, before other work has its turn. */
const PORTION_RECORDS = 1_000
const PORTION_BYTES = 256 * 1024
/** So many small neighbours are joined even when nothing of them is dropped. */
const NEIGHBOURS_MIN = 8
const POSITIONS_MAX = 2 ** 32

/** What is known of a segment once every record was looked at. */
interface Sifted {
  readonly segment: SealedSegment
  /** By number in the segment: 1 to keep. */
  readonly kept: Uint8Array
  readonly keptCount: number
  readonly keptBytes: number
  readonly droppedBytes: number
}

/**
 * Sifts segment by segment. Neighbours whose remains fit into one are joined. A new segment has its name only when it
 * is whole and synced, and then stands in place of the old ones whether or not these are removed: a crash at any moment
 * leaves the one or the other. An error leaves everything not yet replaced as it was.
 */
export async function compactSegments(work: CompactionWork): Promise<CompactionResult> {
  const sum = { dropped: 0, bytesFreed: 0 }
  const total = work.segments.reduce((count, { index }) => count + index.count, 0)
  let done = 0
  let batch: Sifted[] = []
  const finishBatch = async () => {
    const dropped = batch.reduce((count, { segment, keptCount }) => count + segment.index.count - keptCount, 0)
    if (dropped > 0 || batch.length >= NEIGHBOURS_MIN) await rewrite(batch, work)
    sum.dropped += dropped
    sum.bytesFreed += batch.reduce((bytes, { droppedBytes }) => bytes + droppedBytes, 0)
    batch = []
  }
  for (const segment of work.segments) {
    const sifted = await sift(segment, work, (records) => work.onProgress?.({ done: done + records, total, ...sum }))
    if (!sifted) return { ...sum, isComplete: false }
    done += segment.index.count
    if (!fitsTogether([...batch, sifted], work)) await finishBatch()
    batch.push(sifted)
  }
  await finishBatch()
  work.onProgress?.({ done: total, total, ...sum })
  return { ...sum, isComplete: true }
}

/** Asks about every record of a segment; undefined when the work was called off. */
async function sift(segment: SealedSegment, work: CompactionWork, onPortion: (records: number) => void) {
  const { index } = segment
  const kept = new Uint8Array(index.count)
  let keptCount = 0
  let keptBytes = 0
  let droppedBytes = 0
  for (let i = 0; i < index.count; i += 1) {
    if (i % PORTION_RECORDS === 0) {
      onPortion(i)
      await nextTurn()
      if (work.signal?.aborted) return undefined
    }
    const record = segment.recordAt(index.offsetAt(i))
    const { length } = record
    if (work.mayDrop(headerOf(record)) && !isHead(record, work.log)) {
      droppedBytes += length
      continue
    }
    kept[i] = 1
    keptCount += 1
    keptBytes += length
  }
  return { segment, kept, keptCount, keptBytes, droppedBytes }
}

/** A stream's last record tells where the stream goes on: it stays, whatever the caller thinks. */
function isHead({ stream, position }: RecordView, log: Readable): boolean {
  return readHead(log, stream, true)?.position === position
}

/** A header that stays good whatever its reader looks up meanwhile. */
function headerOf(record: RecordView): RecordHeader {
  const { stream, revision, type, createdMs, flags, position } = record
  return { stream, revision, type, createdMs, flags, position }
}

function fitsTogether(batch: readonly Sifted[], work: CompactionWork): boolean {
  const bytes = batch.reduce((sum, { keptBytes }) => sum + keptBytes, HEADER_BYTES)
  const count = batch.reduce((sum, { keptCount }) => sum + keptCount, 0)
  const first = batch[0] as Sifted
  const positions = (batch.at(-1) as Sifted).segment.endPosition - first.segment.header.firstPosition
  return bytes <= work.segmentBytesMax && count <= work.segmentRecordsMax && positions < POSITIONS_MAX
}

/** Writes what is kept of the batch into one new segment, and puts it in place of the old ones. */
async function rewrite(batch: readonly Sifted[], work: CompactionWork): Promise<void> {
  const { place } = work
  const old = batch.map(({ segment }) => segment)
  const header = joinedHeader(old)
  const path = place.path(segmentFile(header))
  let index: MemoryIndex
  try {
    index = await writeKept(unfinished(path), header, batch, place)
  } catch (error) {
    place.files.remove(unfinished(path))
    throw error
  }
  place.files.rename(unfinished(path), path)
  await place.files.syncDirectory(place.directory)
  const file = place.files.open(path)
  const next = new SealedSegment({ header, file, bytes: file.size(), index }, place)
  work.replace(old, next)
  for (const segment of old) segment.remove()
  await next.saveIndex().catch(() => {}) // Then it stays in memory, and the next opening tries again.
}

function joinedHeader(old: readonly SealedSegment[]): SegmentHeader {
  const first = old[0] as SealedSegment
  const last = old.at(-1) as SealedSegment
  return {
    ...first.header,
    lastNumber: last.header.lastNumber,
    rewrite: Math.max(...old.map(({ header }) => header.rewrite)) + 1,
    salt: randomBytes(4).readUInt32LE(),
    endPosition: last.endPosition,
    streamsBegun: old.reduce((sum, { streamsBegun }) => sum + streamsBegun, 0),
  }
}

async function writeKept(path: string, header: SegmentHeader, batch: readonly Sifted[], place: SegmentPlace) {
  const index = new MemoryIndex(header.firstPosition, place.seed)
  const file = place.files.create(path)
  try {
    let at = 0
    let portion: Buffer[] = []
    let bytes = 0
    const put = (part: Buffer) => {
      portion.push(part)
      bytes += part.byteLength
    }
    const flush = async () => {
      await file.write(portion, at)
      at += bytes
      portion = []
      bytes = 0
    }
    put(encodeHeader(header))
    for (const { segment, kept } of batch) {
      for (let i = 0; i < kept.length; i += 1) {
        if (kept[i] !== 1) continue
        const frame = segment.recordAt(segment.index.offsetAt(i)).toFrame(header.salt)
        index.add(new RecordView({ bytes: frame, at: 0 }), at + bytes)
        put(frame)
        if (bytes >= PORTION_BYTES) await flush()
      }
    }
    put(encodeMark(at + bytes, header.endPosition, header.salt))
    await flush()
    await file.sync()
    return index
  } finally {
    file.close()
  }
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))
