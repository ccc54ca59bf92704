/** One stretch of keeping the ledger: checks the tree against the log, then adds every event in order and signs heads of the tree. */
import type { Codec, StoredEvent } from '../events/codec.ts'
import type { RecordEvent } from '../events/event-catalogue.ts'
import { LEDGER_KEYS_STREAM, LEDGER_STREAM } from '../events/stream-names.ts'
import { checkpointText, openCheckpoint } from '../ledger/checkpoint.ts'
import { endorseKey } from '../ledger/key-endorsement.ts'
import { type LedgerWriter, UNFLUSHED_LEAVES_MAX } from '../ledger/ledger-writer.ts'
import type { SignerKey } from '../ledger/note-keys.ts'
import { signNote } from '../ledger/signed-note.ts'
import { isInLedger, LEDGER_STREAM_PATTERN, leafHashOf } from '../ledger/tree-leaf.ts'
import { consistencyProof, rootOf } from '../ledger/tree-proofs.ts'
import { assert } from '../shared/assert.ts'
import type { Clock } from '../shared/clock.ts'
import { Fault, isRefusal } from '../shared/failures.ts'
import { type Position, type Revision, toRevision } from '../shared/ids.ts'
import type { Logger } from '../shared/logger.ts'
import { pause } from '../shared/waiting.ts'
import type { Delivery, EventStore } from '../store/event-store.ts'
import { CheckpointHandout, type CheckpointPlace, type PlaceStatus } from './checkpoint-places.ts'

export interface LedgerKeeperParts {
  readonly store: Pick<EventStore, 'append' | 'subscribeToAll' | 'readStream' | 'readStreamBackwards' | 'lastPosition'>
  readonly codec: Codec
  readonly clock: Clock
  readonly logger: Logger
  readonly directory: string
  /** The first signs for this log; the others are former keys that still sign beside it. All have the log's name. */
  readonly signers: readonly SignerKey[]
  readonly intervalMs: number
  readonly places: readonly CheckpointPlace[]
}

export interface SessionStatus {
  readonly size: number
  /** Of the last checkpoint in the log that fits this tree. */
  readonly signedSize: number
  readonly isCaughtUp: boolean
  readonly places: readonly PlaceStatus[]
}

/** So many leaves before the end of the tree are compared with the log at every start. */
const COMPARED_LEAVES = 256
/** Another node's checkpoint does for ours when it is not older than this part of the interval. */
const RECENT_SHARE = 0.8

interface SeenCheckpoint {
  readonly size: number
  readonly signedAtMs: number
}

export class LedgerSession {
  readonly #parts: LedgerKeeperParts
  readonly #writer: LedgerWriter
  readonly #signer: SignerKey
  readonly #handout: CheckpointHandout
  /** What changes the tree, or needs it to stand still, goes one after the other. */
  #turn: Promise<unknown> = Promise.resolve()
  #isBusy = false
  /** Of the last event of the stream of checkpoints, as far as it was seen. */
  #revision: Revision | undefined
  #last: SeenCheckpoint = { size: 0, signedAtMs: 0 }
  #publishedSize = 0
  /** Something besides checkpoints has come since the last one: a quiet log is not signed again and again. */
  #hasNews = false
  #isCaughtUp = false
  #endAtStart: Position | undefined

  constructor(parts: LedgerKeeperParts, writer: LedgerWriter) {
    const [signer] = parts.signers
    assert(signer !== undefined, 'a ledger is kept with a key')
    this.#parts = parts
    this.#writer = writer
    this.#signer = signer
    this.#handout = new CheckpointHandout(parts.places, parts.logger)
  }

  status(): SessionStatus {
    return {
      size: this.#writer.size,
      signedSize: this.#last.size,
      isCaughtUp: this.#isCaughtUp,
      places: this.#handout.status(),
    }
  }

  /** Resolves after the signal and a last checkpoint. Throws `ledger-differs` when the log does not fit the tree or what was signed. */
  async keep(signal: AbortSignal): Promise<void> {
    try {
      await this.#keep(signal)
    } finally {
      await this.#handout.finish()
    }
  }

  async #keep(signal: AbortSignal): Promise<void> {
    await this.#checkEnd()
    const ending = new AbortController()
    const until = AbortSignal.any([signal, ending.signal])
    const following = this.#follow(until)
    const signing = this.#signRegularly(until)
    try {
      await Promise.race([following, signing])
    } finally {
      ending.abort()
      await Promise.allSettled([following, signing])
      await this.#turn
    }
    await Promise.all([following, signing])
    if (this.#isCaughtUp) await this.#exclusively(() => this.#sign())
  }

  /** The last checkpoint in the log must fit the tree, and the log may not end before the tree does. */
  async #checkEnd(): Promise<void> {
    const { store, logger } = this.#parts
    const { size, lastPosition } = this.#writer
    this.#endAtStart = await store.lastPosition()
    if (lastPosition !== undefined && (this.#endAtStart ?? -1n) < lastPosition) {
      throw new Fault('ledger-differs', {
        doing: 'looking for the last leaf',
        size,
        lastPosition,
        logEnds: this.#endAtStart,
      })
    }
    const [last] = await store.readStreamBackwards(LEDGER_STREAM, 1)
    if (last !== undefined) await this.#seeCheckpoint(last)
    this.#hasNews = size > this.#last.size + 1
    logger.info({ size, signedSize: this.#last.size }, 'keeping the ledger')
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { store } = this.#parts
    const compared = await this.#comparedFrom()
    const deliveries = store.subscribeToAll({ after: compared, streamPattern: LEDGER_STREAM_PATTERN, signal })
    for await (const delivery of deliveries) {
      if (this.#isBusy) await this.#turn
      const isSlow = this.#take(delivery)
      if (isSlow !== undefined) await this.#exclusively(isSlow)
    }
  }

  /** Takes a delivery in; what cannot be done at once is returned as work that needs the tree for itself. */
  #take(delivery: Delivery): (() => Promise<void>) | undefined {
    if (delivery.kind === 'caught-up') return () => this.#catchUp()
    const position = delivery.kind === 'event' ? delivery.event.position : delivery.position
    const isEnd = !this.#isCaughtUp && position >= (this.#endAtStart ?? 0n)
    if (delivery.kind === 'checkpoint') return isEnd ? () => this.#catchUp() : undefined
    const { event } = delivery
    if (!isInLedger(event.stream)) return undefined
    if (event.position <= (this.#writer.lastPosition ?? -1n)) return () => this.#compare(event)
    this.#writer.add(event)
    const isCheckpoint = event.stream === LEDGER_STREAM
    if (!isCheckpoint) this.#hasNews = true
    const isFull = this.#writer.unflushed >= UNFLUSHED_LEAVES_MAX
    if (!isCheckpoint && !isFull && !isEnd) return undefined
    return async () => {
      if (isCheckpoint) await this.#seeCheckpoint(event)
      if (isFull) await this.#writer.flush()
      if (isEnd) await this.#catchUp()
    }
  }

  /** Where following begins: a little before the end of the tree, so that its last leaves are seen once more. */
  async #comparedFrom(): Promise<Position | 'start'> {
    const first = this.#writer.size - COMPARED_LEAVES - 1
    return first < 0 ? 'start' : (await this.#writer.placeOf(first)).position
  }

  async #compare(event: StoredEvent): Promise<void> {
    const { size } = this.#writer
    const index = await this.#writer.indexOf(event.position)
    const hash = index === undefined ? undefined : await this.#writer.hashes(size).hashOf(0, index)
    if (hash?.equals(leafHashOf(event))) return
    const { stream, revision, position } = event
    throw new Fault('ledger-differs', { doing: 'comparing leaves', stream, revision, position, leaf: index ?? 'none' })
  }

  async #catchUp(): Promise<void> {
    if (this.#isCaughtUp) return
    await this.#writer.flush()
    await this.#introduceKey()
    this.#isCaughtUp = true
    this.#parts.logger.info({ size: this.#writer.size }, 'the ledger has caught up with the log')
  }

  /** A checkpoint of any node is checked against this tree; one that does not fit is an alarm if our key signed it. */
  async #seeCheckpoint(stored: StoredEvent): Promise<void> {
    this.#revision = toRevision(stored.revision)
    const event = await this.#parts.codec.decode(stored)
    if (event.type !== 'CheckpointSigned') return
    const { treeSize, rootHash, signedNote } = event.data
    if (treeSize > this.#writer.size) return // Seen at the start, of leaves still to come; it comes by once more.
    const root = await rootOf(this.#writer.hashes(treeSize), treeSize)
    const opened = openCheckpoint(
      signedNote,
      this.#parts.signers.map(({ verifier }) => verifier),
    )
    const isOurs = !isRefusal(opened) && opened.size === treeSize && opened.root.toString('base64') === rootHash
    if (root.toString('base64') === rootHash) {
      if (treeSize < this.#last.size) return
      this.#last = { size: treeSize, signedAtMs: Date.parse(event.envelope.occurredAt) }
      if (treeSize > this.#publishedSize && isOurs) await this.#publish(signedNote, treeSize)
      return
    }
    const place = { size: treeSize, position: event.position }
    if (isOurs) throw new Fault('ledger-differs', { doing: 'checking a checkpoint of ours', ...place })
    this.#parts.logger.warn(place, 'a checkpoint in the log fits neither this tree nor any of our keys')
  }

  async #publish(note: string, size: number): Promise<void> {
    await this.#writer.publish(note, size)
    this.#publishedSize = size
  }

  async #signRegularly(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(this.#parts.intervalMs, signal)
      const sinceMs = this.#parts.clock().getTime() - this.#last.signedAtMs
      const isDue = this.#isCaughtUp && sinceMs >= this.#parts.intervalMs * RECENT_SHARE
      if (isDue && !signal.aborted) await this.#exclusively(() => this.#sign())
    }
  }

  /** Signs the tree as it stands, unless nothing but checkpoints has come. Another node that signs first has signed for us. */
  async #sign(): Promise<void> {
    const { size, lastPosition } = this.#writer
    if (!this.#hasNews || size === 0 || size <= this.#last.size) return
    await this.#writer.flush()
    const root = this.#writer.root()
    const origin = this.#signer.verifier.name
    const signedNote = signNote(checkpointText({ origin, size, root }), this.#parts.signers)
    const data = {
      treeSize: size,
      rootHash: root.toString('base64'),
      lastPosition: lastPosition === undefined ? null : String(lastPosition),
      signedNote,
    }
    const revision = await this.#append(LEDGER_STREAM, { type: 'CheckpointSigned', data }, this.#revision)
    if (revision === undefined) return
    this.#revision = revision
    this.#hasNews = false
    this.#last = { size, signedAtMs: this.#parts.clock().getTime() }
    await this.#publish(signedNote, size)
    this.#parts.logger.debug({ size }, 'signed a checkpoint')
    const consistencyFrom = (from: number) => consistencyProof(this.#writer.hashes(size), from, size)
    const sizeNow = () => this.#writer.size
    this.#handout.offer({ origin, size, root, note: signedNote, consistencyFrom, sizeNow }, (lines) =>
      this.#exclusively(async () => {
        if (this.#publishedSize === size) await this.#publish(signedNote + lines, size)
      }),
    )
  }

  /** Once in a key's life, so that whoever trusts the key before it can trust this one. */
  async #introduceKey(): Promise<void> {
    const { verifier } = this.#signer
    let last: Revision | undefined
    for await (const stored of this.#parts.store.readStream(LEDGER_KEYS_STREAM)) {
      last = stored.revision
      const event = await this.#parts.codec.decode(stored)
      if (event.type === 'LedgerKeyIntroduced' && event.data.verifierKey === verifier.text) return
    }
    const endorsement = endorseKey(verifier, this.#parts.signers)
    const data = { verifierKey: verifier.text, endorsement }
    await this.#append(LEDGER_KEYS_STREAM, { type: 'LedgerKeyIntroduced', data }, last)
  }

  /** Undefined when somebody else wrote first. */
  async #append(stream: string, event: RecordEvent, after: Revision | undefined): Promise<Revision | undefined> {
    const { store, codec, clock } = this.#parts
    const cause = `${stream}@${after ?? 'start'}`
    const envelope = {
      schemaVersion: 1,
      occurredAt: clock().toISOString(),
      actor: { kind: 'system', id: 'ledger' },
      $correlationId: cause,
      $causationId: cause,
      commandId: `${event.type}:${cause}:${this.#signer.verifier.id}:${this.#writer.size}`,
    } as const
    const encoded = await codec.encode(stream, event, envelope, { index: 0, person: undefined })
    const result = await store.append(stream, [encoded], after ?? 'no-stream')
    return result.kind === 'conflict' ? undefined : result.revision
  }

  async #exclusively(work: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(work)
    const settled = mine.catch(() => {})
    this.#turn = settled
    this.#isBusy = true
    try {
      await mine
    } finally {
      if (this.#turn === settled) this.#isBusy = false
    }
  }
}
