/**
 * Lets the next model answer when one does not, and says openly who wrote and who did not.
 *
 * Only until the first word: an answer is one model's text from beginning to end. Over rounds of tool calls, who has
 * begun goes on.
 */
import { Fault } from '../shared/failures.ts'
import type { LanguageModel, MissedModel, ModelName, ModelPart, ModelRequest } from './language-model.ts'
import { modelFault } from './model-failure.ts'
import type { ModelMeter } from './model-meter.ts'

/** Of the time that an answer may take, this share may pass without a word; then the last model has its turn. */
const WAITING_SHARE_MAX = 0.5

/** `models`: in the order in which they are asked; the last is waited for without a limit of its own. */
export function createFallbackChain(
  models: readonly [LanguageModel, ...LanguageModel[]],
  meter: ModelMeter,
): LanguageModel {
  const [{ provider, id }] = models

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelPart> {
    const { candidates, insteadOf } = candidatesFor(request, models)
    const waiting = createWaiting(request.agent.limits.answerTimeoutMs * WAITING_SHARE_MAX)
    try {
      for (const [index, model] of candidates.entries()) {
        const next = candidates[index + 1]
        const fault = yield* one(model, request, insteadOf, {
          signal,
          ...(next !== undefined && { late: waiting.signal }),
          onBegun: waiting.stop,
        })
        if (fault === undefined || next === undefined) return
        insteadOf.push({ provider: model.provider, id: model.id, code: fault.code })
        meter.fellBack(model, next, fault.code)
      }
    } finally {
      waiting.stop()
    }
  }

  return { provider, id, stream }
}

interface Turn {
  readonly signal: AbortSignal
  /** Ends the waiting for its first word; absent when nobody comes after it. */
  readonly late?: AbortSignal
  readonly onBegun: () => void
}

/** Passes on what one model writes. Returns why it did not, when another may; throws when it is too late for that. */
async function* one(
  model: LanguageModel,
  request: ModelRequest,
  insteadOf: readonly MissedModel[],
  { signal, late, onBegun }: Turn,
): AsyncGenerator<ModelPart, Fault | undefined> {
  let isBegun = false
  let isShown = false
  try {
    for await (const part of model.stream(request, late === undefined ? signal : AbortSignal.any([signal, late]))) {
      if (!isBegun) yield { type: 'writer', model: nameOf(model), insteadOf: [...insteadOf] }
      isBegun = true
      onBegun()
      isShown ||= part.type === 'text'
      yield part
    }
    return undefined
  } catch (error) {
    signal.throwIfAborted()
    const fault = modelFault(error)
    // Another model is no way around a filter.
    if (late === undefined || isShown || fault.code === 'model-answer-filtered') throw fault
    return fault
  }
}

/** Who may write: everybody in order; once tools have worked, from who asked for them; once a word was shown, who wrote it. */
function candidatesFor({ rounds = [] }: ModelRequest, models: readonly LanguageModel[]) {
  const begun = rounds.at(-1)?.writer
  if (begun === undefined) return { candidates: models, insteadOf: [] as MissedModel[] }
  const index = models.findIndex(({ provider, id }) => provider === begun.model.provider && id === begun.model.id)
  const isShown = rounds.some(({ text }) => text !== '')
  const candidates = isShown ? models.slice(index, index + 1) : models.slice(index)
  return { candidates, insteadOf: [...begun.insteadOf] }
}

/** Ends when nothing was written for too long; stopped by the first part of an answer. */
function createWaiting(ms: number) {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new Fault('model-first-token-timeout', { waitedMs: ms })), ms)
  return { signal: late.signal, stop: () => clearTimeout(timer) }
}

const nameOf = ({ provider, id }: LanguageModel): ModelName => ({ provider, id })
