/**
 * Answers every message exactly once, in the order of its conversation, whoever dies meanwhile.
 *
 * asked ─► routed ─► streaming ─► completed | failed | stopped     (one terminal event; the decider sees to it)
 *
 * The work comes from a queue that delivers until it is acknowledged. A delivery of an ended turn is acknowledged and
 * nothing else; a delivery of an open turn first ends the turns before it.
 */
import type { AgentDefinition } from '../agents/agent-catalogue.ts'
import { type AgentName, isAgentName } from '../agents/agent-name.ts'
import type { AgentTools } from '../agents/agent-tools.ts'
import { recentMessages } from '../agents/conversation-memory.ts'
import type { LanguageModel } from '../agents/language-model.ts'
import type { ToolFinishedPart, ToolStartedPart } from '../agents/tool-loop.ts'
import type { CommandOutcome } from '../commands/command-handler.ts'
import type { ConversationCommandHandler } from '../commands/conversation-handler.ts'
import type { Codec, StoredEvent } from '../events/codec.ts'
import type { DataOf } from '../events/conversation-events.ts'
import { conversationIdFromStream, responseMessageIdOf } from '../events/stream-names.ts'
import { agentFor as agentOfIntent } from '../routing/intents.ts'
import type { RoutingDecision, RoutingInput } from '../routing/routing-decision.ts'
import { assert } from '../shared/assert.ts'
import { isFault } from '../shared/failures.ts'
import type { Uuid } from '../shared/ids.ts'
import type { Logger } from '../shared/logger.ts'
import type { EventReader, WorkQueue } from '../store/event-store.ts'
import { type Ending, Interruption, type WritingTask, writeAnswer } from './answer-writing.ts'
import { type AskedTurn, readAskedTurn } from './conversation-history.ts'
import type { LiveAnswers } from './live-answers.ts'
import { createTurnRecorder, type TurnStep } from './turn-recorder.ts'

export const RESPONDER_GROUP = 'emberlog-responder'
/** Deliveries in hand at once; more than the open turns that one conversation may have, so that none can block the rest. */
const CONCURRENCY_MAX = 64
/** Answers a turn whose recorded agent no longer exists. */
const FALLBACK_AGENT: AgentName = 'support'

export interface ResponderParts {
  readonly queue: WorkQueue
  readonly reader: EventReader
  readonly codec: Codec
  readonly handler: ConversationCommandHandler
  readonly route: (input: RoutingInput) => RoutingDecision
  readonly agentFor: (name: AgentName) => AgentDefinition
  readonly model: LanguageModel
  readonly tools: AgentTools
  readonly live: LiveAnswers
  /** Milliseconds that only go forward, for durations. */
  readonly elapsedMs: () => number
  readonly logger: Logger
}

export interface Responder {
  /** Works until the signal aborts. Answers under way are then left open: after a restart, or on another node, they are answered afresh. */
  readonly run: (signal: AbortSignal) => Promise<void>
  /** Ends the answer if it is being written here, keeping what is written. Undefined when it is not. */
  readonly stop: (conversationId: Uuid, turnId: string, by: string) => Promise<CommandOutcome | undefined>
  /** Ends the model's work for a turn that was stopped elsewhere. */
  readonly abandon: (turnId: string) => void
}

interface Running {
  readonly conversationId: Uuid
  readonly abort: AbortController
  readonly ended: Promise<CommandOutcome | undefined>
}

type Routing = Pick<DataOf<'IntentRouted'>, 'intent' | 'agent' | 'method' | 'confidence'> &
  Pick<RoutingDecision, 'clarify'>

export function createResponder(parts: ResponderParts): Responder {
  const running = new Map<string, Running>()
  const lanes = new Map<string, Promise<void>>()
  const recorder = createTurnRecorder(parts.handler, parts.elapsedMs, parts.logger)

  return {
    async run(signal) {
      const interruptAll = () => {
        for (const { abort } of running.values()) abort.abort(new Interruption('shutdown'))
      }
      signal.addEventListener('abort', interruptAll, { once: true })
      await parts.queue.consume({
        group: RESPONDER_GROUP,
        eventTypes: ['MessageSent', 'ResponseRequested'],
        concurrency: CONCURRENCY_MAX,
        signal,
        handle: (event) => inLane(event.stream, () => answerUpTo(event, signal)),
      })
    },

    async stop(conversationId, turnId, by) {
      const turn = running.get(turnId)
      if (turn === undefined || turn.conversationId !== conversationId) return undefined
      turn.abort.abort(new Interruption('stopped', by))
      return await turn.ended
    },

    abandon(turnId) {
      running.get(turnId)?.abort.abort(new Interruption('abandoned'))
    },
  }

  /** One conversation, one answer at a time. */
  function inLane(stream: string, work: () => Promise<void>): Promise<void> {
    const mine = (lanes.get(stream) ?? Promise.resolve()).then(work, work)
    lanes.set(stream, mine)
    const leave = () => {
      if (lanes.get(stream) === mine) lanes.delete(stream)
    }
    mine.then(leave, leave)
    return mine
  }

  async function answerUpTo(event: StoredEvent, signal: AbortSignal): Promise<void> {
    const asking = await parts.codec.decode(event)
    if (asking.type !== 'MessageSent' && asking.type !== 'ResponseRequested') return
    const { turns, openTurns } = await parts.handler.load(event.stream)
    if (turns.get(asking.data.turnId)?.outcome !== undefined) return
    for (const turnId of [...openTurns]) {
      if (signal.aborted) throw new Interruption('shutdown')
      await answer(event.stream, turnId, signal)
      if (turnId === asking.data.turnId) return
    }
  }

  async function answer(stream: string, turnId: string, signal: AbortSignal): Promise<void> {
    const conversationId = conversationIdFromStream(stream)
    assert(conversationId !== undefined, `not a conversation: ${stream}`)
    const turn = await readAskedTurn(parts.reader, parts.codec, stream, turnId)
    assert(turn !== undefined, `turn ${turnId} is open in ${stream}, but was not asked`)
    parts.logger.debug({ turnId, conversationId }, 'answering a turn')
    const abort = new AbortController()
    const ended = answerTurn(stream, conversationId, turn, abort, signal).catch((error) =>
      failTurn(stream, conversationId, turn, error, signal),
    )
    running.set(turnId, { conversationId, abort, ended: ended.catch(() => undefined) })
    try {
      await ended
      parts.logger.debug({ turnId, conversationId }, 'answered a turn')
    } catch (error) {
      // Stopped elsewhere: that stop is the turn's end, and there is nothing left to do.
      if (!(error instanceof Interruption && error.reason === 'abandoned')) throw error
    } finally {
      running.delete(turnId)
    }
  }

  async function answerTurn(
    stream: string,
    conversationId: Uuid,
    turn: AskedTurn,
    abort: AbortController,
    signal: AbortSignal,
  ): Promise<CommandOutcome> {
    const { turnId } = turn
    const routing = await routeTurn(stream, turn, signal)
    const { intent, agent, method, confidence } = routing
    parts.live.publish(conversationId, { type: 'intent.routed', turnId, intent, agent, method, confidence })

    const definition = parts.agentFor(isAgentName(agent) ? agent : FALLBACK_AGENT)
    const request = {
      agent: definition,
      messages: recentMessages([...turn.history, { role: 'user', text: turn.question }], definition.limits),
      ...(routing.clarify && { routing: { clarify: routing.clarify.map(agentOfIntent) as [AgentName, AgentName] } }),
    }
    const task = { request, turn: toolTurnOf(turn, conversationId) }
    const ending = await writeAnswer(parts, task, abort, {
      onText: (text) => parts.live.publish(conversationId, { type: 'response.progress', turnId, text }),
      onTool: (part) => parts.live.publish(conversationId, toolFactOf(turnId, part)),
    })

    const step = stepOf(turn, agent, ending)
    const outcome = await recorder.record(stream, turn, step, signal)
    if (!outcome.isRepeat) parts.live.publish(conversationId, factOf(step, outcome))
    return outcome
  }

  /** A turn that we cannot answer ends all the same: left open, it would hold up every turn after it. */
  async function failTurn(
    stream: string,
    conversationId: Uuid,
    turn: AskedTurn,
    error: unknown,
    signal: AbortSignal,
  ): Promise<CommandOutcome> {
    if (error instanceof Interruption || isFault(error, 'store-unavailable')) throw error
    const { turnId } = turn
    parts.logger.error({ turnId, error: String(error) }, 'a turn cannot be answered')
    const data = { turnId, code: 'answering-failed', partialText: '', retryable: true }
    const outcome = await recorder.record(stream, turn, { type: 'FailResponse', data }, signal)
    if (!outcome.isRepeat) parts.live.publish(conversationId, factOf({ type: 'FailResponse', data }, outcome))
    return outcome
  }

  /** The first recorded decision stands, also when the turn is answered afresh after a crash. */
  async function routeTurn(stream: string, turn: AskedTurn, signal: AbortSignal): Promise<Routing> {
    const startedMs = parts.elapsedMs()
    const { clarify, ...decision } = parts.route({ text: turn.question, history: turn.history })
    const tookMs = Math.max(0, parts.elapsedMs() - startedMs)
    const recorded = (await parts.handler.load(stream)).turns.get(turn.turnId)?.routing
    if (recorded === undefined) {
      const { candidates, evidence, ...rest } = decision
      const data = { turnId: turn.turnId, ...rest, candidates: [...candidates], evidence: [...evidence], tookMs }
      await recorder.record(stream, turn, { type: 'RouteIntent', data }, signal)
    }
    return { ...(recorded ?? decision), ...(clarify && { clarify }) }
  }

  function stepOf(turn: AskedTurn, agent: string, ending: Ending): Exclude<TurnStep, { type: 'RouteIntent' }> {
    const { turnId } = turn
    const { text, model, toolCalls, usage, firstTokenMs, totalMs, citations, attachments, insteadOf } = ending.written
    const unfinished = { model, ...(toolCalls.length > 0 && { toolCalls }), ...(usage && { usage }) }
    switch (ending.kind) {
      case 'stopped':
        return { type: 'StopResponse', data: { turnId, partialText: text, by: ending.by, ...unfinished } }
      case 'failed':
        return {
          type: 'FailResponse',
          data: { turnId, code: ending.code, partialText: text, retryable: ending.isRetryable, ...unfinished },
        }
      case 'completed': {
        const data = {
          turnId,
          messageId: responseMessageIdOf(turnId),
          parentMessageId: turn.messageId,
          text,
          agent,
          model,
          ...(insteadOf.length > 0 && { insteadOf }),
          finishReason: ending.finishReason,
          toolCalls,
          citations,
          attachments,
          usage: usage ?? { inputTokens: 0, outputTokens: 0, isEstimated: true },
          firstTokenMs,
          totalMs,
        }
        return { type: 'CompleteResponse', data }
      }
    }
  }
}

function toolTurnOf({ turnId, messageId, question, askedBy }: AskedTurn, conversationId: Uuid): WritingTask['turn'] {
  const { ownerId, correlationId, eventId: causationId } = askedBy
  return { ownerId, conversationId, turnId, messageId, question, correlationId, causationId }
}

function toolFactOf(turnId: string, part: ToolStartedPart | ToolFinishedPart) {
  const { tool, number: call } = part
  if (part.type === 'tool-started') return { type: 'tool.started', turnId, tool, call } as const
  return { type: 'tool.finished', turnId, tool, call, outcome: part.outcome, tookMs: part.tookMs } as const
}

function factOf(step: Exclude<TurnStep, { type: 'RouteIntent' }>, outcome: CommandOutcome) {
  const position = String(outcome.position)
  const { turnId } = step.data
  switch (step.type) {
    case 'StopResponse':
      return { type: 'response.stopped', turnId, partialText: step.data.partialText, position } as const
    case 'FailResponse':
      return {
        type: 'response.failed',
        turnId,
        code: step.data.code,
        partialText: step.data.partialText,
        position,
      } as const
    case 'CompleteResponse': {
      const { messageId, text, agent, model, insteadOf, finishReason, usage } = step.data
      return {
        type: 'response.completed',
        turnId,
        messageId,
        text,
        agent,
        model,
        ...(insteadOf && { insteadOf }),
        finishReason,
        usage,
        position,
      } as const
    }
  }
}
