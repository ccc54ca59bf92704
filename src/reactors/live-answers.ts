/**
 * Tells everybody who listens to a conversation what happens in it, once and in order, whoever says it first.
 *
 * Facts come from two sides: the responder of this process says what it does, and the record says what any process did.
 * Per turn each fact is passed on once: sent, routed, deltas without gaps, then exactly one terminal fact.
 */
import { LRUCache } from 'lru-cache'
import type { LiveFact, TerminalFact } from '../events/live-facts.ts'

/** Turns that are remembered for clients that come back, the open ones included. */
const TURNS_MAX = 5_000
/** How long an ended turn is remembered. */
const ENDED_TURN_MS_MAX = 10 * 60_000

type Listener = (fact: LiveFact) => void

export interface LiveAnswers {
  /** Tells the listener every fact from now on; returns how to stop. */
  readonly listen: (conversationId: string, listener: Listener) => () => void
  /** The turns under way, oldest first. */
  readonly inFlight: (conversationId: string) => readonly { readonly turnId: string; readonly lastDelta: number }[]
  /** What a client that has seen `lastDelta` deltas of a turn has missed; undefined when the turn is not remembered. */
  readonly replay: (conversationId: string, turnId: string, lastDelta: number) => readonly LiveFact[] | undefined
  /** Passes a fact on, unless it was passed on before; of deltas only the next one is news. */
  readonly publish: (conversationId: string, fact: LiveFact) => void
  /** A turn is under way, though nothing of it was heard here. */
  readonly begin: (conversationId: string, turnId: string) => void
  /** Nobody here follows the turn any more; what it comes to is read from the record when somebody asks. */
  readonly letGo: (turnId: string) => void
  /** Remembers a turn that is known from the record, without telling anybody. */
  readonly restore: (conversationId: string, turn: RecordedTurn) => void
  /** All deltas together; empty when nothing is known. */
  readonly textOf: (turnId: string) => string
  /** Remembers no ended turn any more: what they came to is asked of the record. */
  readonly forgetEnded: () => void
}

export interface RecordedTurn {
  readonly turnId: string
  readonly deltas: readonly string[]
  readonly terminal?: TerminalFact
}

interface LiveTurn {
  readonly conversationId: string
  readonly turnId: string
  isSent: boolean
  isRouted: boolean
  deltas: string[]
  /** All deltas together. */
  text: string
  terminal: TerminalFact | undefined
  /** False when it was written elsewhere while nobody here listened: then its deltas are not known. */
  isWhole: boolean
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
      if (turn === undefined || turn.conversationId !== conversationId || !turn.isWhole) return undefined
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
        case 'response.delta':
          if (fact.delta === turn.deltas.length + 1) add(turn, fact.text)
          break
        case 'tool.started':
        case 'tool.finished':
          tell(conversationId, fact)
          break
        default:
          end(turn, fact)
      }
    },

    begin(conversationId, turnId) {
      if (!turns.has(turnId)) open(conversationId, turnId)
    },

    letGo(turnId) {
      const turn = turns.get(turnId)
      if (turn !== undefined && turn.terminal === undefined)
        Object.assign(turn, { deltas: [], text: '', isWhole: false })
    },

    restore(conversationId, { turnId, deltas, terminal }) {
      const known = turns.get(turnId)
      if (known?.isWhole === true && (known.terminal !== undefined || known.deltas.length > 0)) return
      const turn = known ?? open(conversationId, turnId)
      Object.assign(turn, { deltas: [...deltas], text: deltas.join(''), isWhole: true })
      const ending = terminal ?? turn.terminal
      if (ending === undefined) return
      complete(turn, textOfEnding(ending))
      turn.terminal = ending
      turns.set(turnId, turn, { ttl: ENDED_TURN_MS_MAX })
      close(turn)
    },

    textOf: (turnId) => turns.get(turnId)?.text ?? '',

    forgetEnded() {
      for (const [turnId, turn] of [...turns.entries()]) if (turn.terminal !== undefined) turns.delete(turnId)
    },
  }

  function open(conversationId: string, turnId: string): LiveTurn {
    const turn: LiveTurn = {
      ...{ conversationId, turnId, isSent: false, isRouted: false, deltas: [], text: '', terminal: undefined },
      isWhole: true,
    }
    turns.set(turnId, turn)
    addTo(openTurns, conversationId, turn)
    return turn
  }

  function close(turn: LiveTurn): void {
    removeFrom(openTurns, turn.conversationId, turn)
  }

  function add(turn: LiveTurn, text: string): void {
    turn.isWhole = true
    turn.deltas.push(text)
    turn.text += text
    tell(turn.conversationId, { type: 'response.delta', turnId: turn.turnId, delta: turn.deltas.length, text })
  }

  /** Deltas always add up to the text: what is missing of it, all of it when there was no draft, is the last one. */
  function complete(turn: LiveTurn, text: string): string {
    if (text.length <= turn.text.length || !text.startsWith(turn.text)) return ''
    const missing = text.slice(turn.text.length)
    turn.deltas.push(missing)
    turn.text = text
    return missing
  }

  function end(turn: LiveTurn, fact: TerminalFact): void {
    const { conversationId, turnId } = turn
    if (turn.text === '' && !listeners.has(conversationId)) turn.isWhole = false
    if (turn.isWhole) {
      const text = complete(turn, textOfEnding(fact))
      if (text !== '') tell(conversationId, { type: 'response.delta', turnId, delta: turn.deltas.length, text })
    }
    turn.terminal = fact
    turns.set(turnId, turn, { ttl: ENDED_TURN_MS_MAX })
    close(turn)
    tell(conversationId, fact)
  }

  function tell(conversationId: string, fact: LiveFact): void {
    for (const listener of listeners.get(conversationId) ?? []) listener(fact)
  }
}

/** Everything that was written of an answer, as its end gives it. */
export function textOfEnding(fact: TerminalFact): string {
  return fact.type === 'response.completed' ? fact.text : fact.partialText
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
