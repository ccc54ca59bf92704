import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type AgentDefinition, agentFor } from '../../src/agents/agent-catalogue.ts'
import { createAiSdkModel, type HostedModel } from '../../src/agents/ai-sdk-model.ts'
import type { ModelPart, ModelRequest } from '../../src/agents/language-model.ts'
import type { HostedProvider } from '../../src/agents/model-reference.ts'
import { isFault } from '../../src/shared/failures.ts'
import { answers, type Behaviour, type ModelServer, refuses, says, startModelServer } from '../support/model-server.ts'

const servers: ModelServer[] = []
const models: HostedModel[] = []
afterEach(async () => {
  await Promise.all(models.splice(0).map((model) => model.close()))
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

const SECRET = 'key-very-secret'

async function modelOf(provider: HostedProvider, ...script: Behaviour[]) {
  const server = await startModelServer(...script)
  servers.push(server)
  const limits = { connectTimeoutMs: 5_000, firstTokenTimeoutMs: 30_000, idleTimeoutMs: 30_000, thinkingTokensMax: 0 }
  const reference = { provider, id: 'model-x', baseUrl: server.url, apiKey: SECRET }
  const model = createAiSdkModel({ reference, ...limits })
  models.push(model)
  return { server, model }
}

const weather = {
  name: 'weather',
  description: 'Tells the weather of a city.',
  parameters: z.object({ city: z.string() }),
  timeoutMs: 1_000,
}
const agent: AgentDefinition = { ...agentFor('discovery'), tools: [weather] }
const request: ModelRequest = { agent, messages: [{ role: 'user', text: 'How is the weather in Lima?' }] }

async function partsOf(model: HostedModel, asked = request): Promise<ModelPart[]> {
  const parts: ModelPart[] = []
  for await (const part of model.stream(asked, new AbortController().signal)) parts.push(part)
  return parts
}

async function codeOf(model: HostedModel): Promise<string> {
  try {
    await partsOf(model)
    return 'none'
  } catch (error) {
    if (!isFault(error)) throw error
    expect(error.message).not.toContain(SECRET)
    return error.code
  }
}

const stream = (events: readonly object[], named = false): Behaviour => {
  const lines = events.map((event) => {
    const name = named ? `event: ${(event as { type: string }).type}\n` : ''
    return `${name}data: ${JSON.stringify(event)}\n\n`
  })
  return answers('text/event-stream', lines.join(''))
}

const call = { type: 'tool-call', toolCallId: expect.any(String), tool: 'weather', arguments: { city: 'Lima' } }
const toolFinish = { type: 'finish', finishReason: 'tool-calls', usage: { inputTokens: 21, outputTokens: 7 } }

/** The second round: what the model called, as it said it, and what came of it. */
function secondRound(parts: readonly ModelPart[]): ModelRequest {
  const calls = parts.filter((part) => part.type === 'tool-call')
  const results = calls.map(({ toolCallId, tool }) => ({ toolCallId, tool, isFailed: false, result: { sky: 'sunny' } }))
  return { ...request, rounds: [{ text: 'Let me see.', calls, results }] }
}

describe('anthropic', () => {
  const begin = {
    type: 'message_start',
    message: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      content: [],
      model: 'model-x',
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 21, output_tokens: 1 },
    },
  }
  const words = [
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Let me ' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'see.' } },
    { type: 'content_block_stop', index: 0 },
  ]
  const toolUse = [
    {
      type: 'content_block_start',
      index: 1,
      content_block: { type: 'tool_use', id: 'toolu_1', name: 'weather', input: {} },
    },
    { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: '{"city": "Li' } },
    { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: 'ma"}' } },
    { type: 'content_block_stop', index: 1 },
  ]
  const end = (reason: string) => [
    { type: 'message_delta', delta: { stop_reason: reason, stop_sequence: null }, usage: { output_tokens: 7 } },
    { type: 'message_stop' },
  ]

  it('streams words and calls, and goes on with their results, over its own protocol', async () => {
    const { server, model } = await modelOf(
      'anthropic',
      stream([begin, ...words, ...toolUse, ...end('tool_use')], true),
      stream([begin, ...words, ...end('end_turn')], true),
    )
    const parts = await partsOf(model)
    expect(parts).toEqual([
      { type: 'text', text: 'Let me ' },
      { type: 'text', text: 'see.' },
      expect.objectContaining(call),
      toolFinish,
    ])
    expect(await partsOf(model, secondRound(parts))).toContainEqual({
      type: 'finish',
      finishReason: 'stop',
      usage: { inputTokens: 21, outputTokens: 7 },
    })
    const [first, second] = server.requests
    expect(first?.path).toBe('/v1/messages')
    expect(first?.headers['x-api-key']).toBe(SECRET)
    expect(first?.body).toMatchObject({
      model: 'model-x',
      max_tokens: agent.limits.outputTokensMax,
      system: [{ type: 'text', text: agent.systemPrompt }],
      tools: [{ name: 'weather', input_schema: { properties: { city: { type: 'string' } } } }],
    })
    expect(second?.body.messages).toMatchObject([
      { role: 'user', content: [{ type: 'text', text: 'How is the weather in Lima?' }] },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'Let me see.' },
          { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Lima' } },
        ],
      },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: '{"sky":"sunny"}' }] },
    ])
  })

  it.each<[string, Behaviour, string]>([
    ['a wrong key', refuses(401), 'model-unauthorized'],
    ['overload', refuses(529), 'model-overloaded'],
    [
      'overload inside the stream',
      stream([begin, { type: 'error', error: { type: 'overloaded_error', message: SECRET } }], true),
      'model-overloaded',
    ],
    ['an answer that just ends', stream([begin, ...words], true), 'model-answer-unfinished'],
  ])('says of %s what it is', async (_what, behaviour, code) => {
    const { model } = await modelOf('anthropic', behaviour)
    expect(await codeOf(model)).toBe(code)
  })
})

describe('google', () => {
  const usageMetadata = { promptTokenCount: 21, candidatesTokenCount: 7, totalTokenCount: 28 }
  const chunk = (parts: object[], rest: object = {}) => ({
    candidates: [{ index: 0, content: { role: 'model', parts }, ...rest }],
  })

  it('streams words and calls, and goes on with their results and its own notes on them', async () => {
    const { server, model } = await modelOf(
      'google',
      stream([
        chunk([{ text: 'Let me ' }]),
        chunk([{ text: 'see.' }]),
        {
          ...chunk([{ functionCall: { name: 'weather', args: { city: 'Lima' } }, thoughtSignature: 'c2lnbmVk' }], {
            finishReason: 'STOP',
          }),
          usageMetadata,
        },
      ]),
      stream([{ ...chunk([{ text: 'Sunny.' }], { finishReason: 'STOP' }), usageMetadata }]),
    )
    const parts = await partsOf(model)
    expect(parts).toEqual([
      { type: 'text', text: 'Let me ' },
      { type: 'text', text: 'see.' },
      expect.objectContaining(call),
      toolFinish,
    ])
    expect(await partsOf(model, secondRound(parts))).toContainEqual({ type: 'text', text: 'Sunny.' })
    const [first, second] = server.requests
    expect(first?.path).toBe('/v1/models/model-x:streamGenerateContent?alt=sse')
    expect(first?.headers['x-goog-api-key']).toBe(SECRET)
    expect(first?.body).toMatchObject({
      systemInstruction: { parts: [{ text: agent.systemPrompt }] },
      contents: [{ role: 'user', parts: [{ text: 'How is the weather in Lima?' }] }],
      tools: [{ functionDeclarations: [{ name: 'weather' }] }],
    })
    expect(second?.body.contents.slice(1)).toMatchObject([
      {
        role: 'model',
        parts: [
          { text: 'Let me see.' },
          { functionCall: { name: 'weather', args: { city: 'Lima' } }, thoughtSignature: 'c2lnbmVk' },
        ],
      },
      { role: 'user', parts: [{ functionResponse: { name: 'weather' } }] },
    ])
  })

  it.each<[string, Behaviour, string]>([
    ['a wrong key', refuses(403), 'model-unauthorized'],
    ['a filter', stream([{ ...chunk([], { finishReason: 'SAFETY' }), usageMetadata }]), 'model-answer-filtered'],
    ['an answer that just ends', stream([chunk([{ text: 'So' }])]), 'model-answer-unfinished'],
  ])('says of %s what it is', async (_what, behaviour, code) => {
    const { model } = await modelOf('google', behaviour)
    expect(await codeOf(model)).toBe(code)
  })
})

describe('openai', () => {
  it('is spoken to over Chat Completions, where nothing is kept at the provider', async () => {
    const { server, model } = await modelOf('openai', says(['Sunny.']))
    expect(await partsOf(model)).toEqual([
      { type: 'text', text: 'Sunny.' },
      { type: 'finish', finishReason: 'stop', usage: { inputTokens: 21, outputTokens: 7 } },
    ])
    expect(server.requests[0]).toMatchObject({
      path: '/v1/chat/completions',
      headers: { authorization: `Bearer ${SECRET}` },
    })
    expect(server.requests[0]?.body).not.toHaveProperty('store', true)
  })

  it('has no key from elsewhere in the environment', async () => {
    process.env['OPENAI_API_KEY'] = 'somebody-else'
    try {
      const { server, model } = await modelOf('openai', says(['Sunny.']))
      await partsOf(model)
      expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${SECRET}`)
    } finally {
      delete process.env['OPENAI_API_KEY']
    }
  })
})
