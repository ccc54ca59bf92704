/** Where the records of one segment lie: by position, and by stream and revision. In memory, as its index is built. */
import { hashName } from './name-hash.ts'
import type { RecordView } from './record-format.ts'

/** The records of one stream in one segment, by rising revision. */
export interface StreamRun {
  readonly count: number
  revisionAt(i: number): number
  offsetAt(i: number): number
}

/** Records are numbered 0, 1, 2 … within the segment (`i`); offsets are bytes in its file. */
export interface SegmentIndex {
  readonly count: number
  /** The first record with that position or a higher one; `count` when there is none. */
  lowerBound(position: number): number
  positionAt(i: number): number
  offsetAt(i: number): number
  idHashAt(i: number): number
  /** `isStream` tells whether the record at an offset belongs to the stream: two names may share a hash. */
  find(stream: string, hash: number, isStream: (offset: number) => boolean): StreamRun | undefined
}

export class MemoryIndex implements SegmentIndex {
  readonly firstPosition: number
  readonly streams = new Map<string, MemoryRun>()
  /** Streams of which the first record of all is here. */
  streamsBegun = 0
  count = 0
  readonly #seed: number
  #offsets = new Uint32Array(1024)
  #idHashes = new Uint32Array(1024)
  /** Only where positions have gaps: each record's distance from the first. */
  #positions: Uint32Array<ArrayBuffer> | undefined

  constructor(firstPosition: number, seed: number) {
    this.firstPosition = firstPosition
    this.#seed = seed
  }

  get isDense(): boolean {
    return this.#positions === undefined
  }

  /** Takes up the next record, which lies at `offset`. */
  add(record: RecordView, offset: number): void {
    const { stream, revision } = record
    const known = this.streams.get(stream)
    const run = known ?? new MemoryRun(hashName(stream, this.#seed), revision, offset)
    if (known) known.add(revision, offset)
    else this.streams.set(stream, run)
    if (revision === 0) this.streamsBegun += 1
    if (this.count === this.#offsets.length) this.#grow()
    this.#notePosition(record.position)
    this.#offsets[this.count] = offset
    this.#idHashes[this.count] = record.idHash(run.hash)
    this.count += 1
  }

  lowerBound(position: number): number {
    if (!this.#positions) return Math.min(this.count, Math.max(0, position - this.firstPosition))
    return lowerBound(this.count, position, (i) => this.positionAt(i))
  }

  positionAt(i: number): number {
    return this.firstPosition + (this.#positions ? (this.#positions[i] as number) : i)
  }

  offsetAt(i: number): number {
    return this.#offsets[i] as number
  }

  idHashAt(i: number): number {
    return this.#idHashes[i] as number
  }

  find(stream: string): MemoryRun | undefined {
    return this.streams.get(stream)
  }

  #notePosition(position: number): void {
    const delta = position - this.firstPosition
    if (!this.#positions && delta !== this.count) {
      this.#positions = new Uint32Array(this.#offsets.length)
      for (let i = 0; i < this.count; i += 1) this.#positions[i] = i
    }
    if (this.#positions) this.#positions[this.count] = delta
  }

  #grow(): void {
    this.#offsets = doubled(this.#offsets)
    this.#idHashes = doubled(this.#idHashes)
    if (this.#positions) this.#positions = doubled(this.#positions)
  }
}

/** Revisions usually follow one another, and then only offsets are kept. */
export class MemoryRun implements StreamRun {
  readonly hash: number
  readonly first: number
  readonly #offsets: number[]
  #revisions: number[] | undefined

  constructor(hash: number, first: number, offset: number) {
    this.hash = hash
    this.first = first
    this.#offsets = [offset]
  }

  get count(): number {
    return this.#offsets.length
  }

  get last(): number {
    return this.revisionAt(this.count - 1)
  }

  add(revision: number, offset: number): void {
    if (!this.#revisions && revision !== this.first + this.#offsets.length) {
      this.#revisions = this.#offsets.map((_, i) => this.first + i)
    }
    this.#revisions?.push(revision)
    this.#offsets.push(offset)
  }

  revisionAt(i: number): number {
    return this.#revisions ? (this.#revisions[i] as number) : this.first + i
  }

  offsetAt(i: number): number {
    return this.#offsets[i] as number
  }
}

/** The first of `count` rising values that is not below `value`; `count` when all are. */
export function lowerBound(count: number, value: number, at: (i: number) => number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (at(middle) < value) low = middle + 1
    else high = middle
  }
  return low
}

function doubled(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2)
  larger.set(array)
  return larger
}
