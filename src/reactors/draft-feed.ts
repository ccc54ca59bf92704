/**
 * Lets people on this node see what another node writes, while it writes it: follows the drafts of the conversations that
 * somebody attends here, and gives every turn its deltas before its end, with the numbers they have everywhere.
 */

import type { ConversationCommandHandler } from '../commands/conversation-handler.ts'
import { isTerminal, type LiveFact, type TerminalFact } from '../events/live-facts.ts'
import { conversationStream } from '../events/stream-names.ts'
import { Fault } from '../shared/failures.ts'
import type { Uuid } from '../shared/ids.ts'
import type { Logger } from '../shared/logger.ts'
import { pause, within } from '../shared/waiting.ts'
import type { DraftLog } from './draft-log.ts'
import { type LiveAnswers, textOfEnding } from './live-answers.ts'

/** Drafts that one process follows; of those beyond, people see the end. */
const FOLLOWED_MAX = 2_000
/** A socket opens without what other nodes have written so far when the record does not answer in time. */
const ATTEND_MS_MAX = 1_000
const RETRY_DELAY_MS = 250

export interface DraftFeed {
  /** From now on what other nodes write is heard here. Resolves when what they have written is known; returns how to leave. */
  readonly attend: (conversationId: string) => Promise<() => void>
  /** Remembers how a turn of the conversation went, from the record; nothing when there is no such turn. */
  readonly recall: (conversationId: string, turnId: string) => Promise<void>
  /** Passes a fact of the record on, after the deltas that come before it. */
  readonly publish: (conversationId: string, fact: LiveFact) => void
  /** This process has stopped to write a turn that is not ended. */
  readonly onLeft: (conversationId: string, turnId: string) => void
}

export interface DraftFeedParts {
  readonly live: LiveAnswers
  readonly drafts: DraftLog
  readonly load: ConversationCommandHandler['load']
  /** How an ended turn ended; undefined when the record would have to be searched for it. */
  readonly readEnding: (stream: string, turnId: string) => Promise<TerminalFact | undefined>
  readonly isWritingHere: (turnId: string) => boolean
  readonly logger: Logger
}

interface Attended {
  count: number
  /** By turn: ends the following of its draft. */
  readonly followed: Map<string, AbortController>
  /** Facts that wait for the deltas before them; undefined when none does. */
  waiting: Promise<void> | undefined
}

export function createDraftFeed(parts: DraftFeedParts): DraftFeed {
  const { live, drafts, logger } = parts
  const attendedOnes = new Map<string, Attended>()
  let followedCount = 0

  return {
    async attend(conversationId) {
      const attended = attendedOnes.get(conversationId) ?? { count: 0, followed: new Map(), waiting: undefined }
      attended.count += 1
      attendedOnes.set(conversationId, attended)
      const isLate = () => new Fault('store-unavailable', { doing: 'reading drafts', waitedMs: ATTEND_MS_MAX })
      await within(ATTEND_MS_MAX, catchUp(conversationId, attended), isLate).catch((error) =>
        logger.warn({ conversationId, error: String(error) }, 'what other nodes write is not known yet'),
      )
      let isLeft = false
      return () => {
        if (isLeft) return
        isLeft = true
        leave(conversationId, attended)
      }
    },

    async recall(conversationId, turnId) {
      const stream = conversationStream(conversationId as Uuid)
      const turn = (await parts.load(stream)).turns.get(turnId)
      if (turn === undefined) return
      const [draft, terminal] = await Promise.all([
        drafts.read(conversationId, turnId),
        turn.outcome === undefined ? undefined : parts.readEnding(stream, turnId),
      ])
      if (turn.outcome !== undefined && terminal === undefined) return
      const deltas = terminal === undefined ? draft.deltas : deltasWithin(textOfEnding(terminal), draft.deltas)
      live.restore(conversationId, { turnId, deltas, ...(terminal && { terminal }) })
    },

    publish(conversationId, fact) {
      const attended = attendedOnes.get(conversationId)
      if (attended === undefined) return live.publish(conversationId, fact)
      if (attended.waiting === undefined && !needsDraft(fact)) return pass(conversationId, attended, fact)
      const waiting = (attended.waiting ?? Promise.resolve()).then(async () => {
        if (needsDraft(fact)) await readRest(conversationId, fact.turnId)
        pass(conversationId, attended, fact)
        if (attended.waiting === waiting) attended.waiting = undefined
      })
      attended.waiting = waiting
    },

    onLeft(conversationId, turnId) {
      const attended = attendedOnes.get(conversationId)
      if (attended !== undefined) follow(conversationId, attended, turnId)
    },
  }

  function needsDraft(fact: LiveFact): fact is TerminalFact {
    return isTerminal(fact) && live.textOf(fact.turnId) !== textOfEnding(fact)
  }

  function pass(conversationId: string, attended: Attended, fact: LiveFact): void {
    live.publish(conversationId, fact)
    if (fact.type === 'intent.routed') follow(conversationId, attended, fact.turnId)
    if (isTerminal(fact)) unfollow(attended, fact.turnId)
  }

  async function catchUp(conversationId: string, attended: Attended): Promise<void> {
    const { openTurns, turns } = await parts.load(conversationStream(conversationId as Uuid))
    for (const turnId of [...openTurns]) {
      live.begin(conversationId, turnId)
      if (turns.get(turnId)?.routing === undefined || parts.isWritingHere(turnId)) continue
      if (!attended.followed.has(turnId)) {
        const { deltas } = await drafts.read(conversationId, turnId)
        live.restore(conversationId, { turnId, deltas })
      }
      if (attended.count > 0) follow(conversationId, attended, turnId)
    }
  }

  function leave(conversationId: string, attended: Attended): void {
    attended.count -= 1
    if (attended.count > 0) return
    attendedOnes.delete(conversationId)
    for (const turnId of [...attended.followed.keys()]) {
      unfollow(attended, turnId)
      live.letGo(turnId)
    }
  }

  function follow(conversationId: string, attended: Attended, turnId: string): void {
    if (attended.followed.has(turnId) || followedCount >= FOLLOWED_MAX || parts.isWritingHere(turnId)) return
    const following = new AbortController()
    attended.followed.set(turnId, following)
    followedCount += 1
    void followUntil(conversationId, turnId, following.signal)
  }

  function unfollow({ followed }: Attended, turnId: string): void {
    const following = followed.get(turnId)
    if (following === undefined) return
    following.abort()
    followed.delete(turnId)
    followedCount -= 1
  }

  async function followUntil(conversationId: string, turnId: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const batch of drafts.follow(conversationId, turnId, signal)) {
          if (!signal.aborted) tell(conversationId, turnId, batch)
        }
      } catch (error) {
        if (!signal.aborted) logger.warn({ turnId, error: String(error) }, 'lost a draft, following it again')
      }
      await pause(RETRY_DELAY_MS, signal)
    }
  }

  /** Kept before the terminal event, the whole draft can be read when that arrives. */
  async function readRest(conversationId: string, turnId: string): Promise<void> {
    try {
      tell(conversationId, turnId, { firstDelta: 1, ...(await drafts.read(conversationId, turnId)) })
    } catch (error) {
      logger.warn({ turnId, error: String(error) }, 'a draft cannot be read, its text comes with the end')
    }
  }

  function tell(
    conversationId: string,
    turnId: string,
    { firstDelta, deltas }: { readonly firstDelta: number; readonly deltas: readonly string[] },
  ): void {
    for (const [index, text] of deltas.entries()) {
      live.publish(conversationId, { type: 'response.delta', turnId, delta: firstDelta + index, text })
    }
  }
}

/** What a draft holds beyond the end of its turn was never part of the answer. */
function deltasWithin(text: string, deltas: readonly string[]): readonly string[] {
  let length = 0
  const end = deltas.findIndex((delta) => {
    const isWithin = text.startsWith(delta, length)
    length += delta.length
    return !isWithin
  })
  return end === -1 ? deltas : deltas.slice(0, end)
}
