/** Decides what a wish adds to a conversation: pure, so that every rule of a chat can be read and tested here. */
import type { ConversationEvent, DataOf } from '../events/conversation-events.ts'
import { responseMessageIdOf } from '../events/stream-names.ts'
import { assertNever } from '../shared/assert.ts'
import type { ConversationCommand } from './conversation-commands.ts'
import { accept, type Decider, type Decision, nothing, refuse } from './decision.ts'
import { refusalOfNote, refusalOfText, refusalOfTitle } from './message-rules.ts'

/** Turns of one conversation that may wait for their answer at the same time. */
export const OPEN_TURNS_MAX = 20

export type TurnOutcome = 'completed' | 'failed' | 'stopped'

export interface Turn {
  readonly turnId: string
  /** The person's message that the turn answers. */
  readonly messageId: string
  /** Undefined while the turn is open. */
  readonly outcome?: TurnOutcome
  readonly routing?: Pick<DataOf<'IntentRouted'>, 'intent' | 'agent' | 'method' | 'confidence' | 'clarify'>
  /** What it was really about, as somebody said last; `isOwn` when that was the person. */
  readonly correction?: { readonly intent: string; readonly isOwn: boolean }
}

export interface Message {
  readonly messageId: string
  readonly role: 'user' | 'assistant'
  readonly turnId: string
  readonly rating?: 'up' | 'down'
}

// absent ─► open ⇄ archived
//             └──► deleted ─► (restored: open or archived, as it was)
export interface Conversation {
  status: 'absent' | 'open' | 'archived' | 'deleted'
  /** Undefined while absent. */
  ownerId: string | undefined
  statusBeforeDeletion: 'open' | 'archived'
  title: string | undefined
  /** Where a message that names no parent goes on. */
  lastMessageId: string | undefined
  readonly messages: Map<string, Message>
  readonly turns: Map<string, Turn>
  /** Turns without a terminal event, oldest first. */
  readonly openTurns: Set<string>
}

export const conversationDecider: Decider<Conversation, ConversationCommand> = { initialState, evolve, decide }

function initialState(): Conversation {
  return {
    status: 'absent',
    ownerId: undefined,
    statusBeforeDeletion: 'open',
    title: undefined,
    lastMessageId: undefined,
    messages: new Map(),
    turns: new Map(),
    openTurns: new Set(),
  }
}

function decide(command: ConversationCommand, state: Conversation): Decision {
  switch (command.type) {
    case 'StartConversation':
      return startConversation(command.data, state)
    case 'SendMessage':
      return sendMessage(command.data, state)
    case 'RequestResponse':
      return requestResponse(command.data, state)
    case 'RouteIntent':
      return routeIntent(command.data, state)
    case 'CompleteResponse':
      return endTurn({ type: 'ResponseCompleted', data: command.data }, state)
    case 'FailResponse':
      return endTurn({ type: 'ResponseFailed', data: command.data }, state)
    case 'StopResponse':
      return endTurn({ type: 'ResponseStopped', data: command.data }, state)
    case 'CorrectIntent':
      return correctIntent(command.data, state)
    case 'RateResponse':
      return rateResponse(command.data, state)
    case 'RenameConversation':
      return renameConversation(command.data, state)
    case 'ArchiveConversation':
      return changeStatus('open', { type: 'ConversationArchived', data: {} }, state)
    case 'UnarchiveConversation':
      return changeStatus('archived', { type: 'ConversationUnarchived', data: {} }, state)
    case 'DeleteConversation':
      if (state.status === 'absent') return refuse('conversation-unknown')
      return state.status === 'deleted' ? nothing : accept({ type: 'ConversationDeleted', data: {} })
    case 'RestoreConversation':
      if (state.status === 'absent') return refuse('conversation-unknown')
      return state.status === 'deleted' ? accept({ type: 'ConversationRestored', data: {} }) : nothing
    default:
      return assertNever(command)
  }
}

function startConversation(data: DataOf<'ConversationStarted'>, state: Conversation): Decision {
  if (state.status === 'deleted') return refuse('conversation-deleted', 'Restore the conversation to go on with it.')
  if (state.status !== 'absent') return nothing
  const objection = data.title === undefined ? undefined : refusalOfTitle(data.title)
  return objection ?? accept({ type: 'ConversationStarted', data })
}

function sendMessage(
  { start, ...message }: Extract<ConversationCommand, { type: 'SendMessage' }>['data'],
  state: Conversation,
): Decision {
  const known = state.messages.get(message.messageId)
  if (known?.role === 'user') return nothing // A retry is not news, whatever else has changed since.
  if (known !== undefined) return refuse('message-id-taken', 'This id belongs to a message of the assistant.')
  if (state.status === 'deleted') return refuse('conversation-deleted', 'Restore the conversation to go on with it.')
  const objection = refusalOfText(message.text)
  if (objection !== undefined) return objection
  if (message.parentMessageId !== undefined && !state.messages.has(message.parentMessageId))
    return refuse('parent-unknown')
  if (state.openTurns.size >= OPEN_TURNS_MAX) {
    return refuse('too-many-open-turns', `At most ${OPEN_TURNS_MAX} messages may wait for an answer.`)
  }
  const parentMessageId = message.parentMessageId ?? state.lastMessageId
  const sent: ConversationEvent = {
    type: 'MessageSent',
    data: parentMessageId === undefined ? message : { ...message, parentMessageId },
  }
  if (state.status === 'absent') return accept({ type: 'ConversationStarted', data: start }, sent)
  if (state.status === 'archived') return accept({ type: 'ConversationUnarchived', data: {} }, sent)
  return accept(sent)
}

function requestResponse(data: DataOf<'ResponseRequested'>, state: Conversation): Decision {
  if (state.turns.has(data.turnId)) return nothing
  if (state.status === 'deleted') return refuse('conversation-deleted', 'Restore the conversation to go on with it.')
  if (state.messages.get(data.parentMessageId)?.role !== 'user') return refuse('message-unknown')
  const isWaiting = [...state.openTurns].some((turnId) => state.turns.get(turnId)?.messageId === data.parentMessageId)
  if (isWaiting) return refuse('turn-in-progress', 'This message is being answered already.')
  return accept({ type: 'ResponseRequested', data })
}

function routeIntent(data: DataOf<'IntentRouted'>, state: Conversation): Decision {
  const turn = state.turns.get(data.turnId)
  if (turn === undefined) return refuse('turn-unknown')
  // The first decision stands: a second delivery of the same message may not route it elsewhere.
  return turn.routing !== undefined || turn.outcome !== undefined ? nothing : accept({ type: 'IntentRouted', data })
}

/** A corrected turn is answered once more, by the agent of the corrected intent, when that is asked for. */
function correctIntent(
  { rerouteTo, ...data }: Extract<ConversationCommand, { type: 'CorrectIntent' }>['data'],
  state: Conversation,
): Decision {
  const turn = state.turns.get(data.turnId)
  if (turn === undefined) return refuse('turn-unknown')
  const objection = refusalOfNote(data.note)
  if (objection !== undefined) return objection
  const corrected = { type: 'IntentCorrected', data } as const
  if (data.as === 'analyst') return correctForAnalyst(corrected, turn)
  if (rerouteTo === undefined) return accept(corrected)
  const request = requestResponse({ turnId: rerouteTo, parentMessageId: turn.messageId, intent: data.intent }, state)
  return 'kind' in request && request.kind === 'accept' ? accept(corrected, ...request.events) : request
}

/** What the person said of their own message stands; what another analyst said may be corrected. */
function correctForAnalyst(
  corrected: Extract<ConversationEvent, { type: 'IntentCorrected' }>,
  { correction }: Turn,
): Decision {
  if (correction?.isOwn === true) return refuse('intent-corrected-by-person')
  return correction?.intent === corrected.data.intent ? nothing : accept(corrected)
}

/** A turn ends once; whoever comes second finds nothing to add. */
function endTurn(event: ConversationEvent & { data: { turnId: string } }, state: Conversation): Decision {
  const turn = state.turns.get(event.data.turnId)
  if (turn === undefined) return refuse('turn-unknown')
  return turn.outcome === undefined ? accept(event) : nothing
}

function rateResponse(data: DataOf<'ResponseRated'>, state: Conversation): Decision {
  const message = state.messages.get(data.messageId)
  if (message?.role !== 'assistant') return refuse('message-unknown')
  const objection = refusalOfNote(data.note)
  if (objection !== undefined) return objection
  const isSame = (message.rating ?? 'none') === data.rating && data.note === undefined
  return isSame ? nothing : accept({ type: 'ResponseRated', data })
}

function renameConversation(data: DataOf<'ConversationRenamed'>, state: Conversation): Decision {
  if (state.status === 'absent' || state.status === 'deleted') return refuse('conversation-unknown')
  const objection = refusalOfTitle(data.title)
  if (objection !== undefined) return objection
  return state.title === data.title ? nothing : accept({ type: 'ConversationRenamed', data })
}

function changeStatus(from: 'open' | 'archived', event: ConversationEvent, state: Conversation): Decision {
  if (state.status === 'absent' || state.status === 'deleted') return refuse('conversation-unknown')
  return state.status === from ? accept(event) : nothing
}

/** The person whose conversation it is, or becomes with these events. */
export function ownerOf({ ownerId }: Conversation, events: readonly ConversationEvent[]): string | undefined {
  const [first] = events
  return ownerId ?? (first?.type === 'ConversationStarted' ? first.data.ownerId : undefined)
}

/** Changes the state in place: a long conversation is folded in time that grows with its length, not with its square. */
function evolve(state: Conversation, event: ConversationEvent): Conversation {
  switch (event.type) {
    case 'ConversationStarted':
      state.status = 'open'
      state.ownerId = event.data.ownerId
      state.title = event.data.title
      break
    case 'MessageSent':
      openTurn(state, event.data.turnId, event.data.messageId)
      state.messages.set(event.data.messageId, {
        messageId: event.data.messageId,
        role: 'user',
        turnId: event.data.turnId,
      })
      state.lastMessageId = responseMessageIdOf(event.data.turnId)
      break
    case 'ResponseRequested':
      openTurn(state, event.data.turnId, event.data.parentMessageId)
      state.lastMessageId = responseMessageIdOf(event.data.turnId)
      break
    case 'IntentRouted': {
      const { turnId, intent, agent, method, confidence, clarify } = event.data
      changeTurn(state, turnId, { routing: { intent, agent, method, confidence, ...(clarify && { clarify }) } })
      break
    }
    case 'ResponseCompleted':
      changeTurn(state, event.data.turnId, { outcome: 'completed' })
      break
    case 'ResponseFailed':
      changeTurn(state, event.data.turnId, { outcome: 'failed' })
      break
    case 'ResponseStopped':
      changeTurn(state, event.data.turnId, { outcome: 'stopped' })
      break
    case 'ResponseRated':
      changeRating(state, event.data)
      break
    case 'ConversationRenamed':
      state.title = event.data.title
      break
    case 'ConversationArchived':
      state.status = 'archived'
      break
    case 'ConversationUnarchived':
      state.status = 'open'
      break
    case 'ConversationDeleted':
      state.statusBeforeDeletion = state.status === 'archived' ? 'archived' : 'open'
      state.status = 'deleted'
      break
    case 'ConversationRestored':
      state.status = state.statusBeforeDeletion
      break
    case 'ConversationExpired':
      state.title = undefined
      break
    case 'IntentCorrected': {
      const { turnId, intent, as } = event.data
      changeTurn(state, turnId, { correction: { intent, isOwn: as === undefined } })
      break
    }
    default:
      assertNever(event)
  }
  return state
}

/** The assistant's message has its id from the start, so that a message sent meanwhile can follow it. */
function openTurn(state: Conversation, turnId: string, messageId: string): void {
  const responseId = responseMessageIdOf(turnId)
  state.turns.set(turnId, { turnId, messageId })
  state.openTurns.add(turnId)
  state.messages.set(responseId, { messageId: responseId, role: 'assistant', turnId })
}

function changeTurn(state: Conversation, turnId: string, change: Partial<Turn>): void {
  const turn = state.turns.get(turnId)
  if (turn === undefined) return
  state.turns.set(turnId, { ...turn, ...change })
  if (change.outcome !== undefined) state.openTurns.delete(turnId)
}

function changeRating(state: Conversation, { messageId, rating }: DataOf<'ResponseRated'>): void {
  const message = state.messages.get(messageId)
  if (message === undefined) return
  const { rating: _before, ...unrated } = message
  state.messages.set(messageId, rating === 'none' ? unrated : { ...unrated, rating })
}
