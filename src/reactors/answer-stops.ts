/**
 * Stops an answer wherever it is written: the node that writes it ends it, so that nothing is lost of what people have seen.
 *
 * written here ─► ended here
 * elsewhere    ─► asked of that node, which hears it at once ─► ended there
 * by nobody    ─► ended here, with the text of its draft
 */
import type { ConversationGateway, Outcome, Request } from '../commands/conversation-gateway.ts'
import type { ConversationCommandHandler } from '../commands/conversation-handler.ts'
import { type Codec, writtenVersion } from '../events/codec.ts'
import { conversationIdOf, conversationStream, STOP_REQUESTS_STREAM } from '../events/stream-names.ts'
import type { Clock } from '../shared/clock.ts'
import { isRefusal } from '../shared/failures.ts'
import { mintId, type Uuid } from '../shared/ids.ts'
import { pause } from '../shared/waiting.ts'
import type { EventStore } from '../store/event-store.ts'
import { DRAFT_MAX_AGE_S, type DraftLog } from './draft-log.ts'
import type { LiveAnswers } from './live-answers.ts'
import type { Responder } from './responder.ts'

/** A node that lives answers to a stop within milliseconds; of one that does not, the draft is all there is. */
const ELSEWHERE_MS_MAX = 1_000
/** How often a draft that somebody still writes is read anew before the stop is left to its writer. */
const FENCES_MAX = 5

export interface AnswerStopsParts {
  readonly gateway: ConversationGateway
  readonly handler: ConversationCommandHandler
  readonly responder: Pick<Responder, 'stop'>
  readonly live: Pick<LiveAnswers, 'listen'>
  readonly drafts: DraftLog
  readonly store: Pick<EventStore, 'append' | 'setStreamMaxAge'>
  readonly codec: Codec
  readonly clock: Clock
}

/** The gateway with a stop that knows where answers are written. */
export function withAnswerStops(parts: AnswerStopsParts): ConversationGateway {
  const { gateway, handler, responder, live, drafts } = parts
  let isAged = false

  return {
    ...gateway,
    async stop(request, wish) {
      const conversationId = conversationIdOf(request.ownerId, request.clientConversationId)
      const stopped = await responder.stop(conversationId, wish.turnId, request.ownerId)
      if (stopped !== undefined) return { kind: 'accepted', conversationId, position: stopped.position }
      const turn = await openTurn(conversationId, wish.turnId)
      // Before it is routed nobody writes it; after its end a stop changes nothing.
      if (turn?.routing === undefined) return await gateway.stop(request, wish)
      await askElsewhere(request, conversationId, wish.turnId)
      return await stopHere(request, conversationId, wish.turnId)
    },
  }

  async function openTurn(conversationId: Uuid, turnId: string) {
    const turn = (await handler.load(conversationStream(conversationId))).turns.get(turnId)
    return turn?.outcome === undefined ? turn : undefined
  }

  /** Resolves when the turn has ended, or when nobody has ended it in time. */
  async function askElsewhere({ ownerId }: Request, conversationId: Uuid, turnId: string): Promise<void> {
    const waiting = new AbortController()
    const stopListening = live.listen(conversationId, (fact) => {
      const isEnd = /^response\.(completed|failed|stopped)$/.test(fact.type)
      if (isEnd && fact.turnId === turnId) waiting.abort()
    })
    try {
      if (!isAged) await parts.store.setStreamMaxAge(STOP_REQUESTS_STREAM, DRAFT_MAX_AGE_S)
      isAged = true
      await requestStop(conversationId, turnId, ownerId)
      await pause(ELSEWHERE_MS_MAX, waiting.signal)
    } finally {
      stopListening()
    }
  }

  async function requestStop(conversationId: Uuid, turnId: string, by: string): Promise<void> {
    const commandId = mintId()
    const envelope = {
      schemaVersion: writtenVersion('StopRequested'),
      occurredAt: parts.clock().toISOString(),
      actor: { kind: 'user', id: by } as const,
      $correlationId: turnId,
      $causationId: commandId,
      commandId,
    }
    const event = { type: 'StopRequested', data: { turnId, conversationId, by } } as const
    const encoded = await parts.codec.encode(STOP_REQUESTS_STREAM, event, envelope, { index: 0, person: by })
    await parts.store.append(STOP_REQUESTS_STREAM, [encoded], 'any')
  }

  /** Accepted without effect when the turn has ended meanwhile. */
  async function stopHere(request: Request, conversationId: Uuid, turnId: string): Promise<Outcome> {
    const turn = await openTurn(conversationId, turnId)
    if (turn === undefined) return await gateway.stop(request, { turnId })
    const partialText = await closeDraft(request.ownerId, conversationId, turnId)
    const command = { type: 'StopResponse', data: { turnId, partialText, by: request.ownerId } } as const
    const commandId = request.commandId ?? mintId()
    const outcome = await handler.handle(conversationStream(conversationId), command, {
      ...{ commandId, correlationId: turnId, causationId: commandId },
      actor: { kind: 'user', id: request.ownerId },
    })
    return isRefusal(outcome) ? outcome : { kind: 'accepted', conversationId, position: outcome.position }
  }

  /** The draft's text, once nobody can add to it. */
  async function closeDraft(ownerId: string, conversationId: Uuid, turnId: string): Promise<string> {
    const address = { turnId, conversationId, ownerId, correlationId: turnId, causationId: turnId }
    for (let tries = 0; ; tries += 1) {
      const { deltas, text, revision } = await drafts.read(conversationId, turnId)
      if (revision === undefined || tries === FENCES_MAX) return text
      const fence = { firstDelta: deltas.length + 1, deltas: [], expected: revision, writerId: mintId() }
      if ((await drafts.append(address, fence)) !== undefined) return text
    }
  }
}
