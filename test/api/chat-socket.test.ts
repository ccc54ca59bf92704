import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ServerFrame } from '../../src/api/contracts/socket-frames.ts'
import { conversationIdOf, turnIdOf } from '../../src/events/stream-names.ts'
import { publishText } from '../support/written-text.ts'
import { type ApiFixture, type ChatSocket, startApi } from './api-fixture.ts'

let api: ApiFixture

beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

const typesOf = (socket: ChatSocket, turnId: string) =>
  socket.frames.filter((frame) => 'turnId' in frame && frame.turnId === turnId).map(({ type }) => type)

const deltasOf = (socket: ChatSocket, turnId: string) =>
  socket.frames.filter((frame) => frame.type === 'response.delta').filter((frame) => frame.turnId === turnId)

describe('a turn on its own socket', () => {
  test('is accepted, routed, written delta by delta, and completed once', async () => {
    const ada = await api.signIn()
    const socket = await ada.open('c')
    const { turnId } = await socket.say('What is RAG?')
    await api.answer(ada.userId, 'c', turnId, 'It is.')
    const completed = await socket.frame('response.completed')
    await socket.settled()
    const deltas = deltasOf(socket, turnId)
    expect(typesOf(socket, turnId)).toEqual([
      'message.accepted',
      'intent.routed',
      ...deltas.map(() => 'response.delta'),
      'response.completed',
    ])
    expect(deltas.map(({ delta }) => delta)).toEqual(deltas.map((_, index) => index + 1))
    expect(deltas.map(({ text }) => text).join('')).toBe(completed.text)
    expect(completed).toMatchObject({
      text: 'It is.',
      agent: 'learning',
      finishReason: 'stop',
      position: expect.stringMatching(/^\d+$/),
    })
  })

  test('is accepted first even when everything else of it is known before', async () => {
    const early = await startApi({
      // The whole turn is told live before the sender's append is known to have happened.
      wrapGateway: (gateway, live) => ({
        ...gateway,
        async sendMessage(request, wish) {
          const conversationId = conversationIdOf(request.ownerId, request.clientConversationId)
          const turnId = turnIdOf(conversationId, wish.messageId)
          live.publish(conversationId, { type: 'message.sent', turnId, messageId: wish.messageId, text: wish.text })
          live.publish(conversationId, {
            type: 'intent.routed',
            turnId,
            intent: 'learning',
            agent: 'learning',
            method: 'model',
            confidence: 1,
          })
          publishText(live, conversationId, turnId, 'Half')
          live.publish(conversationId, { type: 'response.stopped', turnId, partialText: 'Half', position: '7' })
          return gateway.sendMessage(request, wish)
        },
      }),
    })
    try {
      const ada = await early.signIn()
      const socket = await ada.open('c')
      const { turnId } = await socket.say('hi')
      await socket.frame('response.stopped')
      expect(typesOf(socket, turnId)).toEqual([
        'message.accepted',
        'intent.routed',
        'response.delta',
        'response.stopped',
      ])
    } finally {
      await early.close()
    }
  })

  test('is one turn however often its message is sent, and every sending gets the same answer', async () => {
    const ada = await api.signIn()
    const [first, second] = [await ada.open('c'), await ada.open('c')]
    const frame = { type: 'message.send', messageId: 'm1', text: 'What is RAG?' }
    for (let sending = 0; sending < 25; sending += 1) {
      first.write(frame)
      second.write(frame)
    }
    await Promise.all([first.settled(), second.settled()])
    const accepted = [first, second].flatMap(({ frames }) => frames.filter(({ type }) => type === 'message.accepted'))
    expect(accepted).toHaveLength(50)
    expect(new Set(accepted.map((one) => JSON.stringify(one))).size).toBe(1)
    const turnId = turnIdOf(conversationIdOf(ada.userId, 'c'), 'm1')
    await api.answer(ada.userId, 'c', turnId, 'Once.')
    for (const socket of [first, second]) {
      await socket.frame('response.completed')
      await socket.settled()
      expect(typesOf(socket, turnId).filter((type) => type === 'response.completed')).toHaveLength(1)
      expect(
        deltasOf(socket, turnId)
          .map(({ text }) => text)
          .join(''),
      ).toBe('Once.')
    }
    expect(await api.recordedTypes(ada.userId, 'c')).toEqual([
      'ConversationStarted',
      'MessageSent',
      'IntentRouted',
      'ResponseCompleted',
    ])
  })

  test('that was answered before is shown again to a socket that repeats its message', async () => {
    const ada = await api.signIn()
    const socket = await ada.open('c')
    const { messageId, turnId } = await socket.say('What is RAG?')
    await api.answer(ada.userId, 'c', turnId, 'It is.')
    const later = await ada.open('c')
    await later.say('What is RAG?', messageId)
    await later.frame('response.completed')
    expect(typesOf(later, turnId)).toEqual(
      ['message.accepted', ...'It is.']
        .map((one, index) => (index === 0 ? one : 'response.delta'))
        .concat('response.completed'),
    )
  })

  test('follows the one sent before it: messages are recorded in the order in which they were sent', async () => {
    const ada = await api.signIn()
    const socket = await ada.open('c')
    const texts = Array.from({ length: 15 }, (_, index) => `message ${index}`)
    for (const text of texts) socket.write({ type: 'message.send', messageId: randomUUID(), text })
    await socket.settled()
    const { body } = await ada.get('/me/conversations/c/messages')
    expect(body.results.map(({ text }: { text: string }) => text)).toEqual(texts)
  })
})

describe('the owner’s other sockets', () => {
  test('are told what was sent, and see the same answer; the sender is not told', async () => {
    const ada = await api.signIn()
    const [sender, other, elsewhere] = [await ada.open('c'), await ada.open('c'), await ada.open('d')]
    const { messageId, turnId } = await sender.say('What is RAG?')
    api.live.publish(conversationIdOf(ada.userId, 'c'), {
      type: 'message.sent',
      turnId,
      messageId,
      text: 'What is RAG?',
    })
    await api.answer(ada.userId, 'c', turnId, 'Yes')
    await Promise.all([sender.frame('response.completed'), other.frame('response.completed')])
    await elsewhere.settled()
    expect(typesOf(other, turnId)).toEqual([
      'message.sent',
      'intent.routed',
      'response.delta',
      'response.delta',
      'response.delta',
      'response.completed',
    ])
    expect(other.frames.find(({ type }) => type === 'message.sent')).toEqual({
      type: 'message.sent',
      turnId,
      messageId,
      text: 'What is RAG?',
    })
    expect(typesOf(sender, turnId)).not.toContain('message.sent')
    expect(typesOf(elsewhere, turnId)).toEqual([])
  })

  test('of another person with the same conversation id see nothing', async () => {
    const [ada, eve] = [await api.signIn(), await api.signIn()]
    const [own, foreign] = [await ada.open('ember-chat-1'), await eve.open('ember-chat-1')]
    const { turnId } = await own.say('a secret')
    await api.answer(ada.userId, 'ember-chat-1', turnId, 'kept')
    await own.frame('response.completed')
    await foreign.settled()
    expect(foreign.frames.map(({ type }) => type)).toEqual(['connected', 'error'])
    foreign.write({ type: 'resume', turnId, lastDelta: 0 })
    expect(await foreign.frame('error', (frame) => frame.turnId === turnId)).toMatchObject({ code: 'turn-unknown' })
  })
})

describe('a socket that opens in the middle of an answer', () => {
  async function inTheMiddle() {
    const ada = await api.signIn()
    const conversationId = conversationIdOf(ada.userId, 'c')
    const first = await ada.open('c')
    const { turnId } = await first.say('What is RAG?')
    for (const text of ['a', 'ab', 'abc']) publishText(api.live, conversationId, turnId, text)
    const second = await ada.open('c')
    return {
      ada,
      turnId,
      second,
      progress: (text: string) => publishText(api.live, conversationId, turnId, text),
    }
  }

  test('learns which turns are under way, and gets the rest after naming the last delta it has', async () => {
    const { ada, turnId, second, progress } = await inTheMiddle()
    expect(await second.frame('connected')).toMatchObject({ inFlight: [{ turnId, lastDelta: 3 }] })
    progress('abcd')
    second.write({ type: 'resume', turnId, lastDelta: 2 })
    await second.frame('response.delta', ({ delta }) => delta === 4)
    await api.answer(ada.userId, 'c', turnId, 'abcdef')
    await second.frame('response.completed')
    expect(deltasOf(second, turnId).map(({ delta, text }) => [delta, text])).toEqual([
      [3, 'c'],
      [4, 'd'],
      [5, 'e'],
      [6, 'f'],
    ])
  })

  test('gets everything when the answer ends before it resumes', async () => {
    const { ada, turnId, second } = await inTheMiddle()
    await api.answer(ada.userId, 'c', turnId, 'abcd')
    second.write({ type: 'resume', turnId, lastDelta: 0 })
    await second.frame('response.completed')
    await second.settled()
    expect(
      deltasOf(second, turnId)
        .map(({ text }) => text)
        .join(''),
    ).toBe('abcd')
    expect(typesOf(second, turnId).filter((type) => type === 'response.completed')).toHaveLength(1)
  })

  test('is told the end, once, even when it never resumes', async () => {
    const { ada, turnId, second } = await inTheMiddle()
    await api.answer(ada.userId, 'c', turnId, 'abcd')
    expect(await second.frame('response.completed')).toMatchObject({ text: 'abcd' })
    second.write({ type: 'resume', turnId, lastDelta: 0 })
    await second.settled()
    expect(typesOf(second, turnId)).toEqual(['response.completed'])
  })
})

describe('resuming a turn', () => {
  test('that nobody remembers live is answered from the read models with its end', async () => {
    const forgetful = await startApi()
    try {
      const ada = await forgetful.signIn()
      const { turnId } = (await ada.send('POST', '/me/conversations/c/messages', { text: 'What is RAG?' })).body
      await forgetful.answer(ada.userId, 'c', turnId, 'It is.')
      // A process that did not see the turn has a hub that knows nothing of it.
      const restarted = await startApi({ wrapQueries: () => ({ ...forgetful.queries }) })
      try {
        const back = await restarted.signIn(ada.userId)
        const socket = await back.open('c')
        socket.write({ type: 'resume', turnId, lastDelta: 2 })
        expect(await socket.frame('response.completed')).toMatchObject({
          turnId,
          text: 'It is.',
          agent: 'learning',
          usage: { inputTokens: 1 },
        })
      } finally {
        await restarted.close()
      }
    } finally {
      await forgetful.close()
    }
  })

  test('that does not exist is an error that names it', async () => {
    const ada = await api.signIn()
    const socket = await ada.open('c')
    const turnId = randomUUID()
    socket.write({ type: 'resume', turnId, lastDelta: 0 })
    expect(await socket.frame('error')).toMatchObject({ code: 'turn-unknown', turnId })
  })
})

describe('a stop', () => {
  test('ends the turn it names, and is quiet about one that has ended', async () => {
    const ada = await api.signIn()
    const socket = await ada.open('c')
    const { turnId } = await socket.say('What is RAG?')
    socket.write({ type: 'response.stop', turnId })
    socket.write({ type: 'response.stop', turnId })
    await socket.settled()
    expect(await api.recordedTypes(ada.userId, 'c')).toEqual(['ConversationStarted', 'MessageSent', 'ResponseStopped'])
    expect(socket.frames.filter((frame) => frame.type === 'error' && frame.turnId === turnId)).toEqual([])
  })
})

describe('a request for another answer', () => {
  test('is accepted with the new turn, and refused while the first is being written', async () => {
    const ada = await api.signIn()
    const socket = await ada.open('c')
    const { turnId } = await socket.say('What is RAG?')
    socket.write({ type: 'response.regenerate', turnId })
    expect(await socket.frame('error')).toMatchObject({ code: 'turn-in-progress', turnId })
    await api.answer(ada.userId, 'c', turnId, 'It is.')
    socket.write({ type: 'response.regenerate', turnId })
    const accepted = await socket.frame('response.accepted')
    expect(accepted).toMatchObject({ previousTurnId: turnId })
    expect(accepted.turnId).not.toBe(turnId)
  })
})

describe('a frame that is none', () => {
  test.each<[string, string | Buffer]>([
    ['no JSON', 'hello'],
    ['an empty text', ''],
    ['a number', '42'],
    ['null', 'null'],
    ['a list', '[]'],
    ['without a type', '{"text":"hi"}'],
    ['of an unknown type', '{"type":"message.delete"}'],
    ['a message without an id', '{"type":"message.send","text":"hi"}'],
    ['a message whose text is a number', '{"type":"message.send","messageId":"m","text":5}'],
    ['a resume with a negative count', `{"type":"resume","turnId":"${randomUUID()}","lastDelta":-1}`],
    ['a stop of a turn id that is none', '{"type":"response.stop","turnId":"x"}'],
    ['bytes', Buffer.from([1, 2, 3])],
    ['deeply nested', `${'['.repeat(5_000)}${']'.repeat(5_000)}`],
    ['one that names its own prototype', '{"__proto__":{"type":"ping"}}'],
  ])('(%s) gets an error, and the socket goes on', async (_name, frame) => {
    const ada = await api.signIn()
    const socket = await ada.open('c')
    socket.write(frame)
    expect(await socket.frame('error')).toMatchObject({ code: 'frame-invalid' })
    socket.write({ type: 'ping' })
    expect(await socket.frame('pong')).toMatchObject({ at: expect.stringMatching(/Z$/) })
  })

  test.each([
    ['blank', ' \n', 'text-blank'],
    ['empty', '', 'text-blank'],
    ['too long', 'x'.repeat(20_001), 'text-too-long'],
    ['with NUL', 'a\0', 'text-not-storable'],
    ['with half of a surrogate pair', '\udc00', 'text-not-storable'],
  ])('whose text is %s is refused by its message id, and the socket goes on', async (_name, text, code) => {
    const ada = await api.signIn()
    const socket = await ada.open('c')
    socket.write({ type: 'message.send', messageId: 'm1', text })
    expect(await socket.frame('message.refused')).toMatchObject({ messageId: 'm1', code, message: expect.any(String) })
    expect(await socket.say('fine', 'm1')).toMatchObject({ messageId: 'm1' })
    expect(await api.recordedTypes(ada.userId, 'c')).toEqual(['ConversationStarted', 'MessageSent'])
  })

  test.each([
    ['emoji', '👩‍👩‍👧‍👦🏳️‍🌈'],
    ['Chinese and Japanese', '检索增强生成 とは'],
    ['right-to-left text', '\u202bמה זה RAG؟\u202c'],
    ['markup', '<script>alert(1)</script>'],
    ['a frame inside the text', '{"type":"response.stop"}'],
  ])('but text of %s is kept exactly', async (_name, text) => {
    const ada = await api.signIn()
    const socket = await ada.open('c')
    await socket.say(text)
    expect((await ada.get('/me/conversations/c/messages')).body.results[0].text).toBe(text)
  })

  test('over 32 KiB closes the socket with 1009, and nothing of it is recorded', async () => {
    const ada = await api.signIn()
    const socket = await ada.open('c')
    await socket.say('before')
    socket.write({ type: 'message.send', messageId: 'm2', text: 'x'.repeat(32 * 1024) })
    expect(await socket.closed).toBe(1009)
    expect(await api.recordedTypes(ada.userId, 'c')).toEqual(['ConversationStarted', 'MessageSent'])
  })

  test('of exactly 32 KiB is handled', async () => {
    const ada = await api.signIn()
    const socket = await ada.open('c')
    const frame = JSON.stringify({ type: 'message.send', messageId: 'm1', text: 'hi' })
    socket.write(frame + ' '.repeat(32 * 1024 - frame.length))
    expect(await socket.frame('message.accepted')).toMatchObject({ messageId: 'm1' })
  })
})

describe('a socket is accepted and then closed', () => {
  const lastError = (socket: ChatSocket) => socket.frames.at(-1) as Extract<ServerFrame, { type: 'error' }>

  test.each(['', '?token=', '?token=nonsense', `?token=${'x'.repeat(5_000)}`, '?token=a&token=b'])(
    'with 4401 for the query %j',
    async (query) => {
      const socket = api.socket(`/ws/chat/c${query}`)
      expect(await socket.closed).toBe(4401)
      expect(lastError(socket)).toMatchObject({ type: 'error', code: 'not-signed-in' })
    },
  )

  test('with 4401 for an access token in place of a connection token', async () => {
    const ada = await api.signIn()
    const socket = api.socket(`/ws/chat/c?token=${ada.token}`)
    expect(await socket.closed).toBe(4401)
  })

  test('with 4401 when its connection token was used before, also at the same moment', async () => {
    const ada = await api.signIn()
    const token = await ada.connectionToken()
    const sockets = Array.from({ length: 10 }, () => api.socket(`/ws/chat/c?token=${token}`))
    const outcomes = await Promise.all(
      sockets.map((socket) =>
        Promise.race([
          socket.closed,
          socket.frame('connected').then(
            () => 'open',
            () => socket.closed,
          ),
        ]),
      ),
    )
    expect(outcomes.toSorted()).toEqual([...Array(9).fill(4401), 'open'])
  })

  test('with 4403 for the page of another origin, and not for our own, a configured one, or none', async () => {
    const ada = await api.signIn()
    const outcome = async (origin?: string) => {
      const socket = api.socket(
        `/ws/chat/c?token=${await ada.connectionToken()}`,
        origin === undefined ? {} : { origin },
      )
      return Promise.race([
        socket.closed,
        socket.frame('connected').then(
          ({ type }) => type,
          () => socket.closed,
        ),
      ])
    }
    expect(await outcome()).toBe('connected')
    expect(await outcome(api.url)).toBe('connected')
    expect(await outcome('https://chat.example.org')).toBe('connected')
    for (const origin of [
      'https://evil.example.org',
      'https://chat.example.org.evil.example',
      'http://chat.example.org',
      'null',
      `${api.url}.evil.example`,
    ]) {
      expect(await outcome(origin)).toBe(4403)
    }
  })

  test('with 4403 for a person without the role', async () => {
    const auditor = await api.signIn('an auditor', ['auditor'])
    const socket = api.socket(`/ws/chat/c?token=${await auditor.connectionToken()}`)
    expect(await socket.closed).toBe(4403)
    expect(lastError(socket)).toMatchObject({ code: 'role-missing' })
  })

  test('with 1008 for a conversation id that cannot be', async () => {
    const ada = await api.signIn()
    const socket = api.socket(`/ws/chat/${encodeURIComponent('a b')}?token=${await ada.connectionToken()}`)
    expect(await socket.closed).toBe(1008)
    expect(lastError(socket)).toMatchObject({ code: 'conversation-id-invalid' })
  })

  test('with 4401 when its person signs out; sockets of the person’s other sign-ins stay', async () => {
    const here = await api.signIn('ada of two devices')
    const there = await api.signIn('ada of two devices')
    const [first, second] = [await here.open('c'), await there.open('c')]
    expect(await here.send('POST', '/auth/logout')).toMatchObject({ status: 204 })
    expect(await first.closed).toBe(4401)
    await second.say('still here')
    expect(await here.get('/me/conversations')).toMatchObject({ status: 401, body: { code: 'not-signed-in' } })
    expect((await there.get('/me/conversations')).status).toBe(200)
  })
})

test('a connection token issued before its person signed out opens nothing', async () => {
  const ada = await api.signIn()
  const token = await ada.connectionToken()
  await ada.send('POST', '/auth/logout')
  expect(await api.socket(`/ws/chat/c?token=${token}`).closed).toBe(4401)
})

test('a socket opens with a trailing slash, too', async () => {
  const ada = await api.signIn()
  const socket = api.socket(`/ws/chat/c/?token=${await ada.connectionToken()}`)
  expect(await socket.frame('connected')).toMatchObject({
    conversationId: 'c',
    inFlight: [],
    position: expect.stringMatching(/^\d+$/),
  })
})
