/**
 * Records the steps of a turn, each named after the turn and the attempt: repeated, a step adds nothing. Two attempts never
 * share a name, so that the store does not take the step of one for a repetition of the other's.
 */
import type { CommandOutcome } from '../commands/command-handler.ts'
import type { ConversationCommand } from '../commands/conversation-commands.ts'
import type { ConversationCommandHandler } from '../commands/conversation-handler.ts'
import type { Actor } from '../events/envelope.ts'
import { Fault, isRefusal } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import { pause } from '../shared/waiting.ts'
import type { AskedTurn } from './conversation-history.ts'
import { isPassingFault } from './passing-fault.ts'

/** A written answer waits this long for a store or a vault that is away; after that the turn is delivered again. */
const RECORDING_MS_MAX = 60_000
const RETRY_DELAY_MS = 250

const responderActor: Actor = { kind: 'agent', id: 'responder' }

export interface TurnRecorder {
  /** `isRepeat` of the outcome: another attempt was first, or this one had been recorded. Throws `store-unavailable` or `vault-unavailable` when one stays away, and `turn-not-recorded` when the rules refuse the step. */
  readonly record: (stream: string, turn: AskedTurn, step: TurnStep, attempt: Attempt) => Promise<CommandOutcome>
}

export interface Attempt {
  /** Of one writer at one turn. */
  readonly attemptId: string
  readonly signal: AbortSignal
}

export type TurnStep = Extract<
  ConversationCommand,
  { type: 'RouteIntent' | 'CompleteResponse' | 'FailResponse' | 'StopResponse' }
>

export function createTurnRecorder(
  handler: ConversationCommandHandler,
  elapsedMs: () => number,
  logger: Logger,
): TurnRecorder {
  return {
    async record(stream, turn, step, { attemptId, signal }) {
      const deadlineMs = elapsedMs() + RECORDING_MS_MAX
      for (;;) {
        try {
          return await handle(stream, turn, step, attemptId)
        } catch (error) {
          if (!isPassingFault(error) || signal.aborted || elapsedMs() > deadlineMs) throw error
          logger.warn(
            { turnId: turn.turnId, step: step.type, error: String(error) },
            'what is needed is away, recording again',
          )
          await pause(RETRY_DELAY_MS, signal)
        }
      }
    },
  }

  async function handle(stream: string, turn: AskedTurn, step: TurnStep, attemptId: string): Promise<CommandOutcome> {
    const outcome = await handler.handle(stream, step, {
      commandId: `${step.type}:${turn.turnId}:${attemptId}`,
      actor: responderActor,
      correlationId: turn.askedBy.correlationId,
      causationId: turn.askedBy.eventId,
    })
    if (isRefusal(outcome))
      throw new Fault('turn-not-recorded', { turnId: turn.turnId, step: step.type, refusal: outcome.code })
    return outcome
  }
}
