/** Records the steps of a turn, each named after the turn, so that a second delivery repeats a step instead of adding to it. */
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
  /** Throws `store-unavailable` or `vault-unavailable` when one stays away, and `turn-not-recorded` when the rules refuse the step. */
  readonly record: (stream: string, turn: AskedTurn, step: TurnStep, signal: AbortSignal) => Promise<CommandOutcome>
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
    async record(stream, turn, step, signal) {
      const deadlineMs = elapsedMs() + RECORDING_MS_MAX
      for (;;) {
        try {
          return await handle(stream, turn, step)
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

  async function handle(stream: string, turn: AskedTurn, step: TurnStep): Promise<CommandOutcome> {
    const outcome = await handler.handle(stream, step, {
      commandId: `${step.type}:${turn.turnId}`,
      actor: responderActor,
      correlationId: turn.askedBy.correlationId,
      causationId: turn.askedBy.eventId,
    })
    if (isRefusal(outcome))
      throw new Fault('turn-not-recorded', { turnId: turn.turnId, step: step.type, refusal: outcome.code })
    return outcome
  }
}
