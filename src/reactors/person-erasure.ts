/**
 * Erases a person: destroys their key, records it, and clears everything that was made of their text. Resumes after a crash at any step.
 *
 * requested ─► keys destroyed ─► recorded ─► cleared ─► done        (each step may be repeated; a hold stops the first)
 */
import type { ConversationCommandHandler } from '../commands/conversation-handler.ts'
import type { RecordPrivacyAct } from '../commands/privacy-record.ts'
import type { Actor } from '../events/envelope.ts'
import { draftStream, userStream } from '../events/stream-names.ts'
import type { RowsMade } from '../projections/rows-again.ts'
import type { Clock } from '../shared/clock.ts'
import { isRefusal, type Refusal } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import { inGroups } from '../shared/slices.ts'
import { pause } from '../shared/waiting.ts'
import type { EventStore } from '../store/event-store.ts'
import type { Erasure, ErasureStore, ErasureWish } from '../vault/erasure-store.ts'

export interface PersonErasureParts {
  readonly erasures: ErasureStore
  readonly recordAct: RecordPrivacyAct
  readonly conversations: Pick<ConversationCommandHandler, 'handle' | 'load'>
  readonly store: Pick<EventStore, 'deleteStream'>
  readonly rows: {
    readonly conversationStreams: (person: string) => Promise<string[]>
    readonly recentTurns: (person: string) => Promise<string[]>
    readonly makeAgain: (streams: readonly string[]) => Promise<RowsMade>
  }
  readonly endSessions: (person: string, begunBefore: Date) => Promise<void>
  /** Removes exports of the person that lie in the data directory; resolves with how many. */
  readonly removeExports: (person: string) => Promise<number>
  /** From now on this process reads destroyed keys as destroyed, and remembers no text. */
  readonly forget: () => void
  readonly sign: (receipt: Record<string, unknown>) => Promise<Record<string, unknown>>
  readonly clock: Clock
  readonly logger: Logger
}

export interface PersonErasure {
  /** Notes the wish; the work begins with `finish`, here or in any process that follows. Refuses `legal-hold`. */
  readonly request: (wish: ErasureWish) => Promise<Erasure | Refusal>
  /** Works one erasure to its end; undefined when another process has it, or there is none. Refuses `legal-hold`. */
  readonly finish: (receiptId?: string) => Promise<Erasure | Refusal | undefined>
  readonly find: (receiptId: string) => Promise<Erasure | undefined>
  /** Finishes whatever was begun, by whichever process, until the signal aborts. */
  readonly follow: (signal: AbortSignal) => Promise<void>
}

/** How soon an erasure that another process left behind is noticed. */
const LOOK_MS = 5_000
const STREAMS_AT_ONCE = 20

export function createPersonErasure(parts: PersonErasureParts): PersonErasure {
  const { erasures, logger } = parts
  return {
    request: erasures.request,
    find: erasures.find,
    finish,

    async follow(signal) {
      while (!signal.aborted) {
        try {
          while ((await finish()) !== undefined && !signal.aborted);
        } catch (error) {
          logger.error({ error: String(error) }, 'an erasure is not done yet, trying again')
        }
        await pause(LOOK_MS, signal)
      }
    },
  }

  async function finish(receiptId?: string): Promise<Erasure | Refusal | undefined> {
    const claimed = await erasures.claim(receiptId)
    if (claimed === undefined) return undefined
    try {
      return await workOn(claimed)
    } catch (error) {
      await erasures.release(claimed).catch(() => {}) // Its claim ends by itself, only later.
      throw error
    }
  }

  async function workOn(claimed: Erasure): Promise<Erasure | Refusal> {
    let erasure = claimed
    logger.info({ receiptId: erasure.receiptId, step: erasure.step }, 'erasing a person')
    if (erasure.step === 'requested') {
      const destroyed = await erasures.destroyKeys(erasure)
      if (isRefusal(destroyed)) {
        await erasures.withdraw(erasure)
        return destroyed
      }
      erasure = destroyed
    }
    parts.forget()
    if (erasure.step === 'keys destroyed') erasure = await record(erasure)
    if (erasure.step === 'recorded') erasure = await clear(erasure)
    if (erasure.step === 'cleared') erasure = await sign(erasure)
    logger.info({ receiptId: erasure.receiptId, cleared: erasure.cleared }, 'erased a person')
    return erasure
  }

  /** Sessions end with it; every process hears of it and forgets what it has in memory. */
  async function record(erasure: Erasure): Promise<Erasure> {
    const { receiptId, person, requestedBy, reason, keyId } = erasure
    const event = { type: 'PersonErased', data: { subjectId: person, keyId, requestedBy, reason } } as const
    await parts.recordAct({ actId: `erasure:${receiptId}`, event, by: actorOf(erasure) })
    await parts.endSessions(person, parts.clock())
    return await erasures.advance(erasure, 'recorded')
  }

  async function clear(erasure: Erasure): Promise<Erasure> {
    const { person } = erasure
    const streams = await streamsOf(person)
    const drafts = await parts.rows.recentTurns(person)
    const { conversations, openTurns } = await endOpenTurns(erasure, streams, drafts)
    await inGroups(drafts, STREAMS_AT_ONCE, (turnId) => parts.store.deleteStream(draftStream(turnId)))
    const made = await parts.rows.makeAgain([...streams, userStream(person)])
    const exports = await parts.removeExports(person)
    return await erasures.advance(erasure, 'cleared', {
      cleared: {
        conversations,
        openTurns,
        drafts: drafts.length,
        generations: made.generations,
        rows: made.rows,
        parkedEvents: made.parked,
        exports,
      },
    })
  }

  async function sign(erasure: Erasure): Promise<Erasure> {
    const { receiptId, person, requestedBy, reason, keyId, cleared, requestedAt } = erasure
    const finishedAt = parts.clock().toISOString()
    const said = { receiptId, subjectId: person, requestedBy, reason, keyId, cleared }
    const receipt = await parts.sign({ ...said, requestedAt: requestedAt.toISOString(), finishedAt, ...COVERAGE })
    return await erasures.advance(erasure, 'done', { receipt })
  }

  /** The vault knows every conversation with sealed text; the read models those from before text was sealed, too. */
  async function streamsOf(person: string): Promise<string[]> {
    const [sealed, shown] = await Promise.all([erasures.streamsOf(person), parts.rows.conversationStreams(person)])
    return [...new Set([...sealed, ...shown])].sort()
  }

  /** An answer that is being written would be sealed under the person's next key. Returns in how many
   * conversations how many were ended; their drafts are added. Of the streams some may never have begun. */
  async function endOpenTurns(erasure: Erasure, streams: readonly string[], drafts: string[]) {
    let conversations = 0
    let ended = 0
    await inGroups(streams, STREAMS_AT_ONCE, async (stream) => {
      const { openTurns, status } = await parts.conversations.load(stream)
      if (status !== 'absent') conversations += 1
      for (const turnId of [...openTurns]) {
        const data = { turnId, partialText: '', by: erasure.requestedBy }
        await parts.conversations.handle(
          stream,
          { type: 'StopResponse', data },
          {
            commandId: `erasure:${erasure.receiptId}:${turnId}`,
            actor: actorOf(erasure),
            correlationId: turnId,
            causationId: erasure.receiptId,
          },
        )
        if (!drafts.includes(turnId)) drafts.push(turnId)
        ended += 1
      }
    })
    return { conversations, openTurns: ended }
  }
}

/** What a reader of the receipt should know about its limits. */
const COVERAGE = {
  covers: [
    'the key of the person, and every key that it wraps',
    'rows and search index of all generations of read models',
    'drafts, sessions, parked events, and exports in the data directory',
  ],
  doesNotCover: [
    'copies that left the system before: exports in other places, backups of the vault together with the master key',
    'replaced rows and the write-ahead log of Postgres, until it reuses their place',
    'ids: the person’s own id stays in the record as its address',
  ],
}

function actorOf({ person, requestedBy }: Erasure): Actor {
  return { kind: requestedBy === person ? 'user' : 'operator', id: requestedBy }
}
