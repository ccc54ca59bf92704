/**
 * Answers every message exactly once, in the order of its conversation, whoever dies meanwhile.
 *
 * asked ─► routed ─► streaming ─► completed | failed | stopped     (one terminal event; the decider sees to it)
 *                      │    ▲
 *                      └────┘  cut off: taken over, from where the draft ends
 *
 * The work comes from a queue that delivers until it is acknowledged. A delivery of an ended turn is acknowledged and
 * nothing else; a delivery of an open turn first ends the turns before it. What a person has been shown of an answer is
 * always the beginning of the text that its terminal event holds (decision record 20).
 */
import type { AgentDefinition } from '../agents/agent-catalogue.ts'
import { type AgentName, isAgentName } from '../agents/agent-name.ts'
import type { AgentTools } from '../agents/agent-tools.ts'
import { recentMessages } from '../agents/conversation-memory.ts'
import type { LanguageModel } from '../agents/language-model.ts'
import type { ToolFinishedPart, ToolStartedPart } from '../agents/tool-loop.ts'
import type { CommandOutcome } from '../commands/command-handler.ts'
import type { Turn } from '../commands/conversation-decider.ts'
import type { ConversationCommandHandler } from '../commands/conversation-handler.ts'
import type { Codec, StoredEvent } from '../events/codec.ts'
import type { DataOf } from '../events/conversation-events.ts'
import { conversationIdFromStream, responseMessageIdOf } from '../events/stream-names.ts'
import { agentFor as agentOfIntent, isIntent } from '../routing/intents.ts'
import { recordedDecision } from '../routing/recorded-decision.ts'
import type { RoutingDecision, RoutingInput } from '../routing/routing-decision.ts'
import { assert } from '../shared/assert.ts'
import { mintId, type Uuid } from '../shared/ids.ts'
import type { Logger } from '../shared/logger.ts'
import { pause } from '../shared/waiting.ts'
import type { EventReader, WorkQueue } from '../store/event-store.ts'
import { createAnswerLanes } from './answer-lanes.ts'
import { type BegunAnswer, beginAnswer, type Ending, Interruption, type WritingTask } from './answer-writing.ts'
import { type AskedTurn, askedTurnOf, readAskedTurn } from './conversation-history.ts'
import type { Draft, DraftAddress, DraftLog } from './draft-log.ts'
import { createDraftWriter, type DraftWriter, emptyDraft } from './draft-writer.ts'
import type { LiveAnswers } from './live-answers.ts'
import { isPassingFault } from './passing-fault.ts'
import { attachmentsFact } from './recorded-facts.ts'
import { createTurnRecorder, type TurnStep } from './turn-recorder.ts'

export const RESPONDER_GROUP = 'emberlog-responder'
/** Deliveries in hand at once, per answer that may be written: a conversation with many open turns does not block the rest. */
const DELIVERIES_PER_ANSWER = 2
const DELIVERIES_MIN = 64
/** A turn that another node took over is looked at again so often, and after a while taken back. */
const TAKEN_OVER_LOOK_MS = 250
const TAKEN_OVER_MS_MAX = 30_000
/** Shorter than what a delivery may take altogether. */
const PASSING_FAULT_MS_MAX = 90_000
const PASSING_FAULT_RETRY_MS = 500
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
  readonly drafts: DraftLog
  readonly settings: ResponderSettings
  /** Told of every turn that this process has ceased to write without ending it. */
  readonly onLeft: (conversationId: string, turnId: string) => void
  /** Milliseconds that only go forward, for durations. */
  readonly elapsedMs: () => number
  readonly logger: Logger
}

export interface ResponderSettings {
  /** An answer that was cut off is written to its end where that is possible word for word, or ended with what is known of it. */
  readonly interruptedTurns: 'answer-again' | 'end-as-failed'
  /** Between two batches of a draft. */
  readonly draftIntervalMs: number
  /** Answers that are written at the same time. */
  readonly answersMax: number
  /** How long answers under way may go on when the process is to stop. */
  readonly drainMs: number
}

export interface Responder {
  /** Works until the signal aborts; then takes nothing new, lets answers under way come to their end within the drain, and
   * leaves the others to another node, or to itself after a restart. */
  readonly run: (signal: AbortSignal) => Promise<void>
  /** Ends the answer if it is being written here, keeping what is written. Undefined when it is not. */
  readonly stop: (conversationId: Uuid, turnId: string, by: string) => Promise<CommandOutcome | undefined>
  /** Ends the model's work for a turn that was stopped elsewhere. */
  readonly abandon: (turnId: string) => void
  readonly isWriting: (turnId: string) => boolean
}

interface Running {
  readonly conversationId: Uuid
  readonly abort: AbortController
  readonly ended: Promise<CommandOutcome | undefined>
}

type Routing = Pick<DataOf<'IntentRouted'>, 'intent' | 'agent' | 'method' | 'confidence' | 'clarify'>

type EndStep = Exclude<TurnStep, { type: 'RouteIntent' }>

interface Writing {
  readonly stream: string
  readonly conversationId: Uuid
  readonly turn: AskedTurn
  /** Tells what is written here from what another node, or this one another time, writes of the same turn. */
  readonly attemptId: string
  readonly abort: AbortController
  readonly signal: AbortSignal
  /** The turn as the record knew it a moment ago; looked up when left out. */
  readonly state?: Turn
  /** As far as people have seen it, or are about to. */
  text: string
}

/** What is known of a turn without a look at the record. */
interface KnownTurn {
  readonly asked?: AskedTurn
  readonly state?: Turn
}

export function createResponder(parts: ResponderParts): Responder {
  const running = new Map<string, Running>()
  const { answersMax, drainMs, draftIntervalMs, interruptedTurns } = parts.settings
  const lanes = createAnswerLanes(answersMax)
  /** What is shown of an answer can be lost with this process only when the next one will write the same. */
  const isExact = parts.model.isReproducible === true && interruptedTurns === 'answer-again'
  const recorder = createTurnRecorder(parts.handler, parts.elapsedMs, parts.logger)

  return {
    async run(signal) {
      const consuming = new AbortController()
      const drain = async () => {
        const ended = Promise.all([...running.values()].map((turn) => turn.ended))
        await Promise.race([ended, pause(drainMs)])
        for (const { abort } of running.values()) abort.abort(new Interruption('shutdown'))
        await Promise.all([...running.values()].map((turn) => turn.ended))
        consuming.abort()
      }
      const drained = new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(drain()), { once: true })
      })
      await parts.queue.consume({
        group: RESPONDER_GROUP,
        eventTypes: ['MessageSent', 'ResponseRequested'],
        concurrency: Math.max(DELIVERIES_MIN, answersMax * DELIVERIES_PER_ANSWER),
        signal: consuming.signal,
        async handle(event) {
          try {
            await lanes.run(event.stream, () => answerWhenPossible(event, signal))
          } catch (error) {
            // Not answered while we drain: it would come straight back, until it counts as poison.
            if (signal.aborted) await drained
            throw error
          }
        },
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

    isWriting: (turnId) => running.has(turnId),
  }

  /** A delivery that is refused too often is parked: what passes by itself is waited for with the delivery in hand. */
  async function answerWhenPossible(event: StoredEvent, signal: AbortSignal): Promise<void> {
    const deadlineMs = parts.elapsedMs() + PASSING_FAULT_MS_MAX
    for (;;) {
      try {
        return await answerUpTo(event, signal)
      } catch (error) {
        if (!isPassingFault(error) || signal.aborted || parts.elapsedMs() > deadlineMs) throw error
        parts.logger.warn({ stream: event.stream, error: String(error) }, 'cannot answer just now, trying again')
        await pause(PASSING_FAULT_RETRY_MS, signal)
      }
    }
  }

  async function answerUpTo(event: StoredEvent, signal: AbortSignal): Promise<void> {
    const asking = await parts.codec.decode(event)
    if (asking.type !== 'MessageSent' && asking.type !== 'ResponseRequested') return
    const { stream } = event
    const { turnId } = asking.data
    // What this process knows is enough for a turn that nobody has touched: if somebody has meanwhile, routing it comes second.
    const known = await parts.handler.load(stream, event.revision)
    const state = known.turns.get(turnId)
    if (known.openTurns.size > 1 || !isNew(state)) return await answerAllUpTo(stream, turnId, signal)
    const asked = askedTurnOf(asking)
    await answer(stream, turnId, signal, { state, ...(asked && { asked }) })
  }

  async function answerAllUpTo(stream: string, turnId: string, signal: AbortSignal): Promise<void> {
    const { turns, openTurns } = await parts.handler.load(stream)
    if (turns.get(turnId)?.outcome !== undefined) return
    for (const openTurnId of [...openTurns]) {
      if (signal.aborted) throw new Interruption('shutdown')
      await answer(stream, openTurnId, signal)
      if (openTurnId === turnId) return
    }
  }

  async function answer(stream: string, turnId: string, signal: AbortSignal, known: KnownTurn = {}): Promise<void> {
    const conversationId = conversationIdFromStream(stream)
    assert(conversationId !== undefined, `not a conversation: ${stream}`)
    const turn = known.asked ?? (await readAskedTurn(parts.reader, parts.codec, stream, turnId))
    assert(turn !== undefined, `turn ${turnId} is open in ${stream}, but was not asked`)
    let state = known.state
    for (let isOver = false; !isOver; isOver ||= await isEnded(stream, turnId, signal)) {
      if (signal.aborted) throw new Interruption('shutdown')
      isOver = await answerHere({ stream, conversationId, turn, signal, ...(state && { state }) })
      state = undefined
    }
  }

  /** False when somebody else has come to write or to end the turn. */
  async function answerHere(asked: Omit<Writing, 'abort' | 'attemptId' | 'text'>): Promise<boolean> {
    const { conversationId } = asked
    const { turnId } = asked.turn
    parts.logger.debug({ turnId, conversationId }, 'answering a turn')
    const abort = new AbortController()
    const writing: Writing = { ...asked, abort, attemptId: mintId(), text: '' }
    const ended = answerTurn(writing).catch((error) => failTurn(writing, error))
    running.set(turnId, { conversationId, abort, ended: ended.catch(() => undefined) })
    try {
      await ended
      parts.logger.debug({ turnId, conversationId }, 'answered a turn')
      return true
    } catch (error) {
      if (error instanceof Interruption && error.reason === 'abandoned') return false
      throw error
    } finally {
      running.delete(turnId)
      parts.onLeft(conversationId, turnId)
    }
  }

  /** Waits a while for a turn that was taken over to be ended. */
  async function isEnded(stream: string, turnId: string, signal: AbortSignal): Promise<boolean> {
    const deadlineMs = parts.elapsedMs() + TAKEN_OVER_MS_MAX
    for (;;) {
      if ((await parts.handler.load(stream)).turns.get(turnId)?.outcome !== undefined) return true
      if (signal.aborted || parts.elapsedMs() > deadlineMs) return false
      await pause(TAKEN_OVER_LOOK_MS, signal)
    }
  }

  async function answerTurn(writing: Writing): Promise<CommandOutcome> {
    const recorded = (await stateOf(writing))?.routing
    if (recorded !== undefined) return await takeOverTurn(writing, recorded)
    const routing = decideRouting(writing)
    // The model begins while the decision is on its way to the record; before it is there nobody sees a word, and no tool is used.
    const recording = recordRouting(writing, routing)
    recording.catch(() => {}) // It is waited for below.
    await onceOnItsWay()
    const begun = beginAnswer(parts, taskOf(writing, routing), writing.abort)
    try {
      const standing = await recording
      if (standing === routing) return await goOn(writing, routing, begun, emptyDraft)
      begun.discard()
      return await takeOverTurn(writing, standing)
    } catch (error) {
      begun.discard()
      throw error
    }
  }

  /** Somebody has routed the turn before, and may have begun to write. */
  async function takeOverTurn(writing: Writing, routing: Routing): Promise<CommandOutcome> {
    tellRouting(writing, routing)
    const draft = await takeOver(addressOf(writing))
    writing.text = draft.text
    if (draft.text !== '' && !isExact) return await interrupted(writing)
    return await goOn(writing, routing, beginAnswer(parts, taskOf(writing, routing), writing.abort), draft)
  }

  async function goOn(writing: Writing, routing: Routing, answer: BegunAnswer, draft: Draft): Promise<CommandOutcome> {
    tellRouting(writing, routing)
    const ending = await write(writing, answer, draft)
    return ending === undefined
      ? await interrupted(writing)
      : await end(writing, stepOf(writing.turn, routing.agent, ending))
  }

  function tellRouting({ conversationId, turn: { turnId } }: Writing, routing: Routing): void {
    const { intent, agent, method, confidence } = routing
    parts.live.publish(conversationId, { type: 'intent.routed', turnId, intent, agent, method, confidence })
  }

  function addressOf({ conversationId, turn: { turnId, askedBy } }: Writing): DraftAddress {
    return { turnId, conversationId, ...askedBy, causationId: askedBy.eventId }
  }

  function taskOf({ conversationId, turn, text }: Writing, routing: Routing): WritingTask {
    const agent = parts.agentFor(isAgentName(routing.agent) ? routing.agent : FALLBACK_AGENT)
    const request = {
      agent,
      messages: recentMessages([...turn.history, { role: 'user', text: turn.question }], agent.limits),
      ...clarification(routing),
      ...(text !== '' && { shownCharacters: text.length }),
    }
    return { request, turn: toolTurnOf(turn, conversationId) }
  }

  /** Undefined when the answer does not go on from what people have seen. */
  async function write(writing: Writing, answer: BegunAnswer, begun: Draft): Promise<Ending | undefined> {
    const { abort, conversationId, turn } = writing
    const draft = draftWriterFor(addressOf(writing), begun, abort)
    try {
      const ending = await answer.goOn({
        onText(text) {
          if (!draft.extend(text)) abort.abort(new Interruption('diverged'))
          else if (text.length > writing.text.length) writing.text = text
        },
        onTool(part) {
          // What tools answer may be another time something else.
          draft.keepFirst()
          parts.live.publish(conversationId, toolFactOf(turn.turnId, part))
        },
      })
      if (ending.kind === 'completed' && ending.written.text.length < begun.text.length) return undefined
      await draft.finish()
      return { ...ending, written: { ...ending.written, text: writing.text } }
    } catch (error) {
      if (!(error instanceof Interruption)) throw error
      // Left to another node, with every word that was shown; unless that node is here already.
      if (error.reason === 'shutdown') await draft.finish()
      else draft.drop()
      if (error.reason === 'diverged') return undefined
      throw error
    }
  }

  /** Makes sure that whoever wrote before can show nothing more, and shows here what was shown elsewhere. */
  async function takeOver(address: DraftAddress): Promise<Draft> {
    const { conversationId, turnId } = address
    for (;;) {
      const begun = await parts.drafts.read(conversationId, turnId)
      if (begun.revision === undefined) return begun
      const fence = { firstDelta: begun.deltas.length + 1, deltas: [], expected: begun.revision, writerId: mintId() }
      const revision = await parts.drafts.append(address, fence)
      if (revision === undefined) continue
      for (const [index, text] of begun.deltas.entries()) {
        parts.live.publish(conversationId, { type: 'response.delta', turnId, delta: index + 1, text })
      }
      parts.logger.info({ turnId, deltas: begun.deltas.length }, 'took an answer over')
      return { ...begun, revision }
    }
  }

  function draftWriterFor(address: DraftAddress, begun: Draft, abort: AbortController): DraftWriter {
    const { conversationId, turnId } = address
    return createDraftWriter({
      log: parts.drafts,
      address,
      begun,
      isShownFirst: isExact,
      intervalMs: draftIntervalMs,
      show: (delta, text) => parts.live.publish(conversationId, { type: 'response.delta', turnId, delta, text }),
      onLost: () => abort.abort(new Interruption('abandoned')),
      elapsedMs: parts.elapsedMs,
      logger: parts.logger,
    })
  }

  /** The answer cannot be written on as it was begun: it ends with what people have seen of it, and may be asked for again. */
  function interrupted(writing: Writing): Promise<CommandOutcome> {
    const { turnId } = writing.turn
    const data = { turnId, code: 'interrupted', partialText: writing.text, retryable: true }
    return end(writing, { type: 'FailResponse', data })
  }

  async function end(writing: Writing, step: EndStep): Promise<CommandOutcome> {
    const { stream, conversationId, turn } = writing
    const outcome = await recorder.record(stream, turn, step, writing)
    if (!outcome.isRepeat) parts.live.publish(conversationId, factOf(step, outcome))
    return outcome
  }

  /** A turn that we cannot answer ends all the same: left open, it would hold up every turn after it. */
  async function failTurn(writing: Writing, error: unknown): Promise<CommandOutcome> {
    if (error instanceof Interruption || isPassingFault(error)) throw error
    const { turnId } = writing.turn
    parts.logger.error({ turnId, error: String(error) }, 'a turn cannot be answered')
    const data = { turnId, code: 'answering-failed', partialText: writing.text, retryable: true }
    return await end(writing, { type: 'FailResponse', data })
  }

  async function stateOf({ stream, turn, state }: Writing): Promise<Turn | undefined> {
    return state ?? (await parts.handler.load(stream)).turns.get(turn.turnId)
  }

  function decideRouting({ turn }: Writing): DataOf<'IntentRouted'> {
    const startedMs = parts.elapsedMs()
    const { question: text, history, chosenIntent: override } = turn
    const decision = parts.route({ text, history, ...(override !== undefined && { override }) })
    const tookMs = Math.max(0, parts.elapsedMs() - startedMs)
    return { turnId: turn.turnId, ...recordedDecision(decision), tookMs }
  }

  /** Resolves with the decision that stands: the first one, also when the turn is answered afresh after a crash. */
  async function recordRouting(writing: Writing, data: DataOf<'IntentRouted'>): Promise<Routing> {
    const { stream, turn } = writing
    const outcome = await recorder.record(stream, turn, { type: 'RouteIntent', data }, writing)
    if (!outcome.isRepeat) return data
    // Somebody else came first: routed it, and may have begun to write, or stopped it.
    const { routing, outcome: ended } = (await parts.handler.load(stream)).turns.get(turn.turnId) ?? {}
    if (routing === undefined || ended !== undefined) throw new Interruption('abandoned')
    return routing
  }

  function stepOf(turn: AskedTurn, agent: string, ending: Ending): EndStep {
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

/** What was sent to the store a moment ago leaves this process before it goes on: asking a model may keep it busy for a while. */
const onceOnItsWay = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Neither routed nor ended. */
function isNew(turn: Turn | undefined): turn is Turn {
  return turn !== undefined && turn.routing === undefined && turn.outcome === undefined
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

/** The two agents to offer, when the router was unsure which. */
function clarification({ clarify = [] }: Routing): { routing: { clarify: [AgentName, AgentName] } } | undefined {
  const [first, second] = clarify.filter(isIntent).map(agentOfIntent)
  return first === undefined || second === undefined ? undefined : { routing: { clarify: [first, second] } }
}

function factOf(step: EndStep, outcome: CommandOutcome) {
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
      const { messageId, text, agent, model, insteadOf, finishReason, usage, attachments } = step.data
      return {
        type: 'response.completed',
        turnId,
        messageId,
        text,
        agent,
        model,
        ...(insteadOf && { insteadOf }),
        ...attachmentsFact(attachments),
        finishReason,
        usage,
        position,
      } as const
    }
  }
}
