/** OpenAI's own client, unchanged. */
import { randomUUID } from 'node:crypto'
import OpenAI, { APIError } from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { conversationIdOf } from '../../src/events/stream-names.ts'
import { publishText } from '../support/written-text.ts'
import { type ApiFixture, type Person, startApi } from './api-fixture.ts'

let api: ApiFixture
let ada: Person
let openai: OpenAI
beforeAll(async () => {
  api = await startApi()
  ada = await api.signIn()
  openai = new OpenAI({ baseURL: `${api.url}/v1`, apiKey: ada.token, maxRetries: 0 })
})
afterAll(() => api.close())

type Messages = OpenAI.Chat.ChatCompletionMessageParam[]
const asks = (text: string): Messages[number] => ({ role: 'user', content: text })
const says = (text: string): Messages[number] => ({ role: 'assistant', content: text })
/** Words that no other test begins a chat with. */
const fresh = () => `What is RAG? ${randomUUID()}`

/** The conversation that a chat of this beginning is recorded as, and its turn under way. */
async function turnOf(conversation: string): Promise<string> {
  const inFlight = () => api.live.inFlight(conversationIdOf(ada.userId, conversation))
  await expect.poll(() => inFlight().length).toBeGreaterThan(0)
  return inFlight().at(-1)?.turnId ?? ''
}

interface Asked {
  readonly messages: Messages
  readonly conversation?: string
  readonly answer: string
  readonly model?: string
}

async function complete({ messages, conversation = `c-${randomUUID()}`, answer, model = 'emberlog' }: Asked) {
  const metadata = { conversation_id: conversation }
  const asking = openai.chat.completions.create({ model, messages, metadata }).withResponse()
  await api.answer(ada.userId, conversation, await turnOf(conversation), answer)
  return await asking
}

const texts = async (conversation: string, branch = '') => {
  const { body } = await ada.get(`/me/conversations/${conversation}/messages${branch}`)
  return body.results.map((row: { text: string }) => row.text)
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

async function refusalOf(work: Promise<unknown>): Promise<APIError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(APIError)
  return error as APIError
}

describe('the stock OpenAI client', () => {
  test('lists Emberlog and every agent as models', async () => {
    const models = (await openai.models.list()).data.map(({ id }) => id)
    expect(models).toEqual([
      'emberlog',
      'learning',
      'discovery',
      'creation',
      'image',
      'profile',
      'support',
      'smalltalk',
    ])
    expect(await openai.models.retrieve('learning')).toMatchObject({ id: 'learning', object: 'model' })
    expect((await refusalOf(openai.models.retrieve('gpt-9'))).status).toBe(404)
  })

  test('gets a whole answer, with usage, as a recorded turn', async () => {
    const conversation = `c-${randomUUID()}`
    const { data, response } = await complete({ messages: [asks('What is RAG?')], conversation, answer: 'Retrieval' })
    expect(data).toMatchObject({
      object: 'chat.completion',
      model: 'emberlog',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Retrieval' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    })
    expect(response.headers.get('x-conversation-id')).toBe(conversation)
    expect(await texts(conversation)).toEqual(['What is RAG?', 'Retrieval'])
  })

  test.each([true, false])('gets an answer in chunks (usage wanted: %s)', async (isUsageWanted) => {
    const conversation = `c-${randomUUID()}`
    const stream = await openai.chat.completions.create({
      ...{ model: 'emberlog', messages: [asks('Tell me')], stream: true, metadata: { conversation_id: conversation } },
      ...(isUsageWanted && { stream_options: { include_usage: true } }),
    })
    await api.answer(ada.userId, conversation, await turnOf(conversation), 'One two')
    const chunks = await collect(stream)
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('One two')
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant')
    expect(new Set(chunks.map(({ id, created }) => `${id} ${created}`)).size).toBe(1)
    expect(chunks.flatMap(({ choices }) => choices.map((choice) => choice.finish_reason)).filter(Boolean)).toEqual([
      'stop',
    ])
    expect(chunks.at(-1)?.usage ?? undefined).toEqual(
      isUsageWanted ? { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } : undefined,
    )
  })

  test('asks one agent by its name', async () => {
    const conversation = `c-${randomUUID()}`
    await complete({ messages: [asks('Where is it?')], conversation, answer: 'Here', model: 'support' })
    const [, sent] = await api.recorded(ada.userId, conversation)
    expect(sent).toMatchObject({ type: 'MessageSent', data: { text: 'Where is it?', intent: 'support' } })
  })

  test('goes on with a chat by sending all of it; going on otherwise makes a branch', async () => {
    const conversation = `c-${randomUUID()}`
    const beginning = [asks('Hello')]
    await complete({ messages: beginning, conversation, answer: 'Hi' })
    await complete({ messages: [...beginning, says('Hi'), asks('And RAG?')], conversation, answer: 'Retrieval' })
    await complete({ messages: [...beginning, says('Hi'), asks('And BM25?')], conversation, answer: 'Ranking' })
    expect(await texts(conversation)).toEqual(['Hello', 'Hi', 'And RAG?', 'Retrieval', 'And BM25?', 'Ranking'])
    const { body } = await ada.get(`/me/conversations/${conversation}/messages`)
    const last = body.results.at(-1).messageId
    expect(await texts(conversation, `?branch=${last}`)).toEqual(['Hello', 'Hi', 'And BM25?', 'Ranking'])
  })

  test('needs no name for a conversation: what begins alike is one', async () => {
    const opening = fresh()
    const ask = async (messages: Messages, answer: string) => {
      const asking = openai.chat.completions.create({ model: 'emberlog', messages, stream: true }).withResponse()
      const { data, response } = await asking
      const conversation = response.headers.get('x-conversation-id') ?? ''
      await api.answer(ada.userId, conversation, await turnOf(conversation), answer)
      await collect(data)
      return conversation
    }
    const first = await ask([{ role: 'system', content: 'Be brief.' }, asks(opening)], 'One')
    const second = await ask(
      [{ role: 'system', content: 'Be brief.' }, asks(opening), says('One'), asks('Go on')],
      'Two',
    )
    expect(second).toBe(first)
    expect(await texts(first)).toEqual([opening, 'One', 'Go on', 'Two'])
    expect(await ask([{ role: 'system', content: 'Be long.' }, asks(opening)], 'Three')).not.toBe(first)
  })

  test('asks the same again: joins the answer under way, then gets another one; with a key, the same', async () => {
    const conversation = `c-${randomUUID()}`
    const request = {
      ...{ model: 'emberlog', messages: [asks('Once more')], metadata: { conversation_id: conversation } },
    }
    const [one, two] = [openai.chat.completions.create(request), openai.chat.completions.create(request)]
    const turnId = await turnOf(conversation)
    await api.answer(ada.userId, conversation, turnId, 'First')
    const answers = await Promise.all([one, two])
    expect(answers.map(({ choices }) => choices[0]?.message.content)).toEqual(['First', 'First'])

    const repeated = await openai.chat.completions.create(request, { headers: { 'idempotency-key': 'k1' } })
    expect(repeated.choices[0]?.message.content).toBe('First')

    const again = openai.chat.completions.create(request)
    await api.answer(ada.userId, conversation, await turnOf(conversation), 'Second')
    expect((await again).choices[0]?.message.content).toBe('Second')
    expect(await texts(conversation)).toEqual(['Once more', 'First', 'Second'])
  })

  test('is told of a failed answer, whole and in the middle of chunks', async () => {
    const fail = async (conversation: string, turnId: string) =>
      api.live.publish(conversationIdOf(ada.userId, conversation), {
        ...{ type: 'response.failed', turnId, code: 'model-timeout', partialText: 'So', position: '1' },
      })
    const whole = `c-${randomUUID()}`
    const metadata = (conversation: string) => ({ metadata: { conversation_id: conversation } })
    const asking = openai.chat.completions.create({ model: 'emberlog', messages: [asks('Hi')], ...metadata(whole) })
    const refused = refusalOf(asking)
    await fail(whole, await turnOf(whole))
    expect(await refused).toMatchObject({ status: 502, code: 'answer-failed', type: 'server_error' })

    const chunked = `c-${randomUUID()}`
    const stream = await openai.chat.completions.create({
      ...{ model: 'emberlog', messages: [asks('Hi')], stream: true, ...metadata(chunked) },
    })
    const turnId = await turnOf(chunked)
    publishText(api.live, conversationIdOf(ada.userId, chunked), turnId, 'So')
    await fail(chunked, turnId)
    const error = await refusalOf(collect(stream))
    expect(error.message).toContain('took too long')
  })

  test.each<[string, object, number, object]>([
    ['another model', { model: 'gpt-9' }, 404, { code: 'model_not_found', param: 'model' }],
    ['several answers', { n: 2 }, 400, { code: 'unsupported_parameter', param: 'n' }],
    ['its own tools', { tools: [{ type: 'function', function: { name: 'f' } }] }, 400, { param: 'tools' }],
    ['a forced format', { response_format: { type: 'json_object' } }, 400, { param: 'response_format' }],
    ['pictures', { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }, 400, { param: 'messages' }],
    ['no question', { messages: [says('Hi')] }, 400, { param: 'messages', type: 'invalid_request_error' }],
    ['no messages', { messages: [] }, 400, { param: 'messages' }],
    ['a blank message', { messages: [asks(' ')] }, 400, { code: 'text-blank' }],
  ])('is refused %s, in words it understands', async (_what, changes, status, error) => {
    const request = { model: 'emberlog', messages: [asks('Hi')], ...changes } as never
    expect(await refusalOf(openai.chat.completions.create(request))).toMatchObject({ status, ...error })
  })

  test('is not let in with a bad key, and may leave out or repeat what asks for nothing', async () => {
    const stranger = new OpenAI({ baseURL: `${api.url}/v1`, apiKey: 'sk-none', maxRetries: 0 })
    const refused = stranger.chat.completions.create({ model: 'emberlog', messages: [asks('Hi')] })
    expect(await refusalOf(refused)).toMatchObject({ status: 401, code: 'invalid_api_key' })
    expect((await refusalOf(stranger.models.list())).status).toBe(401)

    const conversation = `c-${randomUUID()}`
    const asking = openai.chat.completions.create({
      ...{ model: 'emberlog-learning', messages: [asks('Hi')], n: 1, tools: [], temperature: 0, max_tokens: 10 },
      ...{ response_format: { type: 'text' }, user: 'somebody', metadata: { conversation_id: conversation } },
    })
    await api.answer(ada.userId, conversation, await turnOf(conversation), 'Hello')
    expect((await asking).choices[0]?.message.content).toBe('Hello')
  })
})
