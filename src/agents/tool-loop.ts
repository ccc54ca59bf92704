/**
 * Lets a model use its agent's tools while it answers: asks it, carries out what it wants, and asks again, a bounded
 * number of times. Whatever goes wrong with a tool is something the model is told, never the end of the answer.
 */
import type { AgentTools, Attachment, ToolContext } from './agent-tools.ts'
import type {
  FinishPart,
  LanguageModel,
  ModelPart,
  ModelRequest,
  ToolCallPart,
  ToolResultPart,
  ToolRound,
  Usage,
  WriterPart,
} from './language-model.ts'
import { argumentsText, type CallOutcome, type CallParts, type CarriedOut, carryOut } from './tool-call.ts'

/** Of a model that wants more at once the rest is left out; it may ask again in the next round. */
const TOOL_CALLS_PER_ROUND_MAX = 8

/** What an answer is made of: the model's own parts and, between them, its tools at work. */
export type AnswerPart = Exclude<ModelPart, ToolCallPart> | ToolStartedPart | ToolFinishedPart | UsagePart

/** The tokens of all rounds so far, said after each round that is not the last. */
export interface UsagePart {
  readonly type: 'usage'
  readonly usage: Usage
}

export interface ToolStartedPart {
  readonly type: 'tool-started'
  /** Counts 1, 2, 3 … in the answer. */
  readonly number: number
  readonly tool: string
  /** JSON text, cut when it is very long. */
  readonly arguments: string
}

/** Calls of one round finish in any order. */
export interface ToolFinishedPart {
  readonly type: 'tool-finished'
  readonly number: number
  readonly tool: string
  readonly outcome: CallOutcome
  /** Of the whole result as JSON, in UTF-8. */
  readonly resultBytes: number
  readonly tookMs: number
  readonly attachments: readonly Attachment[]
}

export interface ToolLoopParts {
  readonly model: LanguageModel
  readonly tools: AgentTools
  /** Milliseconds that only go forward. */
  readonly elapsedMs: () => number
}

/**
 * Streams the whole answer, over as many rounds as the agent's limits allow; after them the model is asked once more
 * and must answer with what it knows, since no call is carried out any more. The finish counts the tokens of all rounds. Throws what the model
 * throws.
 */
export async function* answerWithTools(
  { model, tools, elapsedMs }: ToolLoopParts,
  request: ModelRequest,
  turn: Omit<ToolContext, 'agent'>,
  signal: AbortSignal,
): AsyncGenerator<AnswerPart> {
  const definitions = tools.definitionsFor(request.agent.name)
  const calling: CallParts = { tools, definitions, context: { ...turn, agent: request.agent.name }, elapsedMs }
  const rounds: ToolRound[] = []
  const counts: Counts = { calls: 0, citations: 0, usage: undefined }
  for (;;) {
    const isLast = rounds.length >= request.agent.limits.toolRoundsMax
    const agent = { ...request.agent, tools: definitions }
    const round = { ...request, agent, rounds: [...rounds], ...(isLast && { isLastRound: true }) }
    const asked = yield* oneRound(model, round, counts, signal)
    if (asked.finish === undefined) return // Whoever reads the answer sees that it is unfinished.
    if (asked.calls.length === 0 || isLast) {
      yield { ...asked.finish, usage: counts.usage ?? asked.finish.usage }
      return
    }
    yield { type: 'usage', usage: counts.usage ?? asked.finish.usage }
    const results = yield* carryOutAll(calling, asked.calls, counts, signal)
    signal.throwIfAborted()
    rounds.push({ text: asked.text, ...(asked.writer && { writer: asked.writer }), calls: asked.calls, results })
  }
}

interface Counts {
  calls: number
  citations: number
  usage: Usage | undefined
}

interface AskedRound {
  text: string
  writer: Omit<WriterPart, 'type'> | undefined
  readonly calls: ToolCallPart[]
  finish: FinishPart | undefined
}

/** Passes on what the model writes in one round, and returns what it wants besides. */
async function* oneRound(
  model: LanguageModel,
  request: ModelRequest,
  counts: Counts,
  signal: AbortSignal,
): AsyncGenerator<AnswerPart, AskedRound> {
  const round: AskedRound = { text: '', writer: undefined, calls: [], finish: undefined }
  let gap = gapAfter(request.rounds ?? [])
  for await (const part of model.stream(request, signal)) {
    switch (part.type) {
      case 'writer':
        round.writer = { model: part.model, insteadOf: part.insteadOf }
        yield part
        break
      case 'text':
        round.text += part.text
        yield { type: 'text', text: gap + part.text }
        gap = ''
        break
      case 'citation':
        counts.citations += 1
        yield { ...part, number: counts.citations }
        break
      case 'tool-call':
        if (round.calls.length < TOOL_CALLS_PER_ROUND_MAX) round.calls.push(part)
        break
      case 'finish':
        round.finish = part
        counts.usage = counts.usage === undefined ? part.usage : sumOf(counts.usage, part.usage)
    }
  }
  return round
}

/** What a model writes after its tools have worked begins a paragraph of its own. */
function gapAfter(rounds: readonly ToolRound[]): string {
  const before = rounds.map(({ text }) => text).join('')
  return before === '' || before.endsWith('\n\n') ? '' : '\n\n'
}

/** Carries out the calls of a round all at once, and returns their results in the order of the calls. */
async function* carryOutAll(
  parts: CallParts,
  calls: readonly ToolCallPart[],
  counts: Counts,
  signal: AbortSignal,
): AsyncGenerator<AnswerPart, ToolResultPart[]> {
  const results: ToolResultPart[] = []
  const working = new Map<number, Promise<{ index: number; number: number; done: CarriedOut }>>()
  for (const [index, call] of calls.entries()) {
    counts.calls += 1
    const number = counts.calls
    yield { type: 'tool-started', number, tool: call.tool, arguments: argumentsText(call) }
    const done = carryOut(parts, call, number, signal)
    working.set(
      index,
      done.then((carried) => ({ index, number, done: carried })),
    )
  }
  while (working.size > 0) {
    const { index, number, done } = await Promise.race(working.values())
    working.delete(index)
    results[index] = done.told
    for (const citation of done.citations) {
      counts.citations += 1
      yield { type: 'citation', number: counts.citations, ...citation }
    }
    const { outcome, resultBytes, tookMs, attachments, told } = done
    yield { type: 'tool-finished', number, tool: told.tool, outcome, resultBytes, tookMs, attachments }
  }
  return results
}

function sumOf(one: Usage, other: Usage): Usage {
  const isEstimated = one.isEstimated === true || other.isEstimated === true
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    ...(isEstimated && { isEstimated }),
  }
}
