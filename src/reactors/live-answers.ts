/**
 * Tells everybody who listens to a conversation what happens in it, once and in order, whoever says it first.
 *
 * Facts come from two sides: the responder of this process says what it does, and the record says what any process did.
 * Per turn each fact is passed on once: sent, routed, deltas without gaps, then exactly one terminal fact.
 */
import { LRUCache } from 'lru-cache'
import type { DeltaFact, LiveFact, TerminalFact } from '../events/live-facts.ts'

/** Turns that are remembered for clients that come back, the open ones included. */
const TURNS_MAX = 5_000
/** How long an ended turn is remembered. */
const ENDED_TURN_MS_MAX = 10 * 60_000

type Listener = (fact: LiveFact) => void

interface LiveTurn {
  readonly conversationId: string
  readonly turnId: string
  isSent: boolean
  isRouted: boolean
  readonly deltas: string[]
  terminal: TerminalFact | undefined
}

export interface LiveAnswers {
  readonly listen: (conversationId: string, listener: Listener) => () => void
  readonly inFlight: (conversationId: string) => readonly { readonly turnId: string; readonly lastDelta: number }[]
  readonly replay: (conversationId: string, turnId: string, lastDelta: number) => readonly LiveFact[] | undefined
  /** Passes a fact on unless it is known. Deltas are numbered here; the ones that are missing before a completed answer are made up from its text. */
  readonly publish: (
    conversationId: string,
    fact:
      | Exclude<LiveFact, DeltaFact>
      | { readonly type: 'response.delta'; readonly turnId: string; readonly text: string },
  ) => void
}

export function createLiveAnswers(): LiveAnswers {
  const listeners = new Map<string, Set<Listener>>()
  const turns = new LRUCache<string, LiveTurn>({ max: TURNS_MAX })

  return {
    listen(conversationId, listener) {
      const mine = listeners.get(conversationId) ?? new Set()
      mine.add(listener)
      listeners.set(conversationId, mine)
      return () => {
        mine.delete(listener)
        if (mine.size === 0 && listeners.get(conversationId) === mine) listeners.delete(conversationId)
      }
    },

    inFlight(conversationId) {
      return [...turns.values()]
        .filter((turn) => turn.conversationId === conversationId && turn.terminal === undefined)
        .map(({ turnId, deltas }) => ({ turnId, lastDelta: deltas.length }))
        .reverse()
    },

    replay(conversationId, turnId, lastDelta) {
      const turn = turns.get(turnId)
      if (turn === undefined || turn.conversationId !== conversationId) return undefined
      const missing: LiveFact[] = turn.deltas
        .slice(lastDelta)
        .map((text, index) => ({ type: 'response.delta', turnId, delta: lastDelta + index + 1, text }))
      return turn.terminal === undefined ? missing : [...missing, turn.terminal]
    },

    publish(conversationId, fact) {
      const turn = turns.get(fact.turnId) ?? remember(conversationId, fact.turnId)
      if (turn.terminal !== undefined) return
      switch (fact.type) {
        case 'message.sent':
          if (turn.isSent) return
          turn.isSent = true
          return tell(conversationId, fact)
        case 'intent.routed':
          if (turn.isRouted) return
          turn.isRouted = true
          return tell(conversationId, fact)
        case 'response.delta':
          return tellDelta(turn, fact.text)
        case 'tool.started':
        case 'tool.finished':
          return tell(conversationId, fact)
        default:
          return end(turn, fact)
      }
    },
  }

  function remember(conversationId: string, turnId: string): LiveTurn {
    const turn = { conversationId, turnId, isSent: false, isRouted: false, deltas: [], terminal: undefined }
    turns.set(turnId, turn)
    return turn
  }

  function tellDelta(turn: LiveTurn, text: string): void {
    if (text === '') return
    turn.deltas.push(text)
    tell(turn.conversationId, { type: 'response.delta', turnId: turn.turnId, delta: turn.deltas.length, text })
  }

  /** Another process wrote the answer: its text is passed on as one delta, so that the deltas always add up to it. */
  function end(turn: LiveTurn, fact: TerminalFact): void {
    const whole = fact.type === 'response.completed' ? fact.text : fact.partialText
    const told = turn.deltas.join('')
    if (whole.startsWith(told)) tellDelta(turn, whole.slice(told.length))
    turn.terminal = fact
    turns.set(turn.turnId, turn, { ttl: ENDED_TURN_MS_MAX })
    tell(turn.conversationId, fact)
  }

  function tell(conversationId: string, fact: LiveFact): void {
    for (const listener of listeners.get(conversationId) ?? []) listener(fact)
  }
}
