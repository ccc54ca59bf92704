/** Decides what one socket is sent of each turn, and when: nothing before its acceptance, no gap, exactly one end. */
import { isTerminal, type LiveFact, type TerminalFact } from '../events/live-facts.ts'
import { assertNever } from '../shared/assert.ts'
import type { ServerFrame } from './contracts/socket-frames.ts'
import { answerFailureText } from './error-catalogue.ts'
import type { TurnInFlight } from './live-conversations.ts'

type AcceptedFrame = Extract<ServerFrame, { type: 'message.accepted' }>

export interface TurnRelay {
  /** Turns under way when the socket opened: what was written of them already is sent on `resume` only. */
  readonly begin: (inFlight: readonly TurnInFlight[]) => void
  /** A message of this socket is on its way to the record: facts of its turn wait until it is accepted or refused. */
  readonly expect: (turnId: string) => void
  /** Sends the acceptance, then what waited. True when the turn is an earlier one that this socket has seen nothing of: it needs a replay. */
  readonly accept: (frame: AcceptedFrame, isRepeat: boolean) => boolean
  /** Lets what waited pass: the turn, if there is one, was opened elsewhere. */
  readonly refuse: (turnId: string) => void
  readonly pass: (fact: LiveFact) => void
  /** Sends what the client has missed and goes on from there. False when the turn is not known here any more. */
  readonly resume: (turnId: string, lastDelta: number) => boolean
  /** Sends how a turn ended that nobody remembers live, unless this socket has been told. */
  readonly end: (fact: TerminalFact) => void
  /** There is no such turn after all. */
  readonly forget: (turnId: string) => void
  /** The client did not resume: it is at least told how the turn ended. */
  readonly giveUpWaiting: (turnId: string) => void
}

export interface TurnRelayParts {
  readonly send: (frame: ServerFrame) => void
  readonly replay: (turnId: string, lastDelta: number) => readonly LiveFact[] | undefined
  /** A turn that waits for the client's `resume` has ended. */
  readonly onEndedUnresumed: (turnId: string) => void
  /** More facts wait than may be held. */
  readonly onOverflow: () => void
  readonly turnsMax: number
  readonly heldMax: number
}

// expected ─► following ─► ended
//    unresumed ──┘  (resume)
interface RelayedTurn {
  stage: 'expected' | 'unresumed' | 'following' | 'ended'
  /** Sends of this socket that opened the turn and are not answered yet. */
  sendsUnderWay: number
  isOwn: boolean
  /** Every delta after `followedFrom` was or will be sent here. */
  isFollowed: boolean
  followedFrom: number
  lastDelta: number
  held: LiveFact[]
}

export function createTurnRelay(parts: TurnRelayParts): TurnRelay {
  const { send, replay } = parts
  const turns = new Map<string, RelayedTurn>()

  function turnOf(turnId: string): RelayedTurn {
    const known = turns.get(turnId)
    if (known !== undefined) return known
    const turn: RelayedTurn = {
      stage: 'following',
      sendsUnderWay: 0,
      isOwn: false,
      isFollowed: false,
      followedFrom: 0,
      lastDelta: 0,
      held: [],
    }
    turns.set(turnId, turn)
    forgetOldest()
    return turn
  }

  /** Ended turns are forgotten first; a conversation has few open ones, so others go only when a client invents them. */
  function forgetOldest(): void {
    if (turns.size <= parts.turnsMax) return
    for (const [turnId, { stage }] of turns) {
      if (stage === 'ended') {
        turns.delete(turnId)
        return
      }
    }
    for (const oldest of turns.keys()) {
      turns.delete(oldest)
      return
    }
  }

  function forget(turnId: string): void {
    turns.delete(turnId)
  }

  function hold(turn: RelayedTurn, fact: LiveFact): void {
    if (turn.held.length >= parts.heldMax) parts.onOverflow()
    else turn.held.push(fact)
  }

  function release(turn: RelayedTurn): void {
    const { held } = turn
    turn.held = []
    for (const fact of held) show(turn, fact)
  }

  function show(turn: RelayedTurn, fact: LiveFact): void {
    if (turn.stage === 'ended') return
    switch (fact.type) {
      case 'message.sent':
        if (!turn.isOwn) send(fact)
        break
      case 'response.delta':
        if (fact.delta <= turn.lastDelta) return
        turn.lastDelta = fact.delta
        send(fact)
        break
      case 'intent.routed':
      case 'tool.started':
      case 'tool.finished':
        send(fact)
        break
      case 'response.completed':
      case 'response.failed':
      case 'response.stopped':
        turn.stage = 'ended'
        send(frameOf(fact))
        break
      default:
        assertNever(fact)
    }
  }

  return {
    begin(inFlight) {
      for (const { turnId, lastDelta } of inFlight) {
        const turn = turnOf(turnId)
        // A turn without a delta has nothing to resume: it is simply followed.
        if (lastDelta === 0) turn.isFollowed = true
        else turn.stage = 'unresumed'
      }
    },

    expect(turnId) {
      const turn = turnOf(turnId)
      turn.sendsUnderWay += 1
      turn.isOwn = true
      if (turn.stage === 'following') turn.stage = 'expected'
    },

    accept(frame, isRepeat) {
      const turn = turnOf(frame.turnId)
      turn.sendsUnderWay = Math.max(0, turn.sendsUnderWay - 1)
      send(frame)
      if (turn.stage === 'expected') turn.stage = 'following'
      if (!isRepeat) turn.isFollowed = true
      const isUnseen = !turn.isFollowed && turn.stage !== 'ended'
      if (turn.stage === 'following') release(turn)
      return isUnseen
    },

    refuse(turnId) {
      const turn = turnOf(turnId)
      turn.sendsUnderWay = Math.max(0, turn.sendsUnderWay - 1)
      if (turn.stage !== 'expected' || turn.sendsUnderWay > 0) return
      if (turn.held.length === 0) return forget(turnId)
      turn.stage = 'following'
      turn.isOwn = false
      release(turn)
    },

    pass(fact) {
      const turn = turnOf(fact.turnId)
      if (turn.stage === 'unresumed') {
        // Deltas of a turn that waits for its `resume` come with the replay.
        if (!isTerminal(fact)) return
        hold(turn, fact)
        parts.onEndedUnresumed(fact.turnId)
        return
      }
      turn.isFollowed = true
      if (turn.stage === 'expected') hold(turn, fact)
      else show(turn, fact)
    },

    resume(turnId, lastDelta) {
      const turn = turnOf(turnId)
      if (turn.stage === 'ended' || turn.stage === 'expected') return true
      // What was sent on this very socket arrives: sending it twice would look like a second answer.
      if (turn.stage === 'following' && turn.isFollowed && lastDelta >= turn.followedFrom) return true
      const missed = replay(turnId, lastDelta)
      if (missed === undefined) return false
      Object.assign(turn, { stage: 'following', isFollowed: true, followedFrom: lastDelta, lastDelta, held: [] })
      for (const fact of missed) show(turn, fact)
      return true
    },

    end(fact) {
      show(turnOf(fact.turnId), fact)
    },

    forget,

    giveUpWaiting(turnId) {
      const turn = turns.get(turnId)
      if (turn?.stage === 'unresumed') release(turn)
    },
  }
}

function frameOf(fact: TerminalFact): ServerFrame {
  return fact.type === 'response.failed' ? { ...fact, message: answerFailureText(fact.code) } : fact
}
