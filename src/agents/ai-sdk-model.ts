/**
 * A hosted model, over the Vercel AI SDK: asks it once and hands out what it writes, in bounded time.
 *
 * asked ─► (connecting) ─► first part ─► parts, never too far apart ─► finish
 *             └── firstTokenTimeoutMs ──┘        idleTimeoutMs
 *
 * Asking again, asking another model and counting are others' work (steady-model.ts, fallback-chain.ts). The libraries are
 * loaded with the first question, so that a program that never asks one neither waits for them nor holds them.
 */
import type { TextStreamPart, ToolSet } from 'ai'
import { z } from 'zod'
import { Fault } from '../shared/failures.ts'
import { untilAborted } from '../shared/waiting.ts'
import type { ToolDefinition } from './agent-catalogue.ts'
import { loadAiSdkModel } from './ai-sdk-provider.ts'
import {
  estimateTokens,
  type FinishPart,
  type LanguageModel,
  type ModelPart,
  type ModelRequest,
  type ToolCallPart,
  type Usage,
} from './language-model.ts'
import { modelFault } from './model-failure.ts'
import { promptMessages } from './model-prompt.ts'
import type { ModelReference } from './model-reference.ts'

export interface AiSdkModelOptions {
  readonly reference: ModelReference
  readonly connectTimeoutMs: number
  readonly firstTokenTimeoutMs: number
  readonly idleTimeoutMs: number
  /** Tokens beyond an agent's limit, for models that think before they write. */
  readonly thinkingTokensMax: number
}

export interface HostedModel extends LanguageModel {
  /** Ends all connections. */
  readonly close: () => Promise<void>
}

export function createAiSdkModel(options: AiSdkModelOptions): HostedModel {
  const { provider, id } = options.reference
  let loading: ReturnType<typeof load> | undefined

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelPart> {
    signal.throwIfAborted()
    const call = new AbortController()
    const ended = AbortSignal.any([signal, call.signal])
    const watch = createWatch(call, options)
    try {
      loading ??= load(options)
      const { sdk, model } = await untilAborted(loading, ended)
      const { tools, toolChoice } = toolsOf(request, sdk)
      const { stream: parts } = sdk.streamText({
        model,
        instructions: request.agent.systemPrompt,
        messages: promptMessages(request),
        ...(tools && { tools, toolChoice }),
        maxOutputTokens: request.agent.limits.outputTokensMax + options.thinkingTokensMax,
        maxRetries: 0,
        abortSignal: ended,
        onError: () => {}, // Without it the library prints the error, prompt and all.
      })
      yield* readParts(parts, request, { ended, onSign: watch.onSign })
    } catch (error) {
      signal.throwIfAborted() // The reason itself, rather than what the library makes of it.
      throw modelFault(call.signal.aborted ? call.signal.reason : error)
    } finally {
      watch.stop()
      call.abort(new Fault('model-failed')) // Whoever stops reading stops the writing.
    }
  }

  return {
    provider,
    id,
    stream,
    close: async () => (await loading?.catch(() => undefined))?.transport.close(),
  }
}

async function load({ reference, connectTimeoutMs }: AiSdkModelOptions) {
  const [sdk, { createModelTransport }] = await Promise.all([import('ai'), import('./model-transport.ts')])
  // The library would print warnings of its own.
  Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false })
  const transport = createModelTransport({ connectTimeoutMs })
  return { sdk, transport, model: await loadAiSdkModel(reference, transport.fetch) }
}

interface Watch {
  /** A sign of life: from the first one on, the next must not be too far. */
  readonly onSign: () => void
  readonly stop: () => void
}

function createWatch(call: AbortController, { firstTokenTimeoutMs, idleTimeoutMs }: AiSdkModelOptions): Watch {
  const after = (ms: number, code: string) => setTimeout(() => call.abort(new Fault(code, { waitedMs: ms })), ms)
  let timer = after(firstTokenTimeoutMs, 'model-first-token-timeout')
  return {
    onSign() {
      clearTimeout(timer)
      timer = after(idleTimeoutMs, 'model-stalled')
    },
    stop: () => clearTimeout(timer),
  }
}

type SdkPart = TextStreamPart<ToolSet>

/** What counts as a sign of life: something of the answer itself, its thoughts included. */
const signs = new Set<SdkPart['type']>([
  'text-delta',
  'reasoning-delta',
  'tool-input-start',
  'tool-input-delta',
  'tool-call',
])

async function* readParts(
  parts: AsyncIterable<SdkPart>,
  request: ModelRequest,
  { ended, onSign }: { readonly ended: AbortSignal; readonly onSign: () => void },
): AsyncGenerator<ModelPart> {
  const answer = createAnswerReading(request)
  const iterator = parts[Symbol.asyncIterator]()
  for (;;) {
    const { done, value: part } = await untilAborted(iterator.next(), ended)
    if (done === true) throw new Fault('model-answer-unfinished')
    if (signs.has(part.type)) onSign()
    switch (part.type) {
      case 'text-delta': {
        const text = answer.take(part.text)
        if (text !== '') yield { type: 'text', text }
        if (answer.isFull()) return yield answer.cut()
        break
      }
      case 'tool-call':
        answer.calls.push(callOf(part))
        break
      case 'error':
        throw part.error
      case 'finish-step':
        yield* answer.end(part)
        return
    }
  }
}

/** Follows one answer; calls are held back until its end, so that an answer that breaks off has called nothing. */
function createAnswerReading(request: ModelRequest) {
  const calls: ToolCallPart[] = []
  let charactersLeft = request.agent.limits.outputCharactersMax - written(request)
  let text = ''
  let heldBack = ''

  const usage = (counted: Partial<{ inputTokens: number | undefined; outputTokens: number | undefined }>): Usage => {
    const { inputTokens, outputTokens } = counted
    if (inputTokens !== undefined && outputTokens !== undefined) return { inputTokens, outputTokens }
    const estimate = { inputTokens: estimatedInput(request), outputTokens: estimateTokens(text) }
    return {
      inputTokens: inputTokens ?? estimate.inputTokens,
      outputTokens: outputTokens ?? estimate.outputTokens,
      isEstimated: true,
    }
  }

  return {
    calls,
    /** Takes as much as the agent's limit allows; white space waits for a word, since alone it is no answer. */
    take(more: string): string {
      const taken = heldBack + more.slice(0, Math.max(0, charactersLeft))
      charactersLeft -= more.length
      heldBack = text === '' && taken.trim() === '' ? taken : ''
      const shown = heldBack === '' ? taken : ''
      text += shown
      return shown
    },
    isFull: () => charactersLeft < 0,
    cut: (): FinishPart => ({ type: 'finish', finishReason: 'length', usage: usage({}) }),
    *end(part: Extract<SdkPart, { type: 'finish-step' }>): Generator<ModelPart> {
      // A stream that just ends has no reason of its own; the library then makes one up.
      const { finishReason } = part
      if (part.rawFinishReason === undefined || finishReason === 'interrupted')
        throw new Fault('model-answer-unfinished')
      const isEmpty = text === '' && calls.length === 0
      if (isEmpty && finishReason === 'content-filter') throw new Fault('model-answer-filtered')
      if (isEmpty) throw new Fault('model-answer-empty', { finishReason })
      yield* calls
      yield { type: 'finish', finishReason, usage: usage(part.usage) }
    },
  }
}

function callOf(part: Extract<SdkPart, { type: 'tool-call' }>): ToolCallPart {
  const call = { type: 'tool-call' as const, toolCallId: part.toolCallId, tool: part.toolName, arguments: part.input }
  return part.providerMetadata === undefined ? call : { ...call, opaque: part.providerMetadata }
}

/** Models are told the schemas; whether a call fits is judged by the tool loop alone. */
function toolsOf({ agent, isLastRound }: ModelRequest, sdk: typeof import('ai')) {
  if (agent.tools.length === 0) return {}
  const schemaOf = ({ parameters }: ToolDefinition) =>
    sdk.jsonSchema(z.toJSONSchema(parameters, { io: 'input' }) as object)
  const entries = agent.tools.map((definition) => {
    const { name, description } = definition
    return [name, sdk.tool({ description, inputSchema: schemaOf(definition) })] as const
  })
  const tools: ToolSet = Object.fromEntries(entries)
  return { tools, toolChoice: isLastRound === true ? ('none' as const) : ('auto' as const) }
}

function written({ rounds = [] }: ModelRequest): number {
  return rounds.reduce((sum, { text }) => sum + text.length, 0)
}

function estimatedInput({ agent, messages, rounds = [] }: ModelRequest): number {
  const said = messages.reduce((sum, { text }) => sum + estimateTokens(text), 0)
  const tools = rounds.length === 0 ? 0 : estimateTokens(JSON.stringify(rounds))
  return estimateTokens(agent.systemPrompt) + said + tools
}
