/** Routes recorded traffic once more with another router and tells which turns would go elsewhere; it is handed a reader and writes nothing. */
import type { Codec, RecordedEvent, StoredEvent } from '../events/codec.ts'
import { type ConversationFold, createConversationFold } from '../routing/conversation-fold.ts'
import { agentFor } from '../routing/intents.ts'
import type { Router } from '../routing/router.ts'
import { isFault } from '../shared/failures.ts'
import { type Position, type Revision, toRevision } from '../shared/ids.ts'
import type { EventReader } from '../store/event-store.ts'
import { readConversationLog } from './conversation-log.ts'

/** Conversations kept in memory at once; one that comes back later is read again. */
const CONVERSATIONS_MAX = 500

export interface Route {
  readonly intent: string
  readonly agent: string
  readonly method: string
  readonly confidence: number
  readonly routerVersion: string
}

/** A turn that another router would have given to somebody else, or held to be about something else. */
export interface Rerouting {
  readonly stream: string
  readonly turnId: string
  /** Of the recorded decision. */
  readonly position: string
  readonly occurredAt: string
  readonly from: Route
  readonly to: Route
}

export interface WhatIfTotals {
  /** Recorded decisions in the range. */
  readonly turns: number
  readonly same: number
  readonly elsewhere: number
  /** Turns with an erased text in them: they are counted, not guessed. */
  readonly erased: number
  /** Turns that cannot be read by this version, or whose beginning has aged out of the record. */
  readonly unreadable: number
  /** `learning → support` and how many turns went so. */
  readonly moves: Readonly<Record<string, number>>
}

export interface WhatIfParts {
  readonly reader: EventReader
  readonly codec: Codec
  readonly router: Router
  /** Decisions after this position; all when left out. */
  readonly after?: Position
  /** Decisions made at this time or later. */
  readonly since?: Date
  readonly onRerouting: (rerouting: Rerouting) => void
  /** Told how far the log has been looked through. */
  readonly onConsidered?: (position: Position) => void
}

/** Reads up to the last event there is now. Throws `store-unavailable` when the record is lost on the way. */
export async function whatIf(parts: WhatIfParts): Promise<WhatIfTotals> {
  const totals = { turns: 0, same: 0, elsewhere: 0, erased: 0, unreadable: 0, moves: {} as Record<string, number> }
  const conversations = createConversations(parts)
  for await (const stored of readConversationLog(parts.reader, { ...parts, types: ['IntentRouted'] })) {
    totals.turns += 1
    const outcome = await reroute(parts, conversations, stored)
    if (typeof outcome === 'string') totals[outcome] += 1
    else {
      totals.elsewhere += 1
      const move = `${outcome.from.intent} → ${outcome.to.intent}`
      totals.moves[move] = (totals.moves[move] ?? 0) + 1
      parts.onRerouting(outcome)
    }
  }
  return totals
}

async function reroute(
  { router }: WhatIfParts,
  conversations: Conversations,
  stored: StoredEvent,
): Promise<Rerouting | 'same' | 'erased' | 'unreadable'> {
  const known = await conversations.upTo(stored)
  if (known === undefined) return 'unreadable'
  const { fold, decided } = known
  const asked = fold.asked(decided.data.turnId)
  if (asked === undefined) return 'unreadable'
  if (asked.isErased) return 'erased'
  const { question: text, history, chosenIntent: override } = asked
  const decision = router.route({ text, history, ...(override !== undefined && { override }) })
  const { turnId, intent, agent, method, confidence, routerVersion } = decided.data
  if (decision.intent === intent && decision.agent === agent) return 'same'
  return {
    stream: stored.stream,
    turnId,
    position: String(stored.position),
    occurredAt: decided.envelope.occurredAt,
    from: { intent, agent, method, confidence, routerVersion },
    to: {
      intent: decision.intent,
      agent: agentFor(decision.intent),
      method: decision.method,
      confidence: decision.confidence,
      routerVersion: decision.routerVersion,
    },
  }
}

type Decided = Extract<RecordedEvent, { type: 'IntentRouted' }>

interface Conversations {
  /** The conversation as it stood when the decision was made; undefined when part of it cannot be read. */
  readonly upTo: (stored: StoredEvent) => Promise<{ fold: ConversationFold; decided: Decided } | undefined>
}

interface Known {
  readonly fold: ConversationFold
  /** The revision to read on from. */
  next: Revision
  isReadable: boolean
}

/** Reads each conversation once, as long as it stays among the latest: the log gives its decisions in order. */
function createConversations({ reader, codec }: Pick<WhatIfParts, 'reader' | 'codec'>): Conversations {
  const latest = new Map<string, Known>()
  return {
    async upTo(stored) {
      const known = latest.get(stored.stream) ?? {
        fold: createConversationFold(),
        next: toRevision(0),
        isReadable: true,
      }
      latest.delete(stored.stream)
      latest.set(stored.stream, known)
      if (latest.size > CONVERSATIONS_MAX) latest.delete(latest.keys().next().value ?? '')
      const events = await eventsUpTo(stored, known.next)
      known.next = toRevision(stored.revision + 1n)
      const decoded = await codec.decodeAll(events)
      for (const event of decoded) {
        if (isFault(event)) known.isReadable = false
        else known.fold.apply(event)
      }
      const decided = decoded.at(-1)
      if (!known.isReadable || isFault(decided) || decided?.type !== 'IntentRouted') return undefined
      return { fold: known.fold, decided }
    },
  }

  async function eventsUpTo({ stream, revision }: StoredEvent, from: Revision): Promise<StoredEvent[]> {
    const events: StoredEvent[] = []
    for await (const event of reader.readStream(stream, { from })) {
      events.push(event)
      if (event.revision >= revision) break
    }
    return events
  }
}
