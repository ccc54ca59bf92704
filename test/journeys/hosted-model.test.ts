import { randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { agentFor } from '../../src/agents/agent-catalogue.ts'
import { estimateTokens } from '../../src/agents/language-model.ts'
import { type ChatSocket, isEndingOf, type Person, signIn, textOfDeltas } from '../support/chat-client.ts'
import {
  breaksOff,
  callsTools,
  type ModelServer,
  refuses,
  says,
  stalls,
  startModelServer,
} from '../support/model-server.ts'
import { emberlog, makeDataDirectory, type Program, startProgram } from '../support/program.ts'

const SECRET = 'sk-journey-secret-0123456789'

let data: Awaited<ReturnType<typeof makeDataDirectory>>
let first: ModelServer
let second: ModelServer
let program: Program

beforeAll(async () => {
  first = await startModelServer()
  second = await startModelServer()
  data = await makeDataDirectory()
  program = await startProgram(data.directory, {
    LLM_PROVIDER: 'openai-compatible',
    LLM_BASE_URL: first.url,
    LLM_MODEL: 'first-model',
    LLM_API_KEY: SECRET,
    LLM_FALLBACKS: `openai-compatible:second-model@${second.url}`,
    LLM_RETRIES_MAX: '1',
    LLM_BREAKER_FAILURES_MAX: '1000',
    LLM_DELTA_DELAY_MS: '0',
    LOG_LEVEL: 'debug',
  })
})
afterAll(async () => {
  await program?.stop()
  await data?.remove()
  await Promise.all([first?.stop(), second?.stop()])
})
beforeEach(() => {
  first.script(refuses(500))
  second.script(refuses(500))
})

const QUESTION = 'What is RAG in AI?'

async function ask(who: Person, conversation: string, text = QUESTION) {
  const socket = await who.open(conversation)
  const { turnId } = await socket.say(text)
  const ending = await socket.ending(turnId)
  return { socket, turnId, ending }
}

const newPerson = () => signIn(program.url, `ada-${randomUUID().slice(0, 8)}`)

async function answerOf(who: Person, conversation: string, position: unknown) {
  const page = await who.get(`/api/v1/me/conversations/${conversation}/messages`, {
    'x-min-position': String(position),
  })
  return page.body.results.at(-1)
}

/** The terminal event of a conversation's only turn, as it is recorded. */
async function recorded(who: Person, conversation: string) {
  const { output } = await emberlog(['audit', 'replay', conversation, '--owner', who.userId, '--json'], data.directory)
  const events = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; data: Record<string, unknown> })
  return events.find(({ type }) => /^Response(Completed|Failed|Stopped)$/.test(type))
}

const wordsOf = (socket: ChatSocket, turnId: string) => textOfDeltas(socket.frames, turnId)

describe('a turn that a hosted model answers', () => {
  it('is routed, streamed and recorded with the model and what it took', async () => {
    first.script(says(['Retrieval ', 'first, ', 'then writing.']))
    const who = await newPerson()
    const { socket, turnId, ending } = await ask(who, 'hosted')
    const model = { provider: 'openai-compatible', id: 'first-model' }
    const usage = { inputTokens: 21, outputTokens: 7 }
    expect(socket.frames.find(({ type }) => type === 'intent.routed')).toMatchObject({ turnId, agent: 'learning' })
    expect(wordsOf(socket, turnId)).toBe('Retrieval first, then writing.')
    expect(ending).toMatchObject({ type: 'response.completed', text: 'Retrieval first, then writing.', model, usage })
    expect(ending).not.toHaveProperty('insteadOf')
    expect(await answerOf(who, 'hosted', ending['position'])).toMatchObject({ status: 'completed', model })
    expect(await recorded(who, 'hosted')).toMatchObject({ type: 'ResponseCompleted', data: { model, usage } })
  })

  it('goes to the model with what was said before in this conversation, and nothing of another', async () => {
    const who = await newPerson()
    first.script(says(['Noted.']))
    await ask(who, 'elsewhere', 'My cat is called Schnurri.')
    await ask(await newPerson(), 'here', 'My dog is called Bello.')
    await ask(who, 'here', 'What is RAG?')
    await ask(who, 'here', 'And what is it good for?')
    const { messages } = first.requests.at(-1)?.body ?? {}
    expect(messages[0].role).toBe('system')
    expect(messages.slice(1)).toEqual([
      { role: 'user', content: 'What is RAG?' },
      { role: 'assistant', content: 'Noted.' },
      { role: 'user', content: 'And what is it good for?' },
    ])
  })

  it('is answered by the next model when the first is away, and says so', async () => {
    second.script(says(['From the second.']))
    const who = await newPerson()
    const { ending } = await ask(who, 'next')
    const insteadOf = [{ provider: 'openai-compatible', id: 'first-model', code: 'model-overloaded' }]
    const model = { provider: 'openai-compatible', id: 'second-model' }
    expect(ending).toMatchObject({ type: 'response.completed', text: 'From the second.', model, insteadOf })
    expect(await recorded(who, 'next')).toMatchObject({ data: { model, insteadOf } })
    expect(await answerOf(who, 'next', ending['position'])).toMatchObject({ model, insteadOf })
  })

  it('is answered by the offline assistant when nobody else is there, and says so', async () => {
    first.script(refuses(401, {}, `Incorrect API key provided: ${SECRET}`))
    const who = await newPerson()
    const { ending } = await ask(who, 'offline')
    expect(ending).toMatchObject({
      type: 'response.completed',
      text: expect.stringMatching(/retriev/i),
      model: { provider: 'offline' },
      insteadOf: [
        { id: 'first-model', code: 'model-unauthorized' },
        { id: 'second-model', code: 'model-overloaded' },
      ],
      usage: { isEstimated: true },
    })
  })

  it('may use the tools of its agent, which is shown while they run and recorded', async () => {
    const pieces = ['{"query":', '"chatbot"}']
    first.script(callsTools([{ id: 'a', name: 'search_catalogue', pieces }]), says(['Found ', 'some.']))
    const who = await newPerson()
    const { socket, turnId, ending } = await ask(who, 'tools', 'Show me chatbot projects that people have built')
    expect(ending).toMatchObject({ type: 'response.completed', text: 'Found some.', usage: { inputTokens: 42 } })
    const ofTools = socket.frames.filter(({ type }) => type.startsWith('tool.'))
    expect(ofTools).toMatchObject([
      { type: 'tool.started', turnId, tool: 'search_catalogue', call: 1 },
      { type: 'tool.finished', turnId, tool: 'search_catalogue', call: 1, outcome: 'succeeded' },
    ])
    expect(await recorded(who, 'tools')).toMatchObject({
      data: { toolCalls: [{ name: 'search_catalogue', outcome: 'succeeded', resultBytes: expect.any(Number) }] },
    })
    const told = first.requests.at(-1)?.body.messages.at(-1)
    expect(told).toMatchObject({ role: 'tool', tool_call_id: 'a' })
  })

  it('that breaks off is a failed turn with the words so far, never another model’s words behind them', async () => {
    first.script(breaksOff(['Retrieval ', 'first']))
    second.script(says(['Never shown.']))
    const who = await newPerson()
    const { socket, turnId, ending } = await ask(who, 'broken')
    const failure = { code: 'model-connection-lost', partialText: 'Retrieval first' }
    expect(ending).toMatchObject({ type: 'response.failed', ...failure })
    expect(wordsOf(socket, turnId)).toBe('Retrieval first')
    expect(await answerOf(who, 'broken', ending['position'])).toMatchObject({
      status: 'failed',
      text: 'Retrieval first',
    })
    expect(await recorded(who, 'broken')).toMatchObject({
      type: 'ResponseFailed',
      data: { ...failure, retryable: true, model: { id: 'first-model' }, usage: { isEstimated: true } },
    })
  })

  it('that is stopped ends at the provider within 250 ms', async () => {
    first.script(stalls(['Retrieval ']))
    const who = await newPerson()
    const socket = await who.open('stopped')
    const { turnId } = await socket.say(QUESTION)
    await socket.frame(({ type, turnId: id }) => type === 'response.delta' && id === turnId)
    const gone = first.disconnected()
    const stoppedMs = performance.now()
    socket.write({ type: 'response.stop', turnId })
    expect((await gone) - stoppedMs).toBeLessThan(250)
    expect(await socket.frame(isEndingOf(turnId))).toMatchObject({
      type: 'response.stopped',
      partialText: 'Retrieval ',
    })
  })

  it('that is stopped from another device ends at the provider within 250 ms, too, and both see it', async () => {
    first.script(stalls(['Retrieval ']))
    const who = await newPerson()
    const elsewhere = await signIn(program.url, who.userId)
    const watching = await elsewhere.open('stopped-elsewhere')
    const socket = await who.open('stopped-elsewhere')
    const { turnId } = await socket.say(QUESTION)
    await socket.frame(({ type, turnId: id }) => type === 'response.delta' && id === turnId)
    const gone = first.disconnected()
    const stoppedMs = performance.now()
    const stopping = elsewhere.send('POST', `/api/v1/me/turns/${turnId}/stop`)
    expect((await gone) - stoppedMs).toBeLessThan(250)
    expect((await stopping).status).toBe(202)
    for (const one of [socket, watching]) {
      expect(await one.frame(isEndingOf(turnId))).toMatchObject({
        type: 'response.stopped',
        partialText: 'Retrieval ',
      })
    }
    expect(await recorded(who, 'stopped-elsewhere')).toMatchObject({
      type: 'ResponseStopped',
      data: { turnId, partialText: 'Retrieval ', by: who.userId, model: { id: 'first-model' } },
    })
  })

  it('goes on when a stop comes late, for the turn before it', async () => {
    const who = await newPerson()
    first.script(says(['Done.']))
    const { socket, turnId: older } = await ask(who, 'late-stop')
    let writeOn = () => {}
    first.script((exchange) => {
      void stalls(['Newer '])(exchange)
      writeOn = () => void says(['words.'])(exchange)
    })
    const { turnId } = await socket.say('And what is it good for?')
    await socket.frame(({ type, turnId: id }) => type === 'response.delta' && id === turnId)
    socket.write({ type: 'response.stop', turnId: older })
    const stopped = await who.send('POST', `/api/v1/me/turns/${older}/stop`)
    expect(stopped.status).toBe(202)
    socket.write({ type: 'ping' })
    await socket.frame(({ type }) => type === 'pong')
    writeOn()
    expect(await socket.ending(turnId)).toMatchObject({ type: 'response.completed', text: 'Newer words.' })
    const endings = socket.frames.filter(isEndingOf(older))
    expect(endings.map(({ type }) => type)).toEqual(['response.completed'])
  })

  it('goes to the model within the budget of its agent, with the beginning of what was pasted before', async () => {
    const who = await newPerson()
    first.script(says(['Noted.']))
    for (let part = 1; part <= 3; part += 1) {
      await ask(who, 'pasted', `What does part ${part} of this say? ${'Мышь нажала на кнопку. '.repeat(500)}`)
    }
    await ask(who, 'pasted', QUESTION)
    const messages: { role: string; content: string }[] = first.requests.at(-1)?.body.messages ?? []
    const said = messages.filter(({ role }) => role !== 'system')
    const tokens = said.reduce((sum, { content }) => sum + estimateTokens(content), 0)
    expect(tokens).toBeLessThanOrEqual(agentFor('learning').limits.historyTokensMax)
    expect(said.at(-1)?.content).toBe(QUESTION)
    expect(said[0]?.content).toMatch(/^What does part 2 .* is left out here/s)
    expect(said.some(({ content }) => /^What does part 3 .*кнопку\. $/s.test(content))).toBe(true)
  })

  it('is counted for operators, without a word of it', async () => {
    const metrics = await (await fetch(`${program.url}/metrics`)).text()
    for (const line of [
      /emberlog_model_calls_total\{provider="openai-compatible",model="first-model"\} \d/,
      /emberlog_model_failures_total\{provider="openai-compatible",model="first-model",code="model-unauthorized"\} 1/,
      /emberlog_model_retries_total\{.*code="model-overloaded"\} \d/,
      /emberlog_model_fallbacks_total\{.*to_provider="offline".*\} 1/,
      /emberlog_model_breaker_state\{provider="openai-compatible",model="first-model",state="closed"\} 1/,
      /emberlog_model_first_token_seconds_count\{.*\} \d/,
      /emberlog_model_tokens_total\{.*direction="output",source="counted"\} \d/,
    ]) {
      expect(metrics).toMatch(line)
    }
    expect(metrics).not.toMatch(/Retrieval|Schnurri|secret/)
  })

  it('leaves neither the key nor a word in the logs, and no key in what is stored', async () => {
    expect(program.complaints()).toContain('a model did not answer')
    expect(program.complaints()).not.toContain(SECRET)
    expect(program.complaints()).not.toMatch(/Retrieval|Schnurri|What is RAG/)
    const files = await readdir(data.directory, { recursive: true, withFileTypes: true })
    for (const file of files.filter((entry) => entry.isFile())) {
      const content = await readFile(path.join(file.parentPath, file.name)).catch(() => Buffer.alloc(0))
      expect(content.includes(SECRET), file.name).toBe(false)
    }
  })
})
