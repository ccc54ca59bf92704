/** The first page of a segment file and the names of the files: what a segment is, before one record is read. */
import { crc32 } from 'node:zlib'
import { readU64, writeU64 } from './record-format.ts'
import { StorageFault } from './storage-fault.ts'

/** Records begin here: a whole page, so that writing the first records never rewrites the header. */
export const HEADER_BYTES = 4096

const MAGIC = 'EMBERLOG'
const FORMAT_VERSION = 1
const CHECKED_BYTES = 92

/**
 * A segment covers the positions from `firstPosition` up to the next segment's. As written it holds all of them and
 * `lastNumber` equals `number`. A compacted one holds some of them, may stand in place of several segments, and has
 * a higher `rewrite` than those it replaces.
 */
export interface SegmentHeader {
  readonly number: number
  readonly lastNumber: number
  readonly rewrite: number
  /** Begins every checksum of the segment. */
  readonly salt: number
  readonly firstPosition: number
  /** One past the last position it covers; 0 as long as it is being written. */
  readonly endPosition: number
  /** Streams that began in earlier segments. */
  readonly streamsBefore: number
  /** Streams that began in this one; 0 as long as it is being written, when the records themselves tell. */
  readonly streamsBegun: number
  /** The same in all files of a store: sixteen bytes as hexadecimal digits. */
  readonly storeId: string
}

export function encodeHeader(header: SegmentHeader): Buffer {
  const page = Buffer.alloc(HEADER_BYTES)
  page.write(MAGIC, 0, 'latin1')
  page.writeUInt32LE(FORMAT_VERSION, 8)
  page.writeUInt32LE(header.number, 12)
  page.writeUInt32LE(header.lastNumber, 16)
  page.writeUInt32LE(header.rewrite, 20)
  page.writeUInt32LE(header.salt, 24)
  writeU64(page, header.firstPosition, 32)
  writeU64(page, header.endPosition, 40)
  writeU64(page, header.streamsBefore, 48)
  writeU64(page, header.streamsBegun, 56)
  page.write(header.storeId, 64, 'hex')
  page.writeUInt32LE(crc32(page.subarray(0, CHECKED_BYTES)), CHECKED_BYTES)
  return page
}

/** Reads the header page of `file`; throws `log-damaged` or, for another format, `directory-not-a-log`. */
export function decodeHeader(page: Buffer, file: string): SegmentHeader {
  const isWhole = page.byteLength === HEADER_BYTES
  if (isWhole && page.toString('latin1', 0, 8) === MAGIC && page.readUInt32LE(8) > FORMAT_VERSION) {
    throw new StorageFault('directory-not-a-log', { file, formatVersion: page.readUInt32LE(8), known: FORMAT_VERSION })
  }
  if (!isWhole || page.readUInt32LE(CHECKED_BYTES) !== crc32(page.subarray(0, CHECKED_BYTES))) {
    throw new StorageFault('log-damaged', { file, offset: 0, reason: 'the header of the segment is not whole' })
  }
  return {
    number: page.readUInt32LE(12),
    lastNumber: page.readUInt32LE(16),
    rewrite: page.readUInt32LE(20),
    salt: page.readUInt32LE(24),
    firstPosition: readU64(page, 32),
    endPosition: readU64(page, 40),
    streamsBefore: readU64(page, 48),
    streamsBegun: readU64(page, 56),
    storeId: page.toString('hex', 64, 80),
  }
}

/** Begins the hashes of stream names: chosen by chance for a store, so that nobody outside can foresee them. */
export function seedOf({ storeId }: Pick<SegmentHeader, 'storeId'>): number {
  return Number.parseInt(storeId.slice(0, 8), 16)
}

/** What a file's name says of the segment in it. */
export interface SegmentName {
  readonly number: number
  readonly lastNumber: number
  readonly rewrite: number
}

export interface ParsedName extends SegmentName {
  readonly kind: 'log' | 'index'
}

const NAME = /^(\d{8})-(\d{8})\.(\d+)\.(log|index)$/

export function segmentFile({ number, lastNumber, rewrite }: SegmentName): string {
  const padded = (value: number) => String(value).padStart(8, '0')
  return `${padded(number)}-${padded(lastNumber)}.${rewrite}.log`
}

/** The index beside a segment file. */
export function indexFile(name: SegmentName): string {
  return segmentFile(name).replace(/log$/, 'index')
}

/** A file's name while it is written; whatever bears it after a crash is removed. */
export const unfinished = (file: string) => `${file}.unfinished`
export const isUnfinished = (file: string) => file.endsWith('.unfinished')

export function parseSegmentFile(file: string): ParsedName | undefined {
  const [, number, lastNumber, rewrite, kind] = NAME.exec(file) ?? []
  if (kind === undefined) return undefined
  return {
    number: Number(number),
    lastNumber: Number(lastNumber),
    rewrite: Number(rewrite),
    kind: kind as 'log' | 'index',
  }
}
