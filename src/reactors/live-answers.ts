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

/** The text that an answer has come to so far; deltas are made of what is new in it. */
export interface Progress {
  readonly type: 'response.progress'
  readonly turnId: string
  readonly text: string
}

export interface LiveAnswers {
  /** Tells the listener every fact from now on; returns how to stop. */
  readonly listen: (conversationId: string, listener: Listener) => () => void
  /** The turns under way, oldest first. */
  readonly inFlight: (conversationId: string) => readonly { readonly turnId: string; readonly lastDelta: number }[]
  /** What a client that has seen `lastDelta` deltas of a turn has missed; undefined when the turn is not remembered. */
  readonly replay: (conversationId: string, turnId: string, lastDelta: number) => readonly LiveFact[] | undefined
  /** Passes a fact on, unless it was passed on before. */
  readonly publish: (conversationId: string, fact: Exclude<LiveFact, DeltaFact> | Progress) => void
}

interface LiveTurn {
  readonly conversationId: string
  readonly turnId: string
  isSent: boolean
  isRouted: boolean
  readonly deltas: string[]
  /** All deltas together. */
  text: string
  terminal: TerminalFact | undefined
}

export function createLiveAnswers(): LiveAnswers {
  const listeners = new Map<string, Set<Listener>>()
  const openTurns = new Map<string, Set<LiveTurn>>()
  const turns = new LRUCache<string, LiveTurn>({
    max: TURNS_MAX,
    dispose: (turn, _key, why) => why !== 'set' && close(turn),
  })

  return {
    listen(conversationId, listener) {
      addTo(listeners, conversationId, listener)
      return () => removeFrom(listeners, conversationId, listener)
    },

    inFlight(conversationId) {
      return [...(openTurns.get(conversationId) ?? [])].map(({ turnId, deltas }) => ({
        turnId,
        lastDelta: deltas.length,
      }))
    },

    replay(conversationId, turnId, lastDelta) {
      const turn = turns.get(turnId)
      if (turn === undefined || turn.conversationId !== conversationId) return undefined
      const missing = turn.deltas
        .slice(lastDelta)
        .map((text, index): LiveFact => ({ type: 'response.delta', turnId, delta: lastDelta + index + 1, text }))
      return turn.terminal === undefined ? missing : [...missing, turn.terminal]
    },

    publish(conversationId, fact) {
      const turn = turns.get(fact.turnId) ?? open(conversationId, fact.turnId)
      if (turn.terminal !== undefined) return
      switch (fact.type) {
        case 'message.sent':
          if (!turn.isSent) tell(conversationId, fact)
          turn.isSent = true
          break
        case 'intent.routed':
          if (!turn.isRouted) tell(conversationId, fact)
          turn.isRouted = true
          break
        case 'response.progress':
          progress(turn, fact.text)
          break
        case 'tool.started':
        case 'tool.finished':
          tell(conversationId, fact)
          break
        default:
          end(turn, fact)
      }
    },
  }

  function open(conversationId: string, turnId: string): LiveTurn {
    const turn = { conversationId, turnId, isSent: false, isRouted: false, deltas: [], text: '', terminal: undefined }
    turns.set(turnId, turn)
    addTo(openTurns, conversationId, turn)
    return turn
  }

  function close(turn: LiveTurn): void {
    removeFrom(openTurns, turn.conversationId, turn)
  }

  /** A delta is what is new; an answer that begins anew after a fault adds nothing until it goes beyond what was told. */
  function progress(turn: LiveTurn, text: string): void {
    if (text.length <= turn.text.length || !text.startsWith(turn.text)) return
    const added = text.slice(turn.text.length)
    turn.deltas.push(added)
    turn.text = text
    tell(turn.conversationId, { type: 'response.delta', turnId: turn.turnId, delta: turn.deltas.length, text: added })
  }

  /** When another process wrote the answer, what is missing of it is passed on first: deltas always add up to the text. */
  function end(turn: LiveTurn, fact: TerminalFact): void {
    progress(turn, fact.type === 'response.completed' ? fact.text : fact.partialText)
    turn.terminal = fact
    turns.set(turn.turnId, turn, { ttl: ENDED_TURN_MS_MAX })
    close(turn)
    tell(turn.conversationId, fact)
  }

  function tell(conversationId: string, fact: LiveFact): void {
    for (const listener of listeners.get(conversationId) ?? []) listener(fact)
  }
}

function addTo<Value>(groups: Map<string, Set<Value>>, key: string, value: Value): void {
  const group = groups.get(key) ?? new Set()
  group.add(value)
  groups.set(key, group)
}

function removeFrom<Value>(groups: Map<string, Set<Value>>, key: string, value: Value): void {
  const group = groups.get(key)
  if (group?.delete(value) && group.size === 0) groups.delete(key)
}
