import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiFixture, startApi } from './api-fixture.ts'

let api: ApiFixture

beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

describe('a search', () => {
  test('finds a person’s own messages by their words, newest first, with what matches marked', async () => {
    const ada = await api.signIn()
    const eve = await api.signIn()
    await ada.send('POST', '/me/conversations/one/messages', {
      messageId: 'm1',
      text: 'Tell me about vector databases',
    })
    const sent = await ada.send('POST', '/me/conversations/two/messages', {
      messageId: 'm2',
      text: 'Which vector is that?',
    })
    await eve.send('POST', '/me/conversations/one/messages', { messageId: 'm1', text: 'My vector is a secret' })
    const fresh = { 'x-min-position': String(sent.headers['x-position']) }
    const found = await ada.get('/me/search?q=vector', fresh)
    expect(found).toMatchObject({
      status: 200,
      body: {
        next: null,
        results: [
          { conversationId: 'two', messageId: 'm2' },
          { conversationId: 'one', messageId: 'm1' },
        ],
      },
    })
    expect(found.headers['x-read-position']).toMatch(/^\d+$/)
    const marked = found.body.results[0].snippet.filter((part: { isMatch: boolean }) => part.isMatch)
    expect(marked).toEqual([{ text: 'vector', isMatch: true }])
  })

  test('goes on page by page', async () => {
    const ada = await api.signIn()
    let position = ''
    for (const id of ['m1', 'm2', 'm3']) {
      const sent = await ada.send('POST', '/me/conversations/c/messages', { messageId: id, text: `token ${id}` })
      position = String(sent.headers['x-position'])
    }
    const first = await ada.get('/me/search?q=token&limit=2', { 'x-min-position': position })
    const second = await ada.get(`/me/search?q=token&limit=2&cursor=${first.body.next}`)
    const ids = [...first.body.results, ...second.body.results].map((found: { messageId: string }) => found.messageId)
    expect(ids).toEqual(['m3', 'm2', 'm1'])
    expect(second.body.next).toBeNull()
  })

  test.each([
    ['without words', '/me/search', 422],
    ['for too much', `/me/search?q=${'x'.repeat(201)}`, 422],
    ['with a cursor made elsewhere', '/me/search?q=x&cursor=nonsense', 422],
  ])('%s is refused', async (_what, path, status) => {
    expect((await (await api.signIn()).get(path)).status).toBe(status)
  })

  test('wants somebody who is signed in', async () => {
    expect((await api.inject('GET', '/api/v1/me/search?q=x')).status).toBe(401)
  })
})
