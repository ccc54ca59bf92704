import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Fault } from '../../src/shared/failures.ts'
import { type ApiFixture, startApi } from './api-fixture.ts'
import { routesOf } from './route-table.ts'

let api: ApiFixture

beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

describe('what cannot be served', () => {
  test('at an unknown address is a problem with a code', async () => {
    const answer = await api.inject('GET', '/api/v1/nonsense')
    expect(answer).toMatchObject({
      status: 404,
      body: {
        type: '/docs/errors#route-unknown',
        status: 404,
        code: 'route-unknown',
        title: expect.any(String),
        detail: expect.any(String),
      },
    })
    expect(answer.headers['content-type']).toContain('application/problem+json')
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('of nothing that is there is unknown, not faked', async () => {
    const ada = await api.signIn()
    for (const path of ['/me/dreams', '/audit/everything', '/analytics/people']) {
      expect(await ada.get(path)).toMatchObject({ status: 404, body: { code: 'route-unknown' } })
    }
  })

  test('at a socket’s address without a socket says what it speaks', async () => {
    const answer = await api.inject('GET', '/ws/chat/c')
    expect(answer).toMatchObject({ status: 426, body: { code: 'upgrade-required' } })
    expect(answer.headers['upgrade']).toBe('websocket')
  })

  test('with the wrong method names the right ones', async () => {
    const answer = await api.inject('PUT', '/api/v1/me/conversations/c')
    expect(answer).toMatchObject({ status: 405, body: { code: 'method-not-allowed' } })
    expect(answer.headers['allow']).toBe('DELETE, GET, HEAD, PATCH')
  })

  test.each<[string, string | Buffer]>([
    ['no JSON', '{"text":'],
    ['not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['cut inside a character', Buffer.from('{"text":"é"}').subarray(0, 10)],
  ])('because the body is %s is refused, never mended', async (_name, body) => {
    const ada = await api.signIn()
    const headers = { authorization: `Bearer ${ada.token}` }
    expect(await api.inject('POST', '/api/v1/me/conversations/c/messages', { body, headers })).toMatchObject({
      status: 422,
      body: { code: 'body-invalid' },
    })
  })

  test('because the body is too large, or no JSON at all, says so', async () => {
    const ada = await api.signIn()
    const headers = { authorization: `Bearer ${ada.token}` }
    const path = '/api/v1/me/conversations/c/messages'
    expect(await api.inject('POST', path, { body: { text: 'x'.repeat(600_000) }, headers })).toMatchObject({
      status: 413,
      body: { code: 'body-too-large' },
    })
    expect(
      await api.inject('POST', path, {
        body: 'text=hi',
        headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      }),
    ).toMatchObject({
      status: 415,
      body: { code: 'media-type-not-supported' },
    })
  })

  test.each([
    ['no text', {}],
    ['a text that is a list', { text: ['hi'] }],
    ['null', null],
    ['a list', []],
    ['a text alone', '"hi"'],
  ])('because the message is %s names what is wrong', async (_name, body) => {
    const ada = await api.signIn()
    expect(await ada.send('POST', '/me/conversations/c/messages', body)).toMatchObject({
      status: 422,
      body: { code: 'request-invalid', errors: [{ path: expect.stringContaining('body') }] },
    })
  })

  test.each(['x', '-1', '1.5', '99999999999999999999999', ' 1', '0x1'])(
    'because x-min-position is %j is refused',
    async (position) => {
      const ada = await api.signIn()
      expect(await ada.get('/me/conversations', { 'x-min-position': position })).toMatchObject({
        status: 422,
        body: { code: 'position-invalid' },
      })
    },
  )

  test.each(['limit=0', 'limit=101', 'limit=many', 'archived=maybe', 'kind=poem', `cursor=${'x'.repeat(3_000)}`])(
    'because of the query %s is refused',
    async (query) => {
      const ada = await api.signIn()
      expect((await ada.get(`/me/conversations?${query}`)).status).toBe(422)
    },
  )

  test.each(['database-busy', 'database-unavailable', 'store-unavailable', 'conversation-busy', 'conflict-persists'])(
    'because of %s is 503 with a time to come back, and no 500',
    async (code) => {
      const busy = await startApi({
        wrapQueries: (queries) => ({
          ...queries,
          list: () => Promise.reject(new Fault(code, { waitedMs: 5 }, { cause: new Error('secret detail') })),
        }),
      })
      try {
        const ada = await busy.signIn()
        const answer = await ada.get('/me/conversations')
        expect(answer).toMatchObject({ status: 503, body: { code, retryAfterMs: expect.any(Number) } })
        expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/)
        expect(JSON.stringify(answer.body)).not.toContain('secret')
      } finally {
        await busy.close()
      }
    },
  )

  test('because of our mistake is logged with its cause, and told without it', async () => {
    const logged: unknown[] = []
    const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: (fields: unknown) => logged.push(fields) }
    const broken = await startApi({
      parts: { logger },
      wrapQueries: (queries) => ({
        ...queries,
        list: () => Promise.reject(new TypeError('cannot read the secret of undefined')),
      }),
    })
    try {
      const ada = await broken.signIn()
      const answer = await ada.get('/me/conversations')
      expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } })
      expect(JSON.stringify(answer.body)).not.toMatch(/secret|TypeError|\.ts/)
      expect(logged).toMatchObject([
        { requestId: answer.headers['x-request-id'], error: { message: 'cannot read the secret of undefined' } },
      ])
    } finally {
      await broken.close()
    }
  })
})

describe('a query', () => {
  test('waits for the position it names and says how far it has read', async () => {
    const waits: { position: bigint; waitMsMax: number }[] = []
    const lagging = await startApi({
      wrapQueries: (queries) => ({
        ...queries,
        waitFor: async (freshness) => {
          waits.push(freshness)
          return { isReached: false, position: 5n as never }
        },
      }),
    })
    try {
      const ada = await lagging.signIn()
      const answer = await ada.get('/me/conversations', { 'x-min-position': '7' })
      expect(answer).toMatchObject({ status: 200, headers: { 'x-read-position': '5' } })
      expect(waits).toEqual([{ position: 7n, waitMsMax: 2_000 }])
    } finally {
      await lagging.close()
    }
  })
})

describe('what is not in the read models', () => {
  const turn = 'me/turns/b86423f4-b7ce-5d49-b47b-7cfa9ccb255c'

  test.each([
    ['GET', 'me/conversations/new', 'conversation-unknown'],
    ['GET', 'me/conversations/new/messages', 'conversation-unknown'],
    ['GET', 'me/conversations/new/export', 'conversation-unknown'],
    ['GET', `${turn}/routing`, 'turn-unknown'],
    ['POST', `${turn}/stop`, 'turn-unknown'],
    ['POST', `${turn}/regenerate`, 'turn-unknown'],
  ] as const)('%s %s is unknown, but not before they are as far as was asked for', async (method, path, code) => {
    let isReached = true
    const api = await startApi({
      wrapQueries: (queries) => ({ ...queries, waitFor: async () => ({ isReached, position: 5n as never }) }),
    })
    try {
      const ada = await api.signIn()
      const ask = () =>
        method === 'GET'
          ? ada.get(`/${path}`, { 'x-min-position': '7' })
          : ada.send(method, `/${path}`, undefined, { 'x-min-position': '7' })
      expect(await ask()).toMatchObject({ status: 404, body: { code } })
      isReached = false
      expect(await ask()).toMatchObject({
        status: 503,
        headers: { 'retry-after': expect.stringMatching(/^\d+$/) },
        body: { code: 'database-busy' },
      })
    } finally {
      await api.close()
    }
  })
})

describe('a command whose change the read models cannot show', () => {
  test('is recorded all the same, and says so', async () => {
    const blind = await startApi({
      wrapQueries: (queries) => ({ ...queries, waitFor: () => Promise.reject(new Fault('database-unavailable')) }),
    })
    try {
      const ada = await blind.signIn()
      expect(await ada.send('POST', '/me/conversations', { conversationId: 'c', title: 'T' })).toMatchObject({
        status: 201,
        body: { conversationId: 'c', title: 'T' },
      })
      const renamed = await ada.send('PATCH', '/me/conversations/c', { title: 'U' })
      expect(renamed).toMatchObject({
        status: 503,
        headers: { 'x-position': expect.stringMatching(/^\d+$/) },
        body: { code: 'database-busy' },
      })
      expect(await blind.recordedTypes(ada.userId, 'c')).toEqual(['ConversationStarted', 'ConversationRenamed'])
    } finally {
      await blind.close()
    }
  })
})

describe('an idempotency key', () => {
  test('makes a repeated command one wish', async () => {
    const ada = await api.signIn()
    const { turnId } = (await ada.send('POST', '/me/conversations/c/messages', { text: 'hi' })).body
    await api.answer(ada.userId, 'c', turnId, 'Hello.')
    const again = () =>
      ada.send('POST', `/me/turns/${turnId}/intent`, { intent: 'support' }, { 'idempotency-key': 'k1' })
    const [first, second] = [await again(), await again()]
    expect(second.body).toEqual(first.body)
    expect((await api.recordedTypes(ada.userId, 'c')).filter((type) => type === 'IntentCorrected')).toHaveLength(1)
    expect(await ada.send('POST', `/me/turns/${turnId}/stop`, undefined, { 'idempotency-key': 'a b' })).toMatchObject({
      status: 422,
      body: { code: 'command-id-invalid' },
    })
  })
})

describe('the service', () => {
  test('lives, and is ready when every part is', async () => {
    expect(await api.inject('GET', '/api/v1/health/live')).toMatchObject({ status: 200, body: { status: 'live' } })
    expect(await api.inject('GET', '/api/v1/health/ready/')).toMatchObject({
      status: 200,
      body: { status: 'ready', parts: [{ name: 'event store' }] },
    })
  })

  test('names what is not ready', async () => {
    const starting = await startApi({
      parts: {
        readiness: () => [
          { name: 'event store', isReady: true, detail: 'connected' },
          { name: 'projections', isReady: false, detail: 'catching up, 7 events behind' },
        ],
      },
    })
    try {
      expect(await starting.inject('GET', '/api/v1/health/ready')).toMatchObject({
        status: 503,
        headers: { 'retry-after': '1' },
        body: {
          code: 'not-ready',
          detail: 'projections: catching up, 7 events behind',
          parts: [{ isReady: true }, { isReady: false }],
        },
      })
    } finally {
      await starting.close()
    }
  })

  test('counts requests by route, and sockets, without a word about people', async () => {
    const ada = await api.signIn('a person with a name')
    await ada.get('/me/conversations/some-conversation')
    await (await ada.open('c')).settled()
    const { body, headers } = await api.inject('GET', '/metrics')
    expect(headers['content-type']).toContain('text/plain')
    expect(body).toContain(
      'emberlog_http_request_seconds_count{method="GET",route="/api/v1/me/conversations/:conversationId",status="404"}',
    )
    expect(body).toMatch(/emberlog_sockets_open [1-9]/)
    expect(body).not.toMatch(/a person|some-conversation/)
  })

  test('previews a routing without recording anything', async () => {
    const ada = await api.signIn()
    expect(await ada.send('POST', '/routing/preview', { text: 'What is RAG?' })).toMatchObject({
      status: 200,
      body: {
        intent: 'learning',
        agent: 'learning',
        candidates: [{ intent: 'learning' }],
        evidence: [{ name: 'What is RA' }],
        context: { messages: 0, agent: null, agentProbability: 1, isAsked: false },
        routerVersion: '1',
        tookMs: expect.any(Number),
      },
    })
    const history = [
      { role: 'user', text: 'draw a fox' },
      { role: 'assistant', content: 'In which style?', agent: 'image' },
    ]
    expect(await ada.send('POST', '/routing/preview', { text: 'ink', history })).toMatchObject({ status: 200 })
    const nameless = [{ role: 'assistant' }]
    expect(await ada.send('POST', '/routing/preview', { text: 'ink', history: nameless })).toMatchObject({
      status: 422,
    })
    expect(await ada.send('POST', '/routing/preview', { text: ' ' })).toMatchObject({
      status: 422,
      body: { code: 'text-blank' },
    })
    expect((await ada.get('/me/conversations')).body.count).toBe(0)
  })

  test('describes itself: every route of the API is in its OpenAPI document', async () => {
    const { status, body } = await api.inject('GET', '/api/openapi.json')
    expect(status).toBe(200)
    const described = Object.entries<Record<string, unknown>>(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const served = routesOf(api.app)
      .filter(({ method, url }) => /^\/(api\/)?v1\//.test(url) && method !== 'HEAD' && method !== 'OPTIONS')
      .map(({ method, url }) => `${method} ${url.replaceAll(/:(\w+)/g, '{$1}').replace('/*', '/{*}')}`)
    expect(served.length).toBeGreaterThan(30)
    expect(described.filter((one) => / \/(api\/)?v1\//.test(one)).sort()).toEqual(served.sort())
    expect(body.paths['/api/v1/me/conversations'].post.responses['201']).toBeDefined()
    expect(body.components.schemas.Problem.properties.code).toEqual({ type: 'string' })
  })
})

describe('the pages', () => {
  test.each(['/', '/c/ember-chat-1', '/c/ember-chat-1/', '/sign-in', '/docs', '/docs/errors'])(
    'at %s come with a policy that runs only our own files',
    async (path) => {
      const { status, headers, body } = await api.inject('GET', path)
      expect(status).toBe(200)
      expect(headers['content-type']).toBe('text/html; charset=utf-8')
      expect(headers['content-security-policy']).toContain("default-src 'none';script-src 'self';style-src 'self'")
      expect(headers['x-content-type-options']).toBe('nosniff')
      expect(body).not.toMatch(/<script(?![^>]* src="\/assets\/)|\son\w+=|style=|https?:\/\//)
    },
  )

  test('load every file they name', async () => {
    const named = new Set<string>()
    for (const path of ['/', '/sign-in', '/docs', '/docs/errors']) {
      const { body } = await api.inject('GET', path)
      for (const [, file] of body.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)) named.add(file)
    }
    for (const file of named) {
      const { status, body } = await api.inject('GET', file)
      expect({ file, status }).toEqual({ file, status: 200 })
      for (const [, imported] of String(body).matchAll(/from '\.\/([^']+)'/g)) named.add(`/assets/${imported}`)
    }
    expect(named.size).toBeGreaterThan(12)
  })

  test('are all that is served of the file system', async () => {
    for (const path of [
      '/assets/../http-server.ts',
      '/assets/%2e%2e/http-server.ts',
      '/assets/..%2fhttp-server.ts',
      '/assets/',
      '/assets/.env',
      '/assets//etc/passwd',
    ]) {
      expect((await api.inject('GET', path)).status, path).not.toBe(200)
    }
  })
})

test('a server that closes tells its sockets to come back, and waits no longer than its grace for one that does not listen', async () => {
  const closing = await startApi({ limits: { closeGraceMs: 300 } })
  const ada = await closing.signIn()
  const [first, second, deaf] = [await ada.open('a'), await ada.open('b'), await ada.open('c')]
  deaf.raw.pause()
  const started = performance.now()
  await closing.app.close()
  expect(performance.now() - started).toBeLessThan(2_000)
  expect(await Promise.all([first.closed, second.closed])).toEqual([1012, 1012])
  await closing.close()
})
