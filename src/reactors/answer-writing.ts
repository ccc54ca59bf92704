/** Lets a model write one answer, and says how that ended: completed, failed or stopped; nothing written is lost. */
import type { AgentTools, ToolContext } from '../agents/agent-tools.ts'
import type { FinishReason, LanguageModel, ModelRequest } from '../agents/language-model.ts'
import { answerWithTools, type ToolFinishedPart, type ToolStartedPart } from '../agents/tool-loop.ts'
import { isFault } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import { untilAborted } from './prompt-iteration.ts'
import { createWrittenAnswer, type Written } from './written-answer.ts'

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

/**
 * Streams the answer, telling the listener what happens. Throws the `Interruption` when it was a shutdown or an
 * abandoned turn, which is somebody else's to end, or when the answer does not go on from what was shown.
 */
export async function writeAnswer(
  parts: WritingParts,
  { request, turn }: WritingTask,
  abort: AbortController,
  listener: WritingListener,
): Promise<Ending> {
  const { model, logger, elapsedMs } = parts
  const answer = createWrittenAnswer(request, model, elapsedMs)
  const timer = setTimeout(() => abort.abort(new Interruption('timeout')), request.agent.limits.answerTimeoutMs)
  try {
    for await (const part of untilAborted(answerWithTools(parts, request, turn, abort.signal), abort.signal)) {
      abort.signal.throwIfAborted()
      const text = answer.add(part)
      if (text !== undefined) listener.onText(text)
      if (part.type === 'tool-started' || part.type === 'tool-finished') listener.onTool(part)
      if (part.type === 'finish') return finished(answer.written(), part.finishReason)
      if (answer.isFull()) return finished(answer.written(), 'length')
    }
    return { kind: 'failed', written: answer.written(), code: 'model-answer-unfinished', isRetryable: true }
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
