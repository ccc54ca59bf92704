/** One socket's conversation with us: wishes come in as frames, what happens goes out as frames, in a defined order. */
import type { Outcome } from '../commands/conversation-gateway.ts'
import { conversationIdOf, turnIdOf } from '../events/stream-names.ts'
import { assertNever } from '../shared/assert.ts'
import { isRefusal, type Refusal, refusal } from '../shared/failures.ts'
import type { Position, Uuid } from '../shared/ids.ts'
import type { ApiServices } from './api-services.ts'
import { type ClientFrameOf, parseClientFrame, type ServerFrame } from './contracts/socket-frames.ts'
import type { LiveFact } from './live-conversations.ts'
import { closeCodes } from './open-sockets.ts'
import type { Person } from './person.ts'
import { problemOf, refusalOfError } from './problem-answer.ts'
import { createRateLimit } from './rate-limit.ts'
import { terminalFactOf } from './terminal-fact.ts'
import { createTurnRelay, type TurnRelay } from './turn-relay.ts'

export interface SocketSession {
  /** Handles one frame; undefined stands for one that is not text. */
  readonly receive: (text: string | undefined) => void
  readonly stop: () => void
}

export interface SocketSessionParts {
  readonly services: ApiServices
  readonly person: Person
  readonly clientConversationId: string
  /** How far the read models had come when the socket opened. */
  readonly position: Position
  readonly send: (frame: ServerFrame) => void
  readonly close: (code: number, reason: string) => void
}

/** The longest delay a timer can have; a token that lives longer is looked at again then. */
const TIMER_MS_MAX = 2 ** 31 - 1

interface Session extends SocketSessionParts {
  readonly conversationId: Uuid
  readonly relay: TurnRelay
  /** Runs commands one after the other, so that messages are recorded in the order in which they were sent. */
  readonly inOrder: (work: () => Promise<void>, refuse: (reason: Refusal) => void) => void
}

/** Sends `connected`, then every fact of the conversation as it happens, until stopped. */
export function startSocketSession(parts: SocketSessionParts): SocketSession {
  const { services, person, clientConversationId, send } = parts
  const { live, clock, collected, settings } = services
  const conversationId = conversationIdOf(person.ownerId, clientConversationId)
  const timers = new Set<NodeJS.Timeout>()
  const relay = createTurnRelay({
    send,
    replay: (turnId, lastDelta) => live.replay(conversationId, turnId, lastDelta),
    onEndedUnresumed: (turnId) =>
      timers.add(setTimeout(() => relay.giveUpWaiting(turnId), settings.limits.resumeGraceMs)),
    onOverflow: () => parts.close(closeCodes.tryAgain, 'too much is waiting'),
    turnsMax: settings.limits.knownTurnsPerSocketMax,
    heldMax: settings.limits.heldFactsPerSocketMax,
  })
  const session: Session = { ...parts, conversationId, relay, inOrder: createOrder(parts) }
  const frameRate = createRateLimit({ perMinute: settings.limits.framesPerSocketPerMinuteMax, keysMax: 1, clock })

  // From here to the first fact nothing may wait: what is in flight and what follows must meet without a gap.
  const inFlight = live.inFlight(conversationId)
  relay.begin(inFlight)
  send({
    type: 'connected',
    conversationId: clientConversationId,
    position: String(parts.position),
    inFlight: inFlight.map(({ turnId, lastDelta }) => ({ turnId, lastDelta })),
  })
  const stopListening = live.listen(conversationId, (fact: LiveFact) => relay.pass(fact))
  watchExpiry(parts, timers)

  return {
    receive(text) {
      const retryAfterMs = frameRate.take('frames')
      if (retryAfterMs > 0) return sendError(session, refusal('frames-too-frequent'), { retryAfterMs })
      const frame = text === undefined ? undefined : parseClientFrame(text)
      collected.framesReceived.inc({ type: frame?.type ?? 'invalid' })
      if (frame === undefined) return sendError(session, refusal('frame-invalid'))
      switch (frame.type) {
        case 'ping':
          return send({ type: 'pong', at: clock().toISOString() })
        case 'message.send':
          return sendMessage(session, frame)
        case 'response.stop':
          return stopResponse(session, frame)
        case 'response.regenerate':
          return regenerate(session, frame)
        case 'resume':
          return resume(session, frame)
        default:
          return assertNever(frame)
      }
    },
    stop() {
      stopListening()
      for (const timer of timers) clearTimeout(timer)
    },
  }
}

function sendMessage(session: Session, { messageId, text, parentMessageId }: ClientFrameOf<'message.send'>): void {
  const { services, person, clientConversationId, conversationId, relay, send } = session
  const refuse = (reason: Refusal, retryAfterMs?: number) => {
    const { code, title, retryAfterMs: wait } = problemOf(reason, retryAfterMs === undefined ? {} : { retryAfterMs })
    send({
      type: 'message.refused',
      messageId,
      code,
      message: title,
      ...(wait === undefined ? {} : { retryAfterMs: wait }),
    })
  }
  const retryAfterMs = services.messageRate.take(person.ownerId)
  if (retryAfterMs > 0) {
    refuse(refusal('messages-too-frequent'), retryAfterMs)
    return
  }

  const turnId = turnIdOf(conversationId, messageId)
  relay.expect(turnId)
  session.inOrder(
    async () => {
      const outcome = await services.gateway.sendMessage(
        { ownerId: person.ownerId, clientConversationId },
        { messageId, text, channel: 'socket', ...(parentMessageId === undefined ? {} : { parentMessageId }) },
      )
      if (isRefusal(outcome)) {
        refuse(outcome)
        return relay.refuse(turnId)
      }
      services.recentTurns.note(person.ownerId, clientConversationId, outcome)
      const position = String(outcome.position)
      const isUnseen = relay.accept({ type: 'message.accepted', messageId, turnId, position }, outcome.isRepeat)
      // Who repeats a message of an earlier turn has missed that turn.
      if (isUnseen) await catchUp(session, turnId, 0)
    },
    (reason) => {
      refuse(reason)
      relay.refuse(turnId)
    },
  )
}

function stopResponse(session: Session, { turnId }: ClientFrameOf<'response.stop'>): void {
  const { services, person, clientConversationId } = session
  session.inOrder(
    async () => {
      const outcome: Outcome = await services.gateway.stop(
        { ownerId: person.ownerId, clientConversationId },
        { turnId },
      )
      if (isRefusal(outcome)) sendError(session, outcome, { turnId })
    },
    (reason) => sendError(session, reason, { turnId }),
  )
}

function regenerate(session: Session, { turnId }: ClientFrameOf<'response.regenerate'>): void {
  const { services, person, clientConversationId, send } = session
  const retryAfterMs = services.messageRate.take(person.ownerId)
  if (retryAfterMs > 0) {
    sendError(session, refusal('messages-too-frequent'), { turnId, retryAfterMs })
    return
  }
  session.inOrder(
    async () => {
      const outcome = await services.gateway.regenerate({ ownerId: person.ownerId, clientConversationId }, { turnId })
      if (isRefusal(outcome)) return sendError(session, outcome, { turnId })
      services.recentTurns.note(person.ownerId, clientConversationId, outcome)
      const position = String(outcome.position)
      send({ type: 'response.accepted', turnId: outcome.turnId, previousTurnId: turnId, position })
    },
    (reason) => sendError(session, reason, { turnId }),
  )
}

/** In order with the commands: a client may send a message and resume its turn in one breath. */
function resume(session: Session, { turnId, lastDelta }: ClientFrameOf<'resume'>): void {
  session.inOrder(
    () => catchUp(session, turnId, lastDelta),
    (reason) => sendError(session, reason, { turnId }),
  )
}

/** From the live text while it is remembered, then from the record; the read models know how an old turn ended. */
async function catchUp(session: Session, turnId: string, lastDelta: number): Promise<void> {
  const { services, person, clientConversationId, conversationId, relay } = session
  if (relay.resume(turnId, lastDelta)) return
  await services.live.recall(conversationId, turnId)
  if (relay.resume(turnId, lastDelta)) return
  const turn = await services.queries.turn(conversationId, turnId)
  if (turn !== undefined && turn.status !== 'open') return relay.end(terminalFactOf(turn))
  // A turn just accepted may be ahead of the read models: its facts will come.
  const isRecent = services.recentTurns.conversationOf(person.ownerId, turnId) === clientConversationId
  if (turn !== undefined || isRecent) return
  relay.forget(turnId)
  sendError(session, refusal('turn-unknown'), { turnId })
}

function sendError(
  { send }: Pick<Session, 'send'>,
  reason: Refusal,
  about: { readonly turnId?: string; readonly retryAfterMs?: number } = {},
): void {
  const { turnId, retryAfterMs } = about
  const problem = problemOf(reason, retryAfterMs === undefined ? {} : { retryAfterMs })
  send({
    type: 'error',
    code: problem.code,
    message: problem.title,
    ...(problem.retryAfterMs === undefined ? {} : { retryAfterMs: problem.retryAfterMs }),
    ...(turnId === undefined ? {} : { turnId }),
  })
}

/** A bounded queue of commands; a fault of one is told to its sender and does not stop the next. */
function createOrder({ services, clientConversationId }: SocketSessionParts): Session['inOrder'] {
  let last: Promise<void> = Promise.resolve()
  let waiting = 0
  return (work, refuse) => {
    if (waiting >= services.settings.limits.waitingCommandsPerSocketMax)
      return refuse(refusal('too-many-waiting-commands'))
    waiting += 1
    last = last.then(work).catch((error: unknown) => {
      const reason = refusalOfError(error)
      const log = reason.code === 'internal' ? services.logger.error : services.logger.warn
      log({ clientConversationId, error }, 'frame could not be served')
      refuse(reason)
    })
    last = last.then(() => {
      waiting -= 1
    })
  }
}

/** A socket lives no longer than the access token behind it. */
function watchExpiry(parts: SocketSessionParts, timers: Set<NodeJS.Timeout>): void {
  const leftMs = parts.person.expiresAt.getTime() - parts.services.clock().getTime()
  if (leftMs <= 0) parts.close(closeCodes.notSignedIn, 'signed in too long ago')
  else timers.add(setTimeout(() => watchExpiry(parts, timers), Math.min(leftMs, TIMER_MS_MAX)))
}
