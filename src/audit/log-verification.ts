/** Holds the log against the ledger and every signed head of it, and names the first thing that is not as it was signed. */
import type { Codec, StoredEvent } from '../events/codec.ts'
import { GrowingTree, type Tile } from '../ledger/growing-tree.ts'
import type { LedgerReader } from '../ledger/ledger-reader.ts'
import type { VerifierKey } from '../ledger/note-keys.ts'
import { partialTiles } from '../ledger/tile-layout.ts'
import { HASH_BYTES } from '../ledger/tree-hash.ts'
import { LEDGER_STREAM_PATTERN, leafHashOf } from '../ledger/tree-leaf.ts'
import { rootOf } from '../ledger/tree-proofs.ts'
import { Fault } from '../shared/failures.ts'
import type { Position } from '../shared/ids.ts'
import type { EventReader } from '../store/event-store.ts'
import { createAgeing } from './aged-leaves.ts'
import {
  type AlteredLeaf,
  type CommittedLeaf,
  type ComparedLeaf,
  committedLeaves,
  compareWithLedger,
} from './ledger-comparison.ts'
import { readLog } from './log-reading.ts'
import { collectHeads, type Heads, type OutsideNote, type SignedHead } from './signed-heads.ts'

export type FindingKind =
  | 'altered' // the event at this place is not the one that was signed
  | 'reordered' // events changed places
  | 'dropped' // the log goes on, but this event is gone
  | 'inserted' // an event that was never signed stands between signed ones
  | 'truncated' // the log ends before the ledger
  | 'checkpoint-differs' // a signed head is not that of this log
  | 'checkpoint-unusable' // a head that nobody trusted has signed
  | 'ledger-differs' // the ledger's own files are not what was signed

export interface Finding {
  readonly kind: FindingKind
  /** The number of the leaf, counted from 0. */
  readonly leaf?: number
  readonly position?: string
  readonly stream?: string
  readonly revision?: string
  readonly detail: string
}

export interface Verification {
  /** Leaves that were looked at. */
  readonly leaves: number
  readonly size: number
  readonly checkpoints: number
  readonly outsideCheckpoints: number
  /** Leaves after the last checkpoint: they are in the log, and nobody has signed them yet. */
  readonly unsigned: number
  /** Leaves whose events the store let age out; their hashes are still part of the tree. */
  readonly aged: number
  readonly areKeysGiven: boolean
  readonly keys: readonly string[]
  /** In the order of the log; no more than `FINDINGS_MAX`. */
  readonly findings: readonly Finding[]
  readonly findingsCount: number
}

export interface VerificationParts {
  readonly reader: EventReader
  readonly codec: Codec
  /** Undefined where the ledger's files are not at hand: then a wrong leaf can only be placed between two checkpoints. */
  readonly ledger: LedgerReader | undefined
  readonly keys: readonly VerifierKey[]
  readonly outside: readonly OutsideNote[]
  /** Begin at the last signed head before this position or time; what stands before it is taken from the ledger's files. */
  readonly since?: Position | Date
  readonly signal?: AbortSignal
  readonly onProgress?: (leaves: number, position: Position) => void
}

export const FINDINGS_MAX = 100
/** Events in the wrong place are matched up among so many. */
const MATCHED_MAX = 64

/** Reads the log once. Throws `store-unavailable`, `ledger-tile-missing` and `ledger-not-readable`. */
export async function verifyLog(parts: VerificationParts): Promise<Verification> {
  const heads = await collectHeads(parts.reader, parts.codec, parts)
  const verifier = new LogVerifier(parts, heads)
  return await verifier.run()
}

class LogVerifier {
  readonly #parts: VerificationParts
  readonly #heads: Heads
  readonly #findings: Finding[] = []
  readonly #altered: AlteredLeaf[] = []
  readonly #hasAged: ReturnType<typeof createAgeing>
  #findingsCount = 0
  #tree = GrowingTree.empty()
  #leaves = 0
  #aged = 0
  /** The first head that is not passed yet. */
  #nextHead = 0
  /** The largest head that the log fits so far. */
  #fittingSize = 0

  constructor(parts: VerificationParts, heads: Heads) {
    this.#parts = parts
    this.#heads = heads
    this.#hasAged = createAgeing(parts.reader)
  }

  async run(): Promise<Verification> {
    for (const { from, code, detail } of this.#heads.unusable) {
      this.#find({
        kind: 'checkpoint-unusable',
        detail: `${from}: ${code}${detail === undefined ? '' : ` (${detail})`}`,
      })
    }
    const after = await this.#begin()
    this.#checkHeads()
    const log = readLog(this.#parts.reader, {
      after,
      streamPattern: LEDGER_STREAM_PATTERN,
      ...(this.#parts.signal && { signal: this.#parts.signal }),
    })
    for await (const compared of compareWithLedger(log, await this.#committed(), this.#tree.size)) {
      await this.#take(compared)
    }
    this.#matchReordered()
    this.#checkHeadsBeyond()
    return this.#result()
  }

  /** Where reading begins: at the start, or at the last signed head before `since`, once the ledger's files fit it. */
  async #begin(): Promise<Position | 'start'> {
    const { since, ledger } = this.#parts
    const places = since === undefined ? undefined : await ledger?.leaves()
    if (since === undefined || ledger === undefined || places === undefined) return 'start'
    try {
      const count = await places.count()
      const before =
        since instanceof Date ? await places.firstSince(since, count) : await places.firstFrom(since, count)
      const head = this.#heads.signed.findLast(({ size }) => size > 0 && size <= before)
      if (head === undefined) return 'start'
      const root = await rootOf(ledger.hashes(head.size), head.size)
      if (!root.equals(head.root)) {
        this.#find({ kind: 'ledger-differs', detail: `the ledger's files do not fit the checkpoint of ${head.from}` })
        return 'start'
      }
      await this.#checkEarlierOutside(ledger, head.size)
      this.#tree = GrowingTree.from(head.size, await partialOf(ledger, head.size))
      return (await places.at(head.size - 1)).position
    } finally {
      await places.close()
    }
  }

  /** What was kept outside before the beginning must be the beginning of the tree all the same. */
  async #checkEarlierOutside(ledger: LedgerReader, before: number): Promise<void> {
    for (const head of this.#heads.signed) {
      if (!head.isOutside || head.size >= before) continue
      const root = await rootOf(ledger.hashes(head.size), head.size)
      if (root.equals(head.root)) this.#fittingSize = head.size
      else this.#find({ kind: 'checkpoint-differs', leaf: head.size, detail: this.#differing(head) })
    }
  }

  async #committed(): Promise<AsyncGenerator<CommittedLeaf>> {
    const { ledger } = this.#parts
    const published = await ledger?.checkpoint()
    return ledger === undefined || published === undefined
      ? nothing()
      : committedLeaves(ledger, this.#tree.size, published.size)
  }

  async #take(compared: ComparedLeaf): Promise<void> {
    switch (compared.kind) {
      case 'same':
        return this.#add(compared.leaf.hash, compared.leaf.place.position)
      case 'new':
        return this.#add(compared.hash, compared.event.position)
      case 'altered':
        // The tree goes on with what was signed, so that one wrong leaf does not make every later head wrong too.
        this.#findAltered(compared)
        return this.#add(compared.leaf.hash, compared.leaf.place.position)
      case 'missing':
        if (await this.#hasAged(compared.leaf.place)) this.#aged += 1
        else this.#find({ kind: 'dropped', ...placeOf(compared.leaf), detail: 'the event is gone from the log' })
        return this.#add(compared.leaf.hash, compared.leaf.place.position)
      case 'inserted': {
        const { stream, revision, position } = compared.event
        const where = { position: String(position), stream, revision: String(revision) }
        const detail = `the ledger knows nothing of this event before leaf ${compared.beforeIndex}`
        return this.#find({ kind: 'inserted', leaf: compared.beforeIndex, ...where, detail })
      }
      case 'truncated': {
        const detail = `the log ends here; ${compared.count} leaves of the ledger are gone`
        return this.#find({ kind: 'truncated', ...placeOf(compared.leaf), detail })
      }
    }
  }

  #add(hash: Buffer, position: Position): void {
    this.#tree.add(hash, () => {})
    this.#leaves += 1
    if (this.#leaves % PROGRESS_LEAVES === 0) this.#parts.onProgress?.(this.#leaves, position)
    this.#checkHeads()
  }

  /** Holds the tree, as far as it has come, against the heads of just its size. */
  #checkHeads(): void {
    for (let head = this.#heads.signed[this.#nextHead]; head !== undefined; head = this.#heads.signed[this.#nextHead]) {
      if (head.size > this.#tree.size) return
      this.#nextHead += 1
      if (head.size < this.#tree.size) continue // Before the beginning of a partial verification.
      if (this.#tree.root().equals(head.root)) this.#fittingSize = head.size
      else this.#find({ kind: 'checkpoint-differs', leaf: head.size, detail: this.#differing(head) })
    }
  }

  #differing(head: SignedHead): string {
    const kept = head.isOutside ? 'kept outside' : 'in the log'
    return (
      `the checkpoint ${kept} (${head.from}) over ${head.size} leaves has another root: ` +
      `what stands before leaf ${this.#fittingSize} is as it was signed, between there and leaf ${head.size} it is not`
    )
  }

  /** Heads over more leaves than there are: what they were signed over has been cut off. */
  #checkHeadsBeyond(): void {
    for (const head of this.#heads.signed.slice(this.#nextHead)) {
      const detail = `the checkpoint of ${head.from} was signed over ${head.size} leaves; the log has ${this.#tree.size}`
      this.#find({ kind: 'truncated', leaf: this.#tree.size, detail })
    }
  }

  #findAltered(compared: AlteredLeaf): void {
    if (this.#altered.length < MATCHED_MAX) this.#altered.push(compared)
    const { stream, revision } = compared.event
    const stands = `${stream}@${revision}`
    this.#find({
      kind: 'altered',
      ...placeOf(compared.leaf),
      detail: `what stands here now, ${stands}, is not what was signed`,
    })
  }

  /** Leaves that are what was signed for another place were not altered but moved. */
  #matchReordered(): void {
    for (const { leaf, event } of this.#altered) {
      const from = this.#altered.find(
        (other) => other.leaf !== leaf && leafHashOf(moved(other.event, event)).equals(leaf.hash),
      )
      if (from === undefined) continue
      const at = this.#findings.findIndex((finding) => finding.kind === 'altered' && finding.leaf === leaf.index)
      const detail = `what was signed here stands at leaf ${from.leaf.index} now`
      if (at >= 0) this.#findings[at] = { kind: 'reordered', ...placeOf(leaf), detail }
    }
  }

  #find(finding: Finding): void {
    this.#findingsCount += 1
    if (this.#findings.length < FINDINGS_MAX) this.#findings.push(finding)
  }

  #result(): Verification {
    const last = this.#heads.signed.findLast(({ size }) => size <= this.#tree.size)?.size ?? 0
    return {
      leaves: this.#leaves,
      size: this.#tree.size,
      checkpoints: this.#heads.signed.filter(({ isOutside }) => !isOutside).length,
      outsideCheckpoints: this.#heads.signed.filter(({ isOutside }) => isOutside).length,
      unsigned: this.#tree.size - last,
      aged: this.#aged,
      areKeysGiven: this.#heads.areKeysGiven,
      keys: this.#heads.keys.map(({ text }) => text),
      findings: this.#findings,
      findingsCount: this.#findingsCount,
    }
  }
}

const PROGRESS_LEAVES = 2_000

/** The event as it would be in another's place: its content with the other's stream, revision and position. */
function moved(content: StoredEvent, { stream, revision, position }: StoredEvent): StoredEvent {
  return { ...content, stream, revision, position }
}

function placeOf({ index, place }: CommittedLeaf): Pick<Finding, 'leaf' | 'position' | 'stream' | 'revision'> {
  const { position, revision, stream, isNameKept } = place
  return {
    leaf: index,
    position: String(position),
    revision: String(revision),
    ...(isNameKept && { stream }),
  }
}

async function partialOf(ledger: LedgerReader, size: number): Promise<Tile[]> {
  const partial: Tile[] = []
  for (const name of partialTiles(size)) {
    const bytes = await ledger.tile(name)
    if (bytes === undefined) throw new Fault('ledger-tile-missing', { ...name })
    partial.push({ ...name, bytes: bytes.subarray(0, name.width * HASH_BYTES) })
  }
  return partial
}

async function* nothing(): AsyncGenerator<CommittedLeaf> {}
