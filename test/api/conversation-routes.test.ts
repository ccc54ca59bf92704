import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiFixture, startApi } from './api-fixture.ts'

let api: ApiFixture

beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

describe('conversations of a person', () => {
  test('start once: the same id again answers with the existing one', async () => {
    const ada = await api.signIn()
    const first = await ada.send('POST', '/me/conversations', { conversationId: 'ember-chat-1', title: 'About RAG' })
    expect(first).toMatchObject({
      status: 201,
      body: {
        conversationId: 'ember-chat-1',
        kind: 'ember_chat',
        title: 'About RAG',
        messageCount: 0,
        archived: false,
      },
    })
    expect(first.headers['x-position']).toMatch(/^\d+$/)
    const again = await ada.send('POST', '/me/conversations', {
      conversationId: 'ember-chat-1',
      title: 'Something else',
    })
    expect(again).toMatchObject({ status: 200, body: { title: 'About RAG' } })
    expect(await api.recordedTypes(ada.userId, 'ember-chat-1')).toEqual(['ConversationStarted'])
  })

  test('start without an id or a body get an id', async () => {
    const ada = await api.signIn()
    const { status, body } = await ada.send('POST', '/me/conversations')
    expect(status).toBe(201)
    expect(body.conversationId).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('are listed newest first, in pages, without the archived ones', async () => {
    const ada = await api.signIn()
    for (const id of ['a', 'b', 'c']) await ada.send('POST', '/me/conversations', { conversationId: id, title: id })
    await ada.send('PATCH', '/me/conversations/b', { archived: true })
    const first = await ada.get('/me/conversations?limit=1')
    expect(first.body).toMatchObject({ count: 2, results: [{ conversationId: 'c' }] })
    expect(first.headers['x-read-position']).toMatch(/^\d+$/)
    const second = await ada.get(`/me/conversations?limit=1&cursor=${first.body.next}`)
    expect(second.body).toMatchObject({ next: null, results: [{ conversationId: 'a' }] })
    const archived = await ada.get('/me/conversations?archived=true')
    expect(archived.body.results.map((one: { conversationId: string }) => one.conversationId)).toEqual(['b'])
  })

  test('can be renamed, archived, deleted and restored', async () => {
    const ada = await api.signIn()
    await ada.send('POST', '/me/conversations', { conversationId: 'c' })
    expect(await ada.send('PATCH', '/me/conversations/c', { title: 'New name', archived: true })).toMatchObject({
      status: 200,
      body: { title: 'New name', archived: true },
    })
    expect(await ada.send('DELETE', '/me/conversations/c')).toMatchObject({ status: 204, body: '' })
    expect(await ada.get('/me/conversations/c')).toMatchObject({ status: 404, body: { code: 'conversation-unknown' } })
    expect(await ada.send('DELETE', '/me/conversations/c')).toMatchObject({ status: 204 })
    expect(await ada.send('POST', '/me/conversations/c/restore')).toMatchObject({
      status: 200,
      body: { title: 'New name' },
    })
    expect((await ada.get('/me/conversations/c/')).status).toBe(200)
  })

  test('of another person are unknown, whatever is asked of them', async () => {
    const ada = await api.signIn()
    const eve = await api.signIn()
    await ada.send('POST', '/me/conversations/shared/messages', { messageId: 'm1', text: 'a secret' })
    for (const [method, path] of [
      ['GET', '/me/conversations/shared'],
      ['GET', '/me/conversations/shared/messages'],
      ['GET', '/me/conversations/shared/export'],
    ] as const) {
      expect(
        await api.inject(method, `/api/v1${path}`, { headers: { authorization: `Bearer ${eve.token}` } }),
      ).toMatchObject({ status: 404 })
    }
    expect(await eve.send('PATCH', '/me/conversations/shared', { title: 'mine' })).toMatchObject({ status: 404 })
    expect(await eve.send('DELETE', '/me/conversations/shared')).toMatchObject({ status: 404 })
    const sent = await eve.send('POST', '/me/conversations/shared/messages', { messageId: 'm1', text: 'mine' })
    expect(sent.status).toBe(202)
    expect((await ada.get('/me/conversations/shared/messages')).body.results).toMatchObject([{ text: 'a secret' }])
    expect((await eve.get('/me/conversations/shared/messages')).body.results).toMatchObject([{ text: 'mine' }])
  })

  test('of a kind that ages out of the record are started, and their kind is read from the id', async () => {
    const ada = await api.signIn()
    const { status, body } = await ada.send('POST', '/me/conversations', { conversationId: 'project-7' })
    expect({ status, kind: body.kind }).toEqual({ status: 201, kind: 'project' })
  })
})

describe('a message', () => {
  test('sent many times in parallel with one id is one turn with one answer', async () => {
    const ada = await api.signIn()
    const send = () => ada.send('POST', '/me/conversations/c/messages', { messageId: 'm1', text: 'What is RAG?' })
    const answers = await Promise.all(Array.from({ length: 50 }, send))
    const distinct = new Set(answers.map(({ status, body }) => JSON.stringify({ status, body })))
    expect(distinct.size).toBe(1)
    expect(answers[0]).toMatchObject({ status: 202, body: { messageId: 'm1' } })
    expect(await api.recordedTypes(ada.userId, 'c')).toEqual(['ConversationStarted', 'MessageSent'])
  })

  test.each([
    ['empty', '', 'text-blank'],
    ['only white space', ' \t\n\u00a0\u2003 ', 'text-blank'],
    ['only invisible characters', '\u200b\u200d\ufeff', 'text-blank'],
    ['longer than 20,000 characters', 'x'.repeat(20_001), 'text-too-long'],
    ['holding NUL', 'a\0b', 'text-not-storable'],
    ['holding half of a surrogate pair', 'a\ud800b', 'text-not-storable'],
  ])('that is %s is refused, and nothing is recorded', async (_name, text, code) => {
    const ada = await api.signIn()
    const refused = await ada.send('POST', '/me/conversations/c/messages', { messageId: 'm1', text })
    expect(refused).toMatchObject({ status: 422, body: { code, status: 422 } })
    expect(refused.headers['content-type']).toContain('application/problem+json')
    expect(await api.recordedTypes(ada.userId, 'c')).toEqual([])
  })

  test.each([
    ['emoji', '👩‍👩‍👧‍👦 🏳️‍🌈 '.repeat(10)],
    ['Chinese, Japanese, Korean', '检索增强生成 とは 무엇인가'],
    ['right-to-left text with marks', '\u202bמה זה RAG؟ ما هو\u202c'],
    ['combining characters in both normal forms', 'e\u0301 é'],
    ['markup', '<script>alert(1)</script><img src=x onerror=alert(2)>'],
    ['line breaks of every kind', 'a\r\nb\nc\rd\u2028e'],
    ['20,000 characters outside the basic plane', '𝒳'.repeat(20_000)],
  ])('of %s is kept exactly', async (_name, text) => {
    const ada = await api.signIn()
    expect((await ada.send('POST', '/me/conversations/c/messages', { text })).status).toBe(202)
    expect((await ada.get('/me/conversations/c/messages')).body.results[0].text).toBe(text)
  })

  test('without an id gets one', async () => {
    const ada = await api.signIn()
    const { body } = await ada.send('POST', '/me/conversations/c/messages', { text: 'hello' })
    expect(body).toMatchObject({
      messageId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      turnId: expect.any(String),
      position: expect.stringMatching(/^\d+$/),
    })
  })

  test.each(['', ' ', 'a/b', 'ü', 'x'.repeat(129), '\0'])('with the id %j is refused', async (messageId) => {
    const ada = await api.signIn()
    expect(await ada.send('POST', '/me/conversations/c/messages', { messageId, text: 'hi' })).toMatchObject({
      status: 422,
      body: { code: 'message-id-invalid' },
    })
  })

  test('to a deleted conversation is a conflict', async () => {
    const ada = await api.signIn()
    await ada.send('POST', '/me/conversations', { conversationId: 'c' })
    await ada.send('DELETE', '/me/conversations/c')
    expect(await ada.send('POST', '/me/conversations/c/messages', { text: 'hi' })).toMatchObject({
      status: 409,
      body: { code: 'conversation-deleted' },
    })
  })
})

describe('a conversation id', () => {
  test.each(['%20', 'a%2Fb', 'a%00', '%E2%80%AE', 'x'.repeat(129), '%C3%BC', 'a%3Fb'])(
    'such as %s is refused with its reason',
    async (id) => {
      const ada = await api.signIn()
      expect(await ada.get(`/me/conversations/${id}`)).toMatchObject({
        status: 422,
        body: { code: 'conversation-id-invalid' },
      })
    },
  )

  test.each(['a', 'x'.repeat(128), 'ember-chat-1', 'A.b_c:d~e-1', '1766500000000'])(
    'such as %s is fine',
    async (id) => {
      const ada = await api.signIn()
      expect((await ada.send('POST', `/me/conversations/${id}/messages`, { text: 'hi' })).status).toBe(202)
    },
  )

  test('with a broken escape is refused without a fault', async () => {
    const ada = await api.signIn()
    expect(await ada.get('/me/conversations/%E0%A4%A')).toMatchObject({
      status: 422,
      body: { code: 'request-invalid' },
    })
  })
})

describe('turns and answers', () => {
  test('are stopped, answered again, corrected and rated through their ids alone', async () => {
    const ada = await api.signIn()
    const sent = await ada.send('POST', '/me/conversations/c/messages', { text: 'What is RAG?' })
    const { turnId } = sent.body
    await api.answer(ada.userId, 'c', turnId, 'Retrieval.')
    expect(await ada.send('POST', `/me/turns/${turnId}/intent`, { intent: 'discovery' })).toMatchObject({ status: 202 })
    expect(await ada.send('POST', `/me/turns/${turnId}/intent`, { intent: 'nonsense' })).toMatchObject({
      status: 422,
      body: { code: 'intent-unknown' },
    })
    const rerouted = await ada.send('POST', `/me/turns/${turnId}/intent`, { intent: 'support', reroute: true })
    expect(rerouted).toMatchObject({ status: 202, body: { turnId: expect.not.stringContaining(turnId) } })
    await ada.send('POST', `/me/turns/${rerouted.body.turnId}/stop`)
    const again = await ada.send('POST', `/me/turns/${turnId}/regenerate`)
    expect(again).toMatchObject({ status: 202, body: { turnId: expect.any(String) } })
    expect(await ada.send('POST', `/me/turns/${again.body.turnId}/stop`)).toMatchObject({ status: 202 })
    const answer = (await ada.get('/me/conversations/c/messages')).body.results[1]
    expect(await ada.send('POST', `/me/messages/${answer.messageId}/rating`, { rating: 'up' })).toMatchObject({
      status: 202,
    })
    expect(await ada.send('POST', `/me/messages/${answer.messageId}/rating`, { rating: 'best' })).toMatchObject({
      status: 422,
      body: { code: 'request-invalid', errors: [{ path: 'body/rating' }] },
    })
    expect(await ada.get(`/me/turns/${turnId}/routing`)).toMatchObject({
      status: 200,
      body: { turnId, intent: 'learning', candidates: [{ intent: 'learning' }] },
    })
    expect(await api.recordedTypes(ada.userId, 'c')).toEqual([
      'ConversationStarted',
      'MessageSent',
      'IntentRouted',
      'ResponseCompleted',
      'IntentCorrected',
      'IntentCorrected',
      'ResponseRequested',
      'ResponseStopped',
      'ResponseRequested',
      'ResponseStopped',
      'ResponseRated',
    ])
  })

  test('of another person are unknown', async () => {
    const ada = await api.signIn()
    const eve = await api.signIn()
    const { turnId } = (await ada.send('POST', '/me/conversations/c/messages', { text: 'hi' })).body
    for (const path of [`/me/turns/${turnId}/stop`, `/me/turns/${turnId}/regenerate`]) {
      expect(await eve.send('POST', path)).toMatchObject({ status: 404, body: { code: 'turn-unknown' } })
    }
    expect(await eve.get(`/me/turns/${turnId}/routing`)).toMatchObject({ status: 404 })
    expect(await eve.send('POST', `/me/messages/m1/rating`, { rating: 'up' })).toMatchObject({
      status: 404,
      body: { code: 'message-unknown' },
    })
  })

  test('with an id that is none are refused', async () => {
    const ada = await api.signIn()
    expect(await ada.send('POST', `/me/turns/${'x'.repeat(300)}/stop`)).toMatchObject({ status: 422 })
    expect(await ada.send('POST', `/me/turns/${randomUUID()}/stop`)).toMatchObject({ status: 404 })
  })
})

describe('an export', () => {
  test('holds every message, as JSON and as Markdown', async () => {
    const ada = await api.signIn()
    const { turnId } = (await ada.send('POST', '/me/conversations/c:1/messages', { text: 'What is RAG?' })).body
    await api.answer(ada.userId, 'c:1', turnId, 'Retrieval first.')
    const json = await ada.get('/me/conversations/c:1/export?format=json')
    expect(json.body).toMatchObject({
      conversation: { conversationId: 'c:1' },
      messages: [{ text: 'What is RAG?' }, { text: 'Retrieval first.' }],
    })
    expect(json.headers['content-disposition']).toBe('attachment; filename="conversation-c-1.json"')
    const markdown = await ada.get('/me/conversations/c:1/export?format=markdown')
    expect(markdown.headers['content-type']).toBe('text/markdown; charset=utf-8')
    expect(markdown.body).toMatch(
      /^# What is RAG\?\n[\s\S]*## You · [\s\S]*What is RAG\?[\s\S]*## Emberlog \(learning\)[\s\S]*Retrieval first\.\n$/,
    )
    expect(await ada.get('/me/conversations/c:1/export?format=pdf')).toMatchObject({ status: 422 })
  })
})
