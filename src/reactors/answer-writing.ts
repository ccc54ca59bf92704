/** Lets a model write one answer, and says how that ended: completed, failed or stopped; nothing written is lost. */
import type { AgentTools, ToolContext } from '../agents/agent-tools.ts'
import type { FinishReason, LanguageModel, ModelRequest } from '../agents/language-model.ts'
import { type AnswerPart, answerWithTools, type ToolFinishedPart, type ToolStartedPart } from '../agents/tool-loop.ts'
import { isFault } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import { begunAtOnce, untilAborted } from './prompt-iteration.ts'
import { createWrittenAnswer, type Written, type WrittenAnswer } from './written-answer.ts'

export type Ending = { readonly written: Written } & (
  | { readonly kind: 'completed'; readonly finishReason: FinishReason }
  | { readonly kind: 'failed'; readonly code: string; readonly isRetryable: boolean }
  | { readonly kind: 'stopped'; readonly by: string }
)

/** Why a model's work is ended before it is done; the reason of the abort signal. */
export class Interruption extends Error {
  override readonly name = 'Interruption'
  readonly reason: 'stopped' | 'timeout' | 'shutdown' | 'abandoned' | 'diverged'
  readonly by: string

  constructor(reason: Interruption['reason'], by = 'system') {
    super(reason)
    this.reason = reason
    this.by = by
  }
}

export interface WritingParts {
  readonly model: LanguageModel
  readonly tools: AgentTools
  readonly logger: Logger
  /** Milliseconds that only go forward. */
  readonly elapsedMs: () => number
}

export interface WritingTask {
  readonly request: ModelRequest
  /** For whom the agent's tools work. */
  readonly turn: Omit<ToolContext, 'agent'>
}

export interface WritingListener {
  /** Told the text written so far after each part that adds to it. */
  readonly onText: (text: string) => void
  readonly onTool: (part: ToolStartedPart | ToolFinishedPart) => void
}

/** An answer that the model has begun to write, and of which nobody has been told yet. */
export interface BegunAnswer {
  /**
   * Streams the answer to its end, telling the listener what happens. Throws the `Interruption` when it was a shutdown or an
   * abandoned turn, which is somebody else's to end, or when the answer does not go on from what was shown.
   */
  readonly goOn: (listener: WritingListener) => Promise<Ending>
  /** Ends the model's work; nothing of it is wanted. */
  readonly discard: () => void
}

/** Asks the model at once; it comes as far as its first part. No tool is used before somebody listens. */
export function beginAnswer(parts: WritingParts, { request, turn }: WritingTask, abort: AbortController): BegunAnswer {
  const { model, logger, elapsedMs } = parts
  const discarded = new AbortController()
  const signal = AbortSignal.any([abort.signal, discarded.signal])
  const answer = createWrittenAnswer(request, model, elapsedMs)
  const iterated = untilAborted(answerWithTools(parts, request, turn, signal), signal)
  const begun = begunAtOnce(iterated)

  return {
    async goOn(listener) {
      const timer = setTimeout(() => abort.abort(new Interruption('timeout')), request.agent.limits.answerTimeoutMs)
      try {
        return await listenTo(begun, { answer, signal: abort.signal, listener })
      } catch (error) {
        const reason: unknown = abort.signal.aborted ? abort.signal.reason : error
        const written = answer.written()
        if (!(reason instanceof Interruption)) {
          logger.error({ ...written.model, error: String(error) }, 'the model failed')
        }
        return { ...endingOf(reason), written }
      } finally {
        clearTimeout(timer)
      }
    },

    discard() {
      discarded.abort(new Interruption('abandoned'))
      iterated.return(undefined).catch(() => {})
    },
  }
}

async function listenTo(
  parts: AsyncIterable<AnswerPart>,
  { answer, signal, listener }: { answer: WrittenAnswer; signal: AbortSignal; listener: WritingListener },
): Promise<Ending> {
  for await (const part of parts) {
    signal.throwIfAborted()
    const text = answer.add(part)
    if (text !== undefined) listener.onText(text)
    if (part.type === 'tool-started' || part.type === 'tool-finished') listener.onTool(part)
    if (part.type === 'finish') return finished(answer.written(), part.finishReason)
    if (answer.isFull()) return finished(answer.written(), 'length')
  }
  return { kind: 'failed', written: answer.written(), code: 'model-answer-unfinished', isRetryable: true }
}

/** Nothing at all is no answer, whatever the model says. */
function finished(written: Written, finishReason: FinishReason): Ending {
  if (written.text.trim() !== '' || written.attachments.length > 0) return { kind: 'completed', written, finishReason }
  return { kind: 'failed', written, code: 'model-answer-empty', isRetryable: true }
}

function endingOf(reason: unknown) {
  if (!(reason instanceof Interruption)) {
    return { kind: 'failed', code: isFault(reason) ? reason.code : 'model-failed', isRetryable: true } as const
  }
  if (reason.reason === 'stopped') return { kind: 'stopped', by: reason.by } as const
  if (reason.reason === 'timeout') return { kind: 'failed', code: 'model-timeout', isRetryable: true } as const
  throw reason
}
