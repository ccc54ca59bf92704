/** The AI SDK's own client classes, unchanged, as `useChat` uses them. */
import { randomUUID } from 'node:crypto'
import { AbstractChat, type ChatState, type ChatStatus, DefaultChatTransport, type UIMessage } from 'ai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { conversationIdOf, responseMessageIdOf, turnIdOf } from '../../src/events/stream-names.ts'
import { publishText } from '../support/written-text.ts'
import { type ApiFixture, type Person, startApi } from './api-fixture.ts'

let api: ApiFixture
let ada: Person
beforeAll(async () => {
  api = await startApi()
  ada = await api.signIn()
})
afterAll(() => api.close())

/** The state of a chat, as the React hook keeps it. */
class PlainState implements ChatState<UIMessage> {
  messages: UIMessage[] = []
  status: ChatStatus = 'ready'
  error: Error | undefined
  pushMessage = (message: UIMessage) => {
    this.messages = [...this.messages, message]
  }
  popMessage = () => {
    this.messages = this.messages.slice(0, -1)
  }
  replaceMessage = (index: number, message: UIMessage) => {
    this.messages = this.messages.map((each, at) => (at === index ? message : each))
  }
  snapshot = <Value>(value: Value): Value => structuredClone(value)
}

class Chat extends AbstractChat<UIMessage> {
  constructor(id: string, messages: UIMessage[] = [], person = ada, body?: object) {
    const state = new PlainState()
    state.messages = messages
    const headers = { authorization: `Bearer ${person.token}` }
    const transport = new DefaultChatTransport({ api: `${api.url}/api/chat`, headers, ...(body && { body }) })
    super({ id, state, transport })
  }
  texts(): string[] {
    return this.messages.map(({ role, parts }) => {
      const text = parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
      return `${role}: ${text}`
    })
  }
}

const newId = () => `chat-${randomUUID()}`
const idOf = (chat: Chat) => conversationIdOf(ada.userId, chat.id)

/** The turn of the message that a chat has sent last, once the server knows it. */
async function lastTurn(chat: Chat): Promise<string> {
  const turnId = () => turnIdOf(idOf(chat), chat.messages.findLast(({ role }) => role === 'user')?.id ?? '')
  await expect.poll(() => openTurns(chat).includes(turnId())).toBe(true)
  return turnId()
}

const openTurns = (chat: Chat) => api.live.inFlight(idOf(chat)).map(({ turnId }) => turnId)
/** Records are made by hand here, so what a responder would hear of the record is told by hand as well. */
async function answer(chat: Chat, text: string): Promise<string> {
  const turnId = await lastTurn(chat)
  await api.answer(ada.userId, chat.id, turnId, text)
  return turnId
}

describe('the stock chat client', () => {
  test('sends a message and sees the answer, with who gave it and why', async () => {
    const chat = new Chat(newId())
    const sending = chat.sendMessage({ text: 'What is RAG?' })
    const turnId = await answer(chat, 'Retrieval')
    await sending
    expect(chat.status).toBe('ready')
    expect(chat.texts()).toEqual(['user: What is RAG?', 'assistant: Retrieval'])
    const last = chat.messages.at(-1)
    expect(last?.id).toBe(responseMessageIdOf(turnId))
    expect(last?.metadata).toMatchObject({ turnId, status: 'completed', agent: 'learning', usage: { outputTokens: 1 } })
    expect(last?.parts).toContainEqual({
      type: 'data-routing',
      id: 'routing',
      data: { intent: 'learning', agent: 'learning', method: 'model', confidence: 0.9 },
    })
    const recorded = await ada.get(`/me/conversations/${chat.id}/messages`)
    expect(recorded.body.results.map((row: { messageId: string }) => row.messageId)).toEqual(
      chat.messages.map(({ id }) => id),
    )
  })

  test('continues the conversation where it has it', async () => {
    const chat = new Chat(newId())
    for (const text of ['One', 'Two']) {
      const sending = chat.sendMessage({ text })
      await answer(chat, `Answer to ${text}`)
      await sending
    }
    const { body } = await ada.get(`/me/conversations/${chat.id}/messages`)
    expect(body.results.map((row: { parentMessageId: string }) => row.parentMessageId)).toEqual([
      null,
      ...chat.messages.slice(0, -1).map(({ id }) => id),
    ])
  })

  test('comes back in the middle of an answer and sees all of it, in one message', async () => {
    const first = new Chat(newId())
    void first.sendMessage({ text: 'Tell me' })
    const turnId = await lastTurn(first)
    publishText(api.live, idOf(first), turnId, 'Half')
    await expect.poll(() => first.texts().at(-1)).toBe('assistant: Half')
    await first.stop() // The stock client only hangs up.

    const second = new Chat(first.id, structuredClone(first.messages))
    const resuming = second.resumeStream()
    await expect.poll(() => second.status).toBe('streaming')
    await api.answer(ada.userId, first.id, turnId, 'Half and half')
    await resuming
    expect(second.texts()).toEqual(['user: Tell me', 'assistant: Half and half'])
  })

  test('is told that there is nothing to resume', async () => {
    const chat = new Chat(newId())
    await chat.resumeStream()
    expect([chat.status, chat.messages]).toEqual(['ready', []])
  })

  test('stops an answer for good, and not a newer one by a late stop', async () => {
    const chat = new Chat(newId())
    const sending = chat.sendMessage({ text: 'Tell me everything' })
    const turnId = await lastTurn(chat)
    publishText(api.live, idOf(chat), turnId, 'Well')
    const headers = { authorization: `Bearer ${ada.token}`, 'content-type': 'application/json' }
    const stop = (body: object) =>
      fetch(`${api.url}/api/chat/${chat.id}/stop`, { method: 'POST', headers, body: JSON.stringify(body) })
    expect((await stop({ messageId: 'of-another-answer' })).status).toBe(204)
    const stopped = await stop({ messageId: responseMessageIdOf(turnId) })
    expect(stopped.status).toBe(202)
    api.live.publish(idOf(chat), { type: 'response.stopped', turnId, partialText: 'Well', position: '1' })
    await sending
    expect(chat.texts().at(-1)).toBe('assistant: Well')
    expect(chat.messages.at(-1)?.metadata).toMatchObject({ status: 'stopped' })
    expect((await stop({})).status).toBe(204)
    expect(await api.recordedTypes(ada.userId, chat.id)).toContain('ResponseStopped')
  })

  test('asks for another answer, beside the old one', async () => {
    const chat = new Chat(newId())
    const sending = chat.sendMessage({ text: 'Once more' })
    await answer(chat, 'First')
    await sending
    const again = chat.regenerate()
    await expect.poll(() => openTurns(chat)).toHaveLength(1)
    await api.answer(ada.userId, chat.id, openTurns(chat)[0] ?? '', 'Second')
    await again
    expect(chat.texts()).toEqual(['user: Once more', 'assistant: Second'])
    const { body } = await ada.get(`/me/conversations/${chat.id}/messages`)
    expect(body.results.map((row: { text: string }) => row.text)).toEqual(['Once more', 'First', 'Second'])
  })

  test('edits a message: a branch, and nothing is overwritten', async () => {
    const chat = new Chat(newId())
    for (const text of ['Hello', 'What is RAG?']) {
      const sending = chat.sendMessage({ text })
      await answer(chat, `Answer to ${text}`)
      await sending
    }
    const edited = chat.messages[2]?.id ?? ''
    const editing = chat.sendMessage({ text: 'What is BM25?', messageId: edited })
    await expect.poll(() => openTurns(chat)).toHaveLength(1)
    const turnId = openTurns(chat)[0] ?? ''
    await api.answer(ada.userId, chat.id, turnId, 'A ranking')
    await editing
    expect(chat.texts().slice(2)).toEqual(['user: What is BM25?', 'assistant: A ranking'])
    const page = await ada.get(`/me/conversations/${chat.id}/messages?branch=${responseMessageIdOf(turnId)}`)
    expect(page.body.results.map((row: { text: string }) => row.text)).toEqual([
      ...['Hello', 'Answer to Hello', 'What is BM25?', 'A ranking'],
    ])
    const all = await ada.get(`/me/conversations/${chat.id}/messages`)
    expect(all.body.results).toHaveLength(6)

    const again = chat.regenerate()
    await expect.poll(() => openTurns(chat)).toHaveLength(1)
    await api.answer(ada.userId, chat.id, openTurns(chat)[0] ?? '', 'Best match 25')
    await again
    expect(chat.texts().at(-1)).toBe('assistant: Best match 25')
  })

  test('chooses who answers', async () => {
    const id = newId()
    const chat = new Chat(id, [], ada, { agent: 'support' })
    const sending = chat.sendMessage({ text: 'Where is my history?' })
    await answer(chat, 'Here')
    await sending
    const [, sent] = await api.recorded(ada.userId, id)
    expect(sent).toMatchObject({ type: 'MessageSent', data: { intent: 'support' } })
  })

  test('is told in words when an answer fails, or is not allowed', async () => {
    const chat = new Chat(newId())
    const sending = chat.sendMessage({ text: 'Hello' })
    const turnId = await lastTurn(chat)
    api.live.publish(idOf(chat), {
      ...{ type: 'response.failed', turnId, code: 'model-timeout', partialText: 'So', position: '1' },
    })
    await sending
    expect([chat.status, chat.error?.message]).toEqual(['error', expect.stringMatching(/took too long/)])
    expect(chat.texts().at(-1)).toBe('assistant: So')

    const stranger = new Chat(newId(), [], { ...ada, token: 'none' })
    await stranger.sendMessage({ text: 'Hello' })
    expect(stranger.error?.message).toContain('not-signed-in')
    const empty = new Chat(newId())
    await empty.sendMessage({ text: '  ' })
    expect(empty.error?.message).toContain('text-blank')
  })

  test('sends the same request again and joins the same turn', async () => {
    const chat = new Chat(newId())
    const sending = chat.sendMessage({ text: 'Only once' })
    const turnId = await lastTurn(chat)
    const twin = new Chat(chat.id)
    const again = twin.sendMessage({ ...(chat.messages[0] as UIMessage) })
    publishText(api.live, idOf(chat), turnId, 'On')
    await expect.poll(() => twin.texts().at(-1)).toBe('assistant: On')
    await api.answer(ada.userId, chat.id, turnId, 'Once')
    await Promise.all([sending, again])
    expect(twin.texts()).toEqual(chat.texts())
    expect((await api.recordedTypes(ada.userId, chat.id)).filter((type) => type === 'MessageSent')).toHaveLength(1)
  })
})
