import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { conversationIdOf, turnIdOf } from '../../src/events/stream-names.ts'
import { type ApiFixture, type Person, startApi } from './api-fixture.ts'
import { routesOf } from './route-table.ts'

let api: ApiFixture
let ann: Person
beforeAll(async () => {
  api = await startApi()
  ann = await api.signIn('ann', ['analyst'])
  const ada = await api.signIn('ada')
  const eve = await api.signIn('eve')
  for (const [person, name] of [
    [ada, 'one'],
    [ada, 'two'],
    [eve, 'one'],
  ] as const) {
    await person.send('POST', `/me/conversations/${name}/messages`, { messageId: 'm1', text: 'My secret is a wombat' })
    const turnId = turnIdOf(conversationIdOf(person.userId, name), 'm1')
    if (name === 'one') await api.answer(person.userId, name, turnId, 'A wombat it is')
  }
  const path = `/me/turns/${turnIdOf(conversationIdOf('ada', 'one'), 'm1')}/intent`
  const corrected = await ada.send('POST', path, { intent: 'support', note: 'About a wombat' })
  expect(corrected.status).toBe(202)
  await ann.get('/analytics/overview', { 'x-min-position': String(corrected.headers['x-position']) })
})
afterAll(() => api.close())

const paths = ['overview', 'turns', 'routing', 'usage']

describe('the figures for analysts', () => {
  test.each(paths)('%s is for analysts and operators, and for nobody else', async (path) => {
    for (const roles of [['analyst'], ['operator'], ['user', 'analyst']]) {
      expect((await (await api.signIn('somebody', roles)).get(`/analytics/${path}`)).status).toBe(200)
    }
    for (const roles of [['user'], ['auditor']]) {
      const refused = await (await api.signIn('somebody', roles)).get(`/analytics/${path}`)
      expect(refused).toMatchObject({ status: 403, body: { code: 'role-missing' } })
    }
    expect((await api.inject('GET', `/api/v1/analytics/${path}`)).status).toBe(401)
  })

  test('say in all how much was asked, by how many, and how it went', async () => {
    const { body } = await ann.get('/analytics/overview')
    expect(body).toMatchObject({
      ...{ turns: 3, people: 2, conversations: 3, completed: 2, open: 1, failed: 0, stopped: 0 },
      ...{ routed: 2, fallbackRate: 0, corrected: 1, correctionRate: 0.5, byMethod: { model: 2, fallback: 0 } },
      ...{ firstTokenMs: { p50: 1, p99: 1 }, inputTokens: 2, outputTokens: 2, costUsd: null, unpricedTurns: 2 },
    })
  })

  test('come in buckets, the empty ones included', async () => {
    const { body } = await ann.get('/analytics/turns?bucket=hour')
    expect(body.bucket).toBe('hour')
    expect(body.results.length).toBeGreaterThanOrEqual(720)
    const totals = body.results.reduce((sum: number, one: { turns: number }) => sum + one.turns, 0)
    expect(totals).toBe(3)
    expect(body.results[0]).toMatchObject({ turns: 0, people: 0, firstTokenMs: null })
    expect(body.results[1].start).toMatch(/:00:00\.000Z$/)
  })

  test('name what was mistaken for what, without the words of who said so', async () => {
    const { body } = await ann.get('/analytics/routing')
    expect(body.misroutes).toEqual([{ intent: 'learning', correctedIntent: 'support', turns: 1 }])
    expect(body.intents).toEqual([{ intent: 'learning', turns: 2, corrected: 1, meanConfidence: 0.9 }])
    expect(body.results.at(-1)).toMatchObject({ routed: 2, fallbackRate: 0 })
    expect(body.results.at(0)).toMatchObject({ routed: 0, fallbackRate: null, meanConfidence: null })
  })

  test('count tokens by model, and know no cost without a price', async () => {
    const { body } = await ann.get('/analytics/usage?bucket=week')
    const unknown = { turns: 2, inputTokens: 2, outputTokens: 2, costUsd: null, unpricedTurns: 2 }
    expect(body.models).toEqual([{ provider: 'test', id: 'test', ...unknown }])
    expect(new Date(body.results[0].start).getUTCDay()).toBe(1)
    expect(body.results[0]).toMatchObject({ costUsd: 0, unpricedTurns: 0 })
  })

  test('hold no word, name or id of anybody', async () => {
    for (const path of paths) {
      const text = JSON.stringify((await ann.get(`/analytics/${path}`)).body)
      expect(text).not.toMatch(/wombat|"ada"|eve/)
      expect(text).not.toContain(conversationIdOf('ada', 'one'))
    }
  })

  test('wait for a position, and say how far they go', async () => {
    const ada = await api.signIn('ada')
    const sent = await ada.send('POST', '/me/conversations/three/messages', { messageId: 'm1', text: 'One more' })
    const position = String(sent.headers['x-position'])
    const { body, headers } = await ann.get('/analytics/overview', { 'x-min-position': position })
    expect(BigInt(String(headers['x-read-position']))).toBeGreaterThanOrEqual(BigInt(position))
    expect(body.turns).toBe(4)
  })

  test('are those of the range alone, its end not included', async () => {
    const none = await ann.get('/analytics/overview?from=2020-01-01&to=2020-02-01T00:00:00%2B02:00')
    expect(none.body).toMatchObject({ turns: 0, from: '2020-01-01T00:00:00.000Z', to: '2020-01-31T22:00:00.000Z' })
    expect(none.body).toMatchObject({ fallbackRate: null, firstTokenMs: null, costUsd: 0 })
    const days = await ann.get('/analytics/turns?from=2020-01-01&to=2020-01-03')
    expect(days.body.results.map(({ start }: { start: string }) => start)).toEqual([
      '2020-01-01T00:00:00.000Z',
      '2020-01-02T00:00:00.000Z',
    ])
  })

  test.each([
    ['that ends before it begins', 'from=2026-01-02&to=2026-01-01', 'range-invalid'],
    ['without length', 'from=2026-01-02&to=2026-01-02', 'range-invalid'],
    ['of too many buckets', 'from=2024-01-01&to=2026-01-01&bucket=hour', 'range-too-long'],
    ['of too many years', 'from=1990-01-01&to=2026-01-01&bucket=month', 'range-too-long'],
    ['from a day that is none', 'from=2026-02-30', 'request-invalid'],
    ['in buckets that are none', 'bucket=minute', 'request-invalid'],
  ])('refuse a range %s', async (_what, query, code) => {
    expect(await ann.get(`/analytics/turns?${query}`)).toMatchObject({ status: 422, body: { code } })
  })

  test('are all that an analyst may read: no conversation, no search, no socket', async () => {
    for (const path of ['/me/conversations', '/me/search?q=wombat', '/me/conversations/one/messages']) {
      expect((await ann.get(path)).status).toBe(403)
    }
  })
})

describe('an analyst’s correction', () => {
  let asked: { turnKey: string; askedAt: Date }
  let own: { turnKey: string; askedAt: Date }
  const conversationOf = 'correcting'
  const facts = `select turn_key as "turnKey", asked_at as "askedAt", corrected_intent as "correctedIntent"
    from analytics.turn order by asked_position desc`

  async function correct(turn: { turnKey: string; askedAt: Date }, intent: string, key?: string) {
    const body = { intent, askedAt: turn.askedAt.toISOString() }
    const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key }
    return await ann.send('POST', `/analytics/turns/${turn.turnKey}/intent`, body, headers)
  }
  const kept = async () => (await api.recorded('flo', conversationOf)).filter(({ type }) => type === 'IntentCorrected')

  beforeAll(async () => {
    const flo = await api.signIn('flo')
    for (const messageId of ['m1', 'm2']) {
      await flo.send('POST', `/me/conversations/${conversationOf}/messages`, { messageId, text: 'My wombat is ill' })
      await api.answer(
        'flo',
        conversationOf,
        turnIdOf(conversationIdOf('flo', conversationOf), messageId),
        'Poor thing',
      )
    }
    const path = `/me/turns/${turnIdOf(conversationIdOf('flo', conversationOf), 'm2')}/intent`
    const said = await flo.send('POST', path, { intent: 'smalltalk' })
    await ann.get('/analytics/overview', { 'x-min-position': String(said.headers['x-position']) })
    const [second, first] = await api.rows<typeof asked>(facts)
    if (first === undefined || second === undefined) throw new Error('the turns are not there')
    asked = first
    own = second
  })

  test('is recorded under the analyst’s name, answers nothing again, and shows in the figures', async () => {
    const before = await api.recordedTypes('flo', conversationOf)
    const { status, body } = await correct(asked, 'profile')
    expect({ status, keys: Object.keys(body) }).toEqual({ status: 202, keys: ['position'] })
    expect(await api.recordedTypes('flo', conversationOf)).toEqual([...before, 'IntentCorrected'])
    expect((await kept()).at(-1)).toMatchObject({
      data: { intent: 'profile', by: 'ann', as: 'analyst' },
      metadata: { actor: { kind: 'user', id: 'ann' } },
    })
    await ann.get('/analytics/overview', { 'x-min-position': body.position })
    expect((await api.rows<object>(facts))[1]).toMatchObject({ turnKey: asked.turnKey, correctedIntent: 'profile' })
  })

  test('said again adds nothing, and another one replaces it', async () => {
    const before = (await kept()).length
    expect((await correct(asked, 'profile')).status).toBe(202)
    expect(await kept()).toHaveLength(before)
    expect((await correct(asked, 'support', 'once')).status).toBe(202)
    expect((await correct(asked, 'support', 'once')).status).toBe(202)
    expect(await kept()).toHaveLength(before + 1)
  })

  test('does not replace what the person said', async () => {
    expect(await correct(own, 'profile')).toMatchObject({ status: 409, body: { code: 'intent-corrected-by-person' } })
  })

  test('is refused for a turn or an intent that is none', async () => {
    const other = { ...asked, turnKey: '0199d0a0-0000-7000-8000-000000000001' }
    expect(await correct(other, 'profile')).toMatchObject({ status: 404, body: { code: 'turn-unknown' } })
    const late = { ...asked, askedAt: new Date(asked.askedAt.getTime() + 1) }
    expect(await correct(late, 'profile')).toMatchObject({ status: 404, body: { code: 'turn-unknown' } })
    expect(await correct(asked, 'wombats')).toMatchObject({ status: 422, body: { code: 'intent-unknown' } })
    const path = `/analytics/turns/${asked.turnKey}/intent`
    expect((await ann.send('POST', path, { intent: 'profile' })).body.code).toBe('request-invalid')
  })

  test('is for analysts alone', async () => {
    const path = `/analytics/turns/${asked.turnKey}/intent`
    const body = { intent: 'profile', askedAt: asked.askedAt.toISOString() }
    for (const role of ['user', 'auditor', 'operator']) {
      const refused = await (await api.signIn('somebody', [role])).send('POST', path, body)
      expect(refused).toMatchObject({ status: 403, body: { code: 'role-missing' } })
    }
    expect((await api.inject('POST', `/api/v1${path}`, { body })).status).toBe(401)
  })

  test('is, route by route, all that an analyst may write', async () => {
    const reads = ['GET', 'HEAD', 'OPTIONS']
    const harmless = ['dev-login', 'logout', 'ws-connection-token'].map((name) => `/api/v1/auth/${name}`)
    const writes = routesOf(api.app).filter(({ method, url }) => !reads.includes(method) && !harmless.includes(url))
    const open: string[] = []
    for (const { method, url } of writes) {
      const address = url.replaceAll(/:[A-Za-z]+/g, asked.turnKey)
      const { status } = await api.inject(method, address, {
        body: {},
        headers: { authorization: `Bearer ${ann.token}` },
      })
      if (status !== 403) open.push(`${method} ${url}`)
    }
    expect(open).toEqual(['POST /api/v1/analytics/turns/:turnKey/intent'])
  })
})
