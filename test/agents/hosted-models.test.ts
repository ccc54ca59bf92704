import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { agentFor } from '../../src/agents/agent-catalogue.ts'
import { agentNames } from '../../src/agents/agent-name.ts'
import type { AgentTools } from '../../src/agents/agent-tools.ts'
import type { LanguageModel, ModelRequest } from '../../src/agents/language-model.ts'
import { svgDrawing } from '../../src/agents/offline/svg-drawing.ts'
import { type AnswerPart, answerWithTools } from '../../src/agents/tool-loop.ts'
import { readConfig } from '../../src/config.ts'
import { buildLanguageModel } from '../../src/main/language-model.ts'
import { createPlatformTools } from '../../src/main/tool-adapters.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import {
  type Behaviour,
  callsTools,
  endsEarly,
  hangsUp,
  type ModelServer,
  refuses,
  says,
  stalls,
  startModelServer,
} from '../support/model-server.ts'
import { assistant } from './conversation.ts'
import { createNotes, readAll } from './model-examples.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function startServer(...script: Behaviour[]): Promise<ModelServer> {
  const server = await startModelServer(...script)
  closing.push(server.stop)
  return server
}

/** What the program builds from such a configuration, over real connections. */
function modelsAt(servers: readonly ModelServer[], settings: Record<string, string> = {}) {
  const [first, ...others] = servers
  const config = readConfig({
    LLM_PROVIDER: 'openai-compatible',
    LLM_BASE_URL: first?.url,
    LLM_MODEL: 'model-1',
    LLM_FALLBACKS: others.map(({ url }, index) => `openai-compatible:model-${index + 2}@${url}`).join(),
    ...settings,
  })
  const { lines, meter } = createNotes()
  const built = buildLanguageModel(config, assistant, { meter, logger: silentLogger })
  closing.push(built.close)
  return { model: built.model, lines }
}

const writerOf = async (model: LanguageModel, request?: ModelRequest) => {
  const { parts, words } = await readAll(model, request)
  const writer = parts.find((part) => part.type === 'writer')
  return { id: writer?.model.id, missed: writer?.insteadOf.map(({ id, code }) => `${id}: ${code}`), words }
}

const silence = stalls()

describe('hosted models, as they are configured,', () => {
  it.each<[string, Behaviour]>([
    ['500', refuses(500)],
    ['429 with a short Retry-After', refuses(429, { 'retry-after-ms': '20' })],
    ['a kept connection that was closed meanwhile', hangsUp],
    ['an answer that ended before its first word', endsEarly([])],
    ['an answer without a word', says([])],
  ])('answer after %s, when they are asked again', async (_what, behaviour) => {
    const server = await startServer(behaviour, says(['So it is.']))
    const { model } = modelsAt([server])
    expect(await writerOf(model)).toEqual({ id: 'model-1', missed: [], words: 'So it is.' })
    expect(server.requests).toHaveLength(2)
  })

  it('wait as long as they are asked to, before they ask again', async () => {
    const server = await startServer(refuses(429, { 'retry-after': '1' }), says(['So it is.']))
    const startedMs = performance.now()
    await readAll(modelsAt([server]).model)
    expect(performance.now() - startedMs).toBeGreaterThan(999)
  })

  it.each<[string, Behaviour, string]>([
    ['429 with a long Retry-After', refuses(429, { 'retry-after': '3600' }), 'model-rate-limited'],
    ['401', refuses(401), 'model-unauthorized'],
    ['404', refuses(404), 'model-request-refused'],
    ['no first word in time', silence, 'model-first-token-timeout'],
  ])('are not asked again after %s: the next one is', async (_what, behaviour, code) => {
    const [first, second] = [await startServer(behaviour), await startServer(says(['From the second.']))]
    const { model } = modelsAt([first, second], behaviour === silence ? { LLM_FIRST_TOKEN_TIMEOUT_MS: '1000' } : {})
    expect(await writerOf(model)).toEqual({ id: 'model-2', missed: [`model-1: ${code}`], words: 'From the second.' })
    expect(first.requests).toHaveLength(1)
  })

  it('are asked in their order, and at last the offline assistant answers', async () => {
    const servers = [await startServer(refuses(401)), await startServer(refuses(404)), await startServer(refuses(403))]
    const { id, missed, words } = await writerOf(modelsAt(servers).model)
    expect(id).toBe(assistant.id)
    expect(missed).toEqual([
      'model-1: model-unauthorized',
      'model-2: model-request-refused',
      'model-3: model-unauthorized',
    ])
    expect(words).toMatch(/retriev/i)
  })

  it('are left alone after failures in a row, then tested with one question', async () => {
    const server = await startServer(refuses(401), refuses(401), says(['Well again.']))
    const settings = { LLM_BREAKER_FAILURES_MAX: '2', LLM_BREAKER_OPEN_MS: '300' }
    const { model, lines } = modelsAt([server], settings)
    for (const code of ['model-unauthorized', 'model-unauthorized', 'model-unavailable']) {
      expect((await writerOf(model)).missed).toEqual([`model-1: ${code}`])
    }
    expect(server.requests).toHaveLength(2)
    await expect.poll(async () => (await writerOf(model)).words, { interval: 100 }).toBe('Well again.')
    expect(server.requests).toHaveLength(3)
    expect(lines.filter((line) => line.includes(' is '))).toEqual(
      ['closed', 'open', 'half-open', 'closed'].map((state) => `model-1 is ${state}`),
    )
  })
})

describe('hosted models with tools', () => {
  const tools: AgentTools = {
    definitionsFor: () => [
      {
        name: 'weather',
        description: 'Tells the weather.',
        parameters: z.object({ city: z.string() }),
        timeoutMs: 5_000,
      },
    ],
    execute: async ({ arguments: { city } }) => ({ outcome: 'succeeded', result: { city, sky: 'sunny' } }),
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
  const calls: Behaviour = callsTools([
    { id: 'a', name: 'weather', pieces: ['{"city":', '"Lima"}'] },
    { id: 'b', name: 'weather', pieces: ['{"ci', 'ty":"Os', 'lo"}'] },
  ])

  async function answer(model: LanguageModel): Promise<AnswerPart[]> {
    const request = { agent: agentFor('discovery'), messages: [{ role: 'user' as const, text: turn.question }] }
    const parts: AnswerPart[] = []
    const loop = { model, tools, elapsedMs: () => performance.now() }
    for await (const part of answerWithTools(loop, request, turn, new AbortController().signal)) parts.push(part)
    return parts
  }

  it('call them at once and write with what they found', async () => {
    const server = await startServer(calls, says(['Sunny ', 'in both.']))
    const parts = await answer(modelsAt([server]).model)
    expect(parts.filter((part) => part.type === 'tool-finished')).toMatchObject([
      { outcome: 'succeeded' },
      { outcome: 'succeeded' },
    ])
    expect(parts.filter((part) => part.type === 'text').map(({ text }) => text)).toEqual(['Sunny ', 'in both.'])
    expect(parts.at(-1)).toMatchObject({ type: 'finish', usage: { inputTokens: 42, outputTokens: 14 } })
    expect(server.requests[1]?.body.messages.slice(-2)).toEqual([
      { role: 'tool', tool_call_id: 'a', content: '{"city":"Lima","sky":"sunny"}' },
      { role: 'tool', tool_call_id: 'b', content: '{"city":"Oslo","sky":"sunny"}' },
    ])
  })

  it('hand over what their tools found, as long as no word was shown', async () => {
    const first = await startServer(calls, refuses(401))
    const second = await startServer(says(['Sunny, says the second.']))
    const parts = await answer(modelsAt([first, second]).model)
    expect(parts.findLast((part) => part.type === 'writer')).toMatchObject({
      model: { id: 'model-2' },
      insteadOf: [{ id: 'model-1', code: 'model-unauthorized' }],
    })
    expect(second.requests[0]?.body.messages.at(-1)).toMatchObject({ role: 'tool', tool_call_id: 'b' })
  })

  it('can be told of every tool that any agent has', async () => {
    const server = await startServer(says(['Yes.']))
    const { model } = modelsAt([server])
    const platform = createPlatformTools({ userGateway: {}, attachments: {} } as never, svgDrawing) // Nothing is called: what they work with is not needed.
    for (const name of agentNames) {
      const definitions = platform.definitionsFor(name)
      const agent = { ...agentFor(name), tools: definitions }
      expect(await writerOf(model, { agent, messages: [{ role: 'user', text: 'Hello' }] })).toMatchObject({
        missed: [],
      })
      const told: { function: { name: string } }[] = server.requests.at(-1)?.body.tools ?? []
      expect(told.map((tool) => tool.function.name)).toEqual(definitions.map((definition) => definition.name))
    }
    expect(server.requests.some(({ body }) => body.tools?.length > 1)).toBe(true)
  })
})
