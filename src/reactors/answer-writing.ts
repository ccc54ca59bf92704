/** Lets a model write one answer, and says how that ended: completed, failed or stopped; nothing written is lost. */
import {
  type CitationPart,
  estimateTokens,
  type FinishPart,
  type LanguageModel,
  type ModelRequest,
} from '../agents/language-model.ts'
import type { DataOf } from '../events/conversation-events.ts'
import { isFault } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'

/** An answer is cut here, whatever its agent allows: the record has a limit for one append. */
const ANSWER_CHARACTERS_MAX = 100_000

export interface Written {
  readonly text: string
  readonly citations: DataOf<'ResponseCompleted'>['citations']
  readonly firstTokenMs: number
  readonly totalMs: number
}

export type Ending = { readonly written: Written } & (
  | { readonly kind: 'completed'; readonly finish: FinishPart }
  | { readonly kind: 'failed'; readonly code: string; readonly isRetryable: boolean }
  | { readonly kind: 'stopped'; readonly by: string }
)

/** Why a model's work is ended before it is done; the reason of the abort signal. */
export class Interruption extends Error {
  override readonly name = 'Interruption'
  readonly reason: 'stopped' | 'timeout' | 'shutdown' | 'abandoned'
  readonly by: string

  constructor(reason: Interruption['reason'], by = 'system') {
    super(reason)
    this.reason = reason
    this.by = by
  }
}

export interface WritingParts {
  readonly model: LanguageModel
  readonly logger: Logger
  /** Milliseconds that only go forward. */
  readonly elapsedMs: () => number
}

/**
 * Streams the answer, handing on the text written so far after each part. Throws the `Interruption` when it was a
 * shutdown or an abandoned turn: then the turn is somebody else's to end.
 */
export async function writeAnswer(
  { model, logger, elapsedMs }: WritingParts,
  request: ModelRequest,
  abort: AbortController,
  onText: (text: string) => void,
): Promise<Ending> {
  const draft = createDraft(elapsedMs)
  const timer = setTimeout(() => abort.abort(new Interruption('timeout')), request.agent.limits.answerTimeoutMs)
  try {
    for await (const part of model.stream(request, abort.signal)) {
      abort.signal.throwIfAborted()
      if (part.type === 'finish') return { kind: 'completed', written: draft.written(), finish: part }
      if (part.type === 'citation') draft.cite(part)
      if (part.type === 'text') onText(draft.add(part.text))
      if (draft.isFull()) return { kind: 'completed', written: draft.written(), finish: cutShort(request, draft) }
    }
    return { kind: 'failed', written: draft.written(), code: 'model-answer-unfinished', isRetryable: true }
  } catch (error) {
    const reason: unknown = abort.signal.aborted ? abort.signal.reason : error
    if (!(reason instanceof Interruption)) {
      logger.error({ provider: model.provider, model: model.id, error: String(error) }, 'the model failed')
    }
    return { ...endingOf(reason), written: draft.written() }
  } finally {
    clearTimeout(timer)
  }
}

function endingOf(reason: unknown) {
  if (!(reason instanceof Interruption)) {
    return { kind: 'failed', code: isFault(reason) ? reason.code : 'model-failed', isRetryable: true } as const
  }
  if (reason.reason === 'stopped') return { kind: 'stopped', by: reason.by } as const
  if (reason.reason === 'timeout') return { kind: 'failed', code: 'model-timeout', isRetryable: true } as const
  throw reason
}

type Draft = ReturnType<typeof createDraft>

/** What has been written so far, and when its first word came. */
function createDraft(elapsedMs: () => number) {
  const startedMs = elapsedMs()
  const citations: Written['citations'] = []
  let text = ''
  let firstTokenMs: number | undefined
  return {
    add(more: string): string {
      firstTokenMs ??= elapsedMs() - startedMs
      text = (text + more).slice(0, ANSWER_CHARACTERS_MAX)
      return text
    },
    cite({ entryId, title, source }: CitationPart): void {
      citations.push({ entryId, title, source })
    },
    isFull: () => text.length === ANSWER_CHARACTERS_MAX,
    written(): Written {
      const totalMs = elapsedMs() - startedMs
      return { text, citations, firstTokenMs: firstTokenMs ?? totalMs, totalMs }
    },
  }
}

function cutShort(request: ModelRequest, draft: Draft): FinishPart {
  const inputTokens = request.messages.reduce((sum, message) => sum + estimateTokens(message.text), 0)
  return {
    type: 'finish',
    finishReason: 'length',
    usage: { inputTokens, outputTokens: estimateTokens(draft.written().text) },
  }
}
