import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type AgentDefinition, agentFor, type ToolDefinition } from '../../src/agents/agent-catalogue.ts'
import type { AgentTools, ToolCall, ToolContext, ToolOutcome } from '../../src/agents/agent-tools.ts'
import type { LanguageModel, ModelPart, ModelRequest, ToolCallPart } from '../../src/agents/language-model.ts'
import { createAnswerDraft } from '../../src/agents/offline/answer-draft.ts'
import { createOfflineAssistant } from '../../src/agents/offline-assistant.ts'
import { type AnswerPart, answerWithTools } from '../../src/agents/tool-loop.ts'
import { Fault } from '../../src/shared/failures.ts'
import { knowledge } from './conversation.ts'

const weather: ToolDefinition = {
  name: 'weather',
  description: 'Tells the weather of a city.',
  parameters: z.object({ city: z.string().min(1) }),
  timeoutMs: 10_000,
}

const turn = {
  ownerId: 'ada',
  conversationId: 'c1',
  turnId: 't1',
  messageId: 'm1',
  question: 'How is the weather?',
  correlationId: 't1',
  causationId: 'e1',
}

function toolsThat(
  execute: (call: ToolCall, context: ToolContext, signal: AbortSignal) => Promise<ToolOutcome>,
  definition: ToolDefinition = weather,
) {
  const seen: { call: ToolCall; context: ToolContext }[] = []
  const tools: AgentTools = {
    definitionsFor: (agent) => (agent === 'discovery' ? [definition] : []),
    execute: (call, context, signal) => {
      seen.push({ call, context })
      return execute(call, context, signal)
    },
  }
  return { tools, seen }
}

const sunny = () => toolsThat(async () => ({ outcome: 'succeeded', result: { sky: 'sunny' } }))
const call = (city: unknown, toolCallId = 'x', tool = 'weather'): ToolCallPart => {
  return { type: 'tool-call', toolCallId, tool, arguments: { city } }
}
const text = (words: string): ModelPart => ({ type: 'text', text: words })
const finish = (finishReason: 'stop' | 'tool-calls' = 'stop'): ModelPart => {
  return { type: 'finish', finishReason, usage: { inputTokens: 10, outputTokens: 2 } }
}

/** Answers each round with the next list of parts; the last list is used for all later rounds. */
function scripted(...rounds: readonly (readonly ModelPart[])[]) {
  const asked: ModelRequest[] = []
  const model: LanguageModel = {
    provider: 'test',
    id: 'scripted',
    async *stream(request) {
      const parts = rounds[Math.min(asked.length, rounds.length - 1)] ?? []
      asked.push(request)
      yield* parts
    },
  }
  return { model, asked }
}

async function run(
  model: LanguageModel,
  tools: AgentTools,
  { agent = agentFor('discovery'), signal = new AbortController().signal } = {},
): Promise<AnswerPart[]> {
  const request = { agent, messages: [{ role: 'user', text: turn.question }] } as const
  const parts: AnswerPart[] = []
  for await (const part of answerWithTools({ model, tools, elapsedMs: () => performance.now() }, request, turn, signal))
    parts.push(part)
  return parts
}

const textOf = (parts: readonly AnswerPart[]) =>
  parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('')
const finishedOf = (parts: readonly AnswerPart[]) => parts.filter((part) => part.type === 'tool-finished')

describe('a model with tools', () => {
  it('is asked again with what its tools found', async () => {
    const { model, asked } = scripted([call('Lima'), finish('tool-calls')], [text('It is sunny.'), finish()])
    const { tools, seen } = sunny()
    const parts = await run(model, tools)
    expect(parts.map(({ type }) => type)).toEqual(['usage', 'tool-started', 'tool-finished', 'text', 'finish'])
    expect(seen).toEqual([
      { call: { tool: 'weather', arguments: { city: 'Lima' }, number: 1 }, context: { ...turn, agent: 'discovery' } },
    ])
    expect(asked[0]?.agent.tools).toEqual([weather])
    expect(asked[1]?.rounds).toEqual([
      {
        text: '',
        calls: [call('Lima')],
        results: [{ toolCallId: 'x', tool: 'weather', isFailed: false, result: { sky: 'sunny' } }],
      },
    ])
  })

  it('shows each call while it runs, with its arguments, and then how it went', async () => {
    const { model } = scripted([call('Lima'), finish('tool-calls')], [text('Sunny.'), finish()])
    const parts = await run(model, sunny().tools)
    expect(parts.find(({ type }) => type === 'tool-started')).toEqual({
      type: 'tool-started',
      number: 1,
      tool: 'weather',
      arguments: '{"city":"Lima"}',
    })
    expect(finishedOf(parts)).toMatchObject([{ number: 1, tool: 'weather', outcome: 'succeeded', resultBytes: 15 }])
  })

  it('is counted over all rounds', async () => {
    const { model } = scripted([call('Lima'), finish('tool-calls')], [text('Sunny.'), finish()])
    expect((await run(model, sunny().tools)).at(-1)).toMatchObject({ usage: { inputTokens: 20, outputTokens: 4 } })
  })

  it('begins a new paragraph when it goes on writing after its tools', async () => {
    const { model } = scripted([text('Let me see.'), call('Lima'), finish('tool-calls')], [text('Sunny.'), finish()])
    expect(textOf(await run(model, sunny().tools))).toBe('Let me see.\n\nSunny.')
  })

  it('has several calls of a round carried out at once, and gets the results in its own order', async () => {
    const { promise: isSecondDone, resolve: secondDone } = Promise.withResolvers<void>()
    const { tools } = toolsThat(async ({ arguments: { city } }) => {
      if (city === 'Lima') await isSecondDone
      else secondDone()
      return { outcome: 'succeeded', result: city }
    })
    const { model, asked } = scripted(
      [call('Lima', 'a'), call('Oslo', 'b'), finish('tool-calls')],
      [text('So.'), finish()],
    )
    const parts = await run(model, tools)
    expect(finishedOf(parts).map(({ number }) => number)).toEqual([2, 1])
    expect(asked[1]?.rounds?.[0]?.results.map(({ result }) => result)).toEqual(['Lima', 'Oslo'])
  })

  it('has no call carried out after its last round, and is told that it must answer', async () => {
    const { model, asked } = scripted([text('Hm.'), call('Lima'), finish('tool-calls')])
    const agent: AgentDefinition = {
      ...agentFor('discovery'),
      limits: { ...agentFor('discovery').limits, toolRoundsMax: 2 },
    }
    const parts = await run(model, sunny().tools, { agent })
    expect(asked.map(({ isLastRound }) => isLastRound)).toEqual([undefined, undefined, true])
    expect(parts.at(-1)?.type).toBe('finish')
    expect(finishedOf(parts)).toHaveLength(2)
  })

  it('gets no more calls at once than the limit', async () => {
    const many = Array.from({ length: 30 }, (_, index) => call('Lima', `x${index}`))
    const { model, asked } = scripted([...many, finish('tool-calls')], [text('So.'), finish()])
    const { tools, seen } = sunny()
    await run(model, tools)
    expect(seen).toHaveLength(8)
    expect(asked[1]?.rounds?.[0]?.calls).toHaveLength(8)
  })

  it('has only the tools of its own agent', async () => {
    const { model, asked } = scripted([call('Lima'), finish('tool-calls')], [text('So.'), finish()])
    const { tools, seen } = sunny()
    const parts = await run(model, tools, { agent: agentFor('learning') })
    expect(asked[0]?.agent.tools).toEqual([])
    expect(seen).toEqual([])
    expect(finishedOf(parts)).toMatchObject([{ outcome: 'tool-unknown' }])
  })
})

describe('a tool that goes wrong is something the model is told:', () => {
  const told = async (tools: AgentTools, asked: ToolCallPart = call('Lima')) => {
    const script = scripted([asked, finish('tool-calls')], [text('Sorry.'), finish()])
    const parts = await run(script.model, tools)
    expect(textOf(parts)).toBe('Sorry.')
    return { outcome: finishedOf(parts)[0]?.outcome, result: script.asked[1]?.rounds?.[0]?.results[0] }
  }

  it('it says itself that it failed', async () => {
    const { tools } = toolsThat(async () => ({ outcome: 'failed', result: { error: 'No such city.' } }))
    expect(await told(tools)).toMatchObject({
      outcome: 'failed',
      result: { isFailed: true, result: { error: 'No such city.' } },
    })
  })

  it('it throws a fault, of which the model learns the code alone', async () => {
    const { tools } = toolsThat(() => Promise.reject(new Fault('weather-away', { secret: 'hunter2' })))
    expect(await told(tools)).toMatchObject({ outcome: 'failed', result: { result: { error: 'weather-away' } } })
  })

  it('it throws anything else, of which the model learns nothing', async () => {
    const { tools } = toolsThat(() => Promise.reject(new Error('password=hunter2')))
    expect(await told(tools)).toMatchObject({ outcome: 'failed', result: { result: { error: 'tool-failed' } } })
  })

  it('it takes too long, whether it heeds the signal or not', async () => {
    const { tools } = toolsThat(() => new Promise(() => {}), { ...weather, timeoutMs: 20 })
    expect(await told(tools)).toMatchObject({ outcome: 'timed-out', result: { isFailed: true } })
  })

  it.each([
    ['of the wrong type', call(7)],
    ['missing', { ...call(''), arguments: {} }],
    ['no JSON at all', { ...call(''), arguments: '{"city": "Li' }],
    ['nothing', { ...call(''), arguments: undefined }],
  ])('its arguments are %s, and it is not called', async (_what, asked) => {
    const { tools, seen } = sunny()
    expect(await told(tools, asked)).toMatchObject({ outcome: 'arguments-invalid', result: { isFailed: true } })
    expect(seen).toEqual([])
  })

  it('its result is cut when it is too long, and its whole size is recorded', async () => {
    const { tools } = toolsThat(async () => ({ outcome: 'succeeded', result: 'é'.repeat(50_000) }))
    const script = scripted([call('Lima'), finish('tool-calls')], [text('Long.'), finish()])
    const parts = await run(script.model, tools)
    expect(finishedOf(parts)).toMatchObject([{ resultBytes: 100_002 }])
    expect(JSON.stringify(script.asked[1]?.rounds).length).toBeLessThan(25_000)
  })
})

describe('an answer that is ended while a tool works', () => {
  it('ends at once, though the tool does not', async () => {
    const abort = new AbortController()
    const { tools } = toolsThat(() => {
      queueMicrotask(() => abort.abort(new Error('stopped')))
      return new Promise(() => {})
    })
    const { model, asked } = scripted([call('Lima'), finish('tool-calls')], [text('Never.'), finish()])
    await expect(run(model, tools, { signal: abort.signal })).rejects.toThrow('stopped')
    expect(asked).toHaveLength(1)
  })
})

describe('the offline assistant', () => {
  it('uses tools in the same loop: it wishes for a call, and writes with the result', async () => {
    const assistant = createOfflineAssistant(knowledge, {
      writers: {
        discovery: (_question, _knowledge, work) => {
          const [found] = work.resultsOf('weather')
          if (found === undefined && work.has('weather'))
            return { calls: [{ tool: 'weather', arguments: { city: 'Lima' } }] }
          return createAnswerDraft().paragraph(`The sky: ${JSON.stringify(found?.result)}`)
        },
      },
    })
    const parts = await run(assistant, sunny().tools)
    expect(textOf(parts)).toBe('The sky: {"sky":"sunny"}')
    expect(finishedOf(parts)).toMatchObject([{ tool: 'weather', outcome: 'succeeded' }])
  })
})
