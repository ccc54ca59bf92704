import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createConnectionTokens } from '../../src/api/connection-tokens.ts'
import { createEndedSessions } from '../../src/api/ended-sessions.ts'
import type { Person } from '../../src/api/person.ts'
import { createRateLimit } from '../../src/api/rate-limit.ts'
import { createRecentTurns } from '../../src/api/recent-turns.ts'
import { conversationIdOf } from '../../src/events/stream-names.ts'
import { Fault } from '../../src/shared/failures.ts'
import { publishText } from '../support/written-text.ts'
import {
  type ApiFixture,
  type ApiFixtureOptions,
  type ChatSocket,
  forgeToken,
  NODES_KEY,
  startApi,
} from './api-fixture.ts'

/** A clock that stands still until it is moved. */
function handMoved() {
  let nowMs = Date.UTC(2026, 0, 1)
  return {
    clock: () => new Date(nowMs),
    move: (ms: number) => {
      nowMs += ms
    },
  }
}

const person = (ownerId: string): Person => ({
  ownerId,
  roles: ['user'],
  tokenId: `token of ${ownerId}`,
  begunAt: new Date(Date.UTC(2026, 0, 1)),
  expiresAt: new Date(Date.UTC(2026, 0, 2)),
})

async function withApi(options: ApiFixtureOptions, work: (api: ApiFixture) => Promise<void>): Promise<void> {
  const api = await startApi(options)
  try {
    await work(api)
  } finally {
    await api.close()
  }
}

const lastErrorOf = (socket: ChatSocket) => socket.frames.findLast((frame) => frame.type === 'error')

describe('a rate', () => {
  test('lets a burst of a minute through, then one at a time, and says how long to wait', () => {
    const time = handMoved()
    const rate = createRateLimit({ perMinute: 6, keysMax: 10, clock: time.clock })
    expect(Array.from({ length: 7 }, () => rate.take('ada'))).toEqual([0, 0, 0, 0, 0, 0, 10_000])
    expect(rate.take('eve')).toBe(0)
    time.move(9_999)
    expect(rate.take('ada')).toBe(1)
    time.move(1)
    expect([rate.take('ada'), rate.take('ada')]).toEqual([0, 10_000])
    time.move(60_000)
    expect(Array.from({ length: 7 }, () => rate.take('ada') > 0)).toEqual([
      false,
      false,
      false,
      false,
      false,
      false,
      true,
    ])
  })

  test('remembers a bounded number of people, and forgets in their favour', () => {
    const rate = createRateLimit({ perMinute: 1, keysMax: 2, clock: handMoved().clock })
    for (const key of ['ada', 'bob', 'eve']) rate.take(key)
    expect([rate.take('ada'), rate.take('eve') > 0]).toEqual([0, true])
  })
})

describe('a connection token', () => {
  const make = (time = handMoved()) => ({
    time,
    tokens: createConnectionTokens({ clock: time.clock, lifetimeMs: 60_000, key: NODES_KEY, marks: firstOnly() }),
  })
  /** Whether two nodes can take one is a question for the record: test/api/several-nodes.test.ts. */
  function firstOnly() {
    const taken = new Set<string>()
    return { take: async (tokenId: string) => taken.size < taken.add(tokenId).size }
  }

  test('opens once, for its person, and shows nothing of who that is', async () => {
    const { tokens } = make()
    const { connectionToken, expiresInS } = await tokens.issue(person('ada'))
    expect(expiresInS).toBe(60)
    for (const part of connectionToken.split('.')) {
      expect(Buffer.from(part, 'base64url').toString('latin1')).not.toContain('ada')
    }
    const takes = await Promise.all(Array.from({ length: 10 }, () => tokens.take(connectionToken)))
    expect(takes.filter((one) => one !== undefined)).toMatchObject([{ ownerId: 'ada' }])
  })

  test('lasts 60 seconds', async () => {
    const { tokens, time } = make()
    const [early, late] = [await tokens.issue(person('ada')), await tokens.issue(person('ada'))]
    time.move(59_999)
    expect(await tokens.take(early.connectionToken)).toMatchObject({ ownerId: 'ada' })
    time.move(1)
    expect(await tokens.take(late.connectionToken)).toBeUndefined()
  })

  test('answers nothing to what is no token', async () => {
    const { tokens } = make()
    const other = createConnectionTokens({
      ...{ clock: handMoved().clock, lifetimeMs: 60_000, marks: { take: async () => true } },
      key: new Uint8Array(32),
    })
    const { connectionToken: foreign } = await other.issue(person('ada'))
    for (const nonsense of ['', 'x', '__proto__', 'constructor', 'a.b.c.d.e', foreign])
      expect(await tokens.take(nonsense)).toBeUndefined()
  })
})

describe('ended sessions', () => {
  test('are remembered, a bounded number of them, and those that would have expired make room first', () => {
    const time = handMoved()
    const ended = createEndedSessions({ clock: time.clock, tokensMax: 2 })
    const end = (ownerId: string, expiresAt = person(ownerId).expiresAt) =>
      ended.add({ kind: 'token', tokenId: person(ownerId).tokenId, ownerId, expiresAt })
    end('ada', new Date(Date.UTC(2026, 0, 3)))
    end('bob')
    time.move(24 * 60 * 60 * 1_000)
    end('eve')
    expect(['ada', 'bob', 'eve'].map((owner) => ended.isEnded(person(owner)))).toEqual([true, false, true])
  })

  test('of a person are all those begun before, and none begun after', () => {
    const ended = createEndedSessions({ clock: handMoved().clock, tokensMax: 2 })
    ended.add({ kind: 'person', ownerId: 'ada', begunBefore: new Date(Date.UTC(2026, 0, 1, 12)) })
    const later = { ...person('ada'), begunAt: new Date(Date.UTC(2026, 0, 1, 12)) }
    expect([person('ada'), later, person('bob')].map(ended.isEnded)).toEqual([true, false, false])
  })
})

test('recent turns are found by their turn, message and answer, by their owner alone', () => {
  const recent = createRecentTurns({ turnsMax: 10 })
  const turnId = randomUUID()
  recent.note('ada', 'c', { turnId, messageId: 'm1' })
  expect([
    recent.conversationOf('ada', turnId),
    recent.conversationOf('ada', 'm1'),
    recent.conversationOf('eve', turnId),
  ]).toEqual(['c', 'c', undefined])
})

describe('a person', () => {
  test('opens as many sockets as allowed, and another after closing one', () =>
    withApi({ limits: { socketsPerPersonMax: 2 } }, async (api) => {
      const ada = await api.signIn()
      const [first] = [await ada.open('a'), await ada.open('b')]
      const refused = api.socket(`/ws/chat/c?token=${await ada.connectionToken()}`)
      expect(await refused.closed).toBe(4429)
      expect(lastErrorOf(refused)).toMatchObject({ code: 'too-many-connections', retryAfterMs: expect.any(Number) })
      await (await api.signIn()).open('c')
      first?.raw.close()
      await first?.closed
      expect((await (await ada.open('c')).frame('connected')).conversationId).toBe('c')
    }))

  test('opens sockets at a limited rate', () =>
    withApi({ limits: { newSocketsPerPersonPerMinuteMax: 2 } }, async (api) => {
      const ada = await api.signIn()
      for (const conversation of ['a', 'b']) (await ada.open(conversation)).raw.close()
      const refused = api.socket(`/ws/chat/c?token=${await ada.connectionToken()}`)
      expect(await refused.closed).toBe(4429)
      expect(lastErrorOf(refused)).toMatchObject({ code: 'connections-too-frequent', retryAfterMs: expect.any(Number) })
    }))

  test('sends messages at a limited rate, over sockets and REST together; the socket stays open', () =>
    withApi({ limits: { messagesPerPersonPerMinuteMax: 2 } }, async (api) => {
      const ada = await api.signIn()
      const socket = await ada.open('c')
      await socket.say('one')
      expect((await ada.send('POST', '/me/conversations/c/messages', { text: 'two' })).status).toBe(202)
      socket.write({ type: 'message.send', messageId: 'm3', text: 'three' })
      expect(await socket.frame('message.refused')).toMatchObject({
        messageId: 'm3',
        code: 'messages-too-frequent',
        retryAfterMs: expect.any(Number),
      })
      const refused = await ada.send('POST', '/me/conversations/c/messages', { text: 'three' })
      expect(refused).toMatchObject({
        status: 429,
        body: { code: 'messages-too-frequent', retryAfterMs: expect.any(Number) },
      })
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
      socket.write({ type: 'ping' })
      await socket.frame('pong')
      expect((await api.recordedTypes(ada.userId, 'c')).filter((type) => type === 'MessageSent')).toHaveLength(2)
    }))
})

describe('a socket', () => {
  test('that floods us with frames is told to slow down', () =>
    withApi({ limits: { framesPerSocketPerMinuteMax: 5 } }, async (api) => {
      const socket = await (await api.signIn()).open('c')
      for (let frame = 0; frame < 6; frame += 1) socket.write({ type: 'ping' })
      expect(await socket.frame('error')).toMatchObject({
        code: 'frames-too-frequent',
        retryAfterMs: expect.any(Number),
      })
    }))

  test('that piles up commands is told so, and what was taken is done', () => {
    const { promise: open, resolve: letThrough } = Promise.withResolvers<void>()
    return withApi(
      {
        limits: { waitingCommandsPerSocketMax: 2 },
        wrapGateway: (gateway) => ({
          ...gateway,
          sendMessage: (request, wish) => open.then(() => gateway.sendMessage(request, wish)),
        }),
      },
      async (api) => {
        const ada = await api.signIn()
        const socket = await ada.open('c')
        for (const messageId of ['m1', 'm2', 'm3']) socket.write({ type: 'message.send', messageId, text: 'hi' })
        expect(await socket.frame('message.refused')).toMatchObject({
          messageId: 'm3',
          code: 'too-many-waiting-commands',
        })
        letThrough()
        await socket.frame('message.accepted', ({ messageId }) => messageId === 'm2')
        expect((await api.recordedTypes(ada.userId, 'c')).filter((type) => type === 'MessageSent')).toHaveLength(2)
      },
    )
  })

  test('whose client does not read is closed with 1013 instead of growing', () =>
    withApi({ limits: { unsentBytesPerSocketMax: 64 * 1024 } }, async (api) => {
      const ada = await api.signIn()
      const conversationId = conversationIdOf(ada.userId, 'c')
      const socket = await ada.open('c')
      const { turnId } = await socket.say('hi')
      socket.raw.pause()
      const serverSide = [...api.app.websocketServer.clients][0]
      let text = ''
      while (serverSide?.readyState === serverSide?.OPEN) {
        text += 'x'.repeat(64 * 1024)
        publishText(api.live, conversationId, turnId, text)
        await new Promise((resolve) => setImmediate(resolve))
      }
      const unsent = serverSide?.bufferedAmount ?? 0
      socket.raw.resume()
      expect(await socket.closed).toBe(1013)
      expect(unsent).toBeLessThan(1024 * 1024)
    }))

  test('whose peer is gone without a word is dropped by the heartbeat, and one that answers stays', () =>
    withApi({ limits: { heartbeatIntervalMs: 1_000 } }, async (api) => {
      const ada = await api.signIn()
      const alive = await ada.open('c')
      const dead = api.socket(`/ws/chat/c?token=${await ada.connectionToken()}`, { autoPong: false })
      await dead.frame('connected')
      expect(await dead.closed).toBe(1006)
      alive.write({ type: 'ping' })
      expect(await alive.frame('pong')).toBeDefined()
    }))

  test('closes with 4401 when the access token behind it expires', () =>
    withApi({}, async (api) => {
      const exp = Math.ceil(Date.now() / 1000) + 1
      const token = forgeToken({ sub: 'ada', iss: 'emberlog', aud: 'emberlog', exp, roles: ['user'] })
      const answer = await api.inject('POST', '/api/v1/auth/ws-connection-token', {
        headers: { authorization: `Bearer ${token}` },
      })
      const socket = api.socket(`/ws/chat/c?token=${answer.body.connectionToken}`)
      await socket.frame('connected')
      expect(await socket.closed).toBe(4401)
      expect(Date.now()).toBeGreaterThanOrEqual(exp * 1000)
    }))

  test('opens, and takes messages, while the read models are away', () =>
    withApi({ wrapQueries: (queries) => ({ ...queries, position: () => new Promise(() => {}) }) }, async (api) => {
      const ada = await api.signIn()
      const socket = await ada.open('c')
      expect(await socket.frame('connected')).toMatchObject({ position: '0' })
      expect(await socket.say('still here')).toMatchObject({ turnId: expect.any(String) })
    }))

  test('tells the sender when the record cannot be reached, and takes the same message again', () => {
    let isAway = true
    return withApi(
      {
        wrapGateway: (gateway) => ({
          ...gateway,
          sendMessage: async (request, wish) => {
            if (isAway) throw new Fault('store-unavailable')
            return gateway.sendMessage(request, wish)
          },
        }),
      },
      async (api) => {
        const socket = await (await api.signIn()).open('c')
        socket.write({ type: 'message.send', messageId: 'm1', text: 'hi' })
        expect(await socket.frame('message.refused')).toMatchObject({
          messageId: 'm1',
          code: 'store-unavailable',
          retryAfterMs: expect.any(Number),
        })
        isAway = false
        expect(await socket.say('hi', 'm1')).toMatchObject({ messageId: 'm1' })
      },
    )
  })
})
