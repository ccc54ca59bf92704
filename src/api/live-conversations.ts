/** What sockets need to know of answers while they are written; `main` fills this port, from whichever place writes them. */
import type { LiveFact } from '../events/live-facts.ts'

export type { LiveFact }

export interface TurnInFlight {
  readonly turnId: string
  /** The number of the last delta written so far; 0 before the first. */
  readonly lastDelta: number
}

/** Per turn, in order and once each: sent, routed, deltas without gaps, then exactly one terminal fact. */
export interface LiveConversations {
  /** From here on what any node writes of the conversation is heard here. Resolves, in bounded time, when what was written so
   * far is known; returns how to leave. */
  readonly attend: (conversationId: string) => Promise<() => void>
  /** Remembers a turn of the conversation from the record, so that it can be replayed; nothing when there is no such turn. */
  readonly recall: (conversationId: string, turnId: string) => Promise<void>
  /** Tells the listener every fact from now on, in order; returns how to stop. The listener must not throw and must not block. */
  readonly listen: (conversationId: string, listener: (fact: LiveFact) => void) => () => void
  readonly inFlight: (conversationId: string) => readonly TurnInFlight[]
  /** The deltas of a turn after `lastDelta`, then its terminal fact if it has ended; undefined when the turn is not known here. */
  readonly replay: (conversationId: string, turnId: string, lastDelta: number) => readonly LiveFact[] | undefined
}
