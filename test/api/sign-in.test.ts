import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDevelopmentTokens } from '../../src/api/access-tokens.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { type ApiFixture, forgeToken, startApi } from './api-fixture.ts'

let api: ApiFixture

beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

const nowS = () => Math.floor(Date.now() / 1000)
const valid = () => ({ sub: 'ada', iss: 'emberlog', aud: 'emberlog', exp: nowS() + 60, roles: ['user'] })
const statusWith = async (token: string) =>
  (await api.inject('GET', '/api/v1/me/conversations', { headers: { authorization: `Bearer ${token}` } })).status

describe('signing in by name', () => {
  test('gives an access token with the roles asked for, and says who one is', async () => {
    const login = await api.inject('POST', '/api/v1/auth/dev-login', {
      body: { userId: 'ada', roles: ['user', 'auditor'] },
    })
    expect(login).toMatchObject({ status: 200, body: { accessToken: expect.any(String), expiresInS: 43_200 } })
    const session = await api.inject('GET', '/api/v1/auth/session', {
      headers: { authorization: `Bearer ${login.body.accessToken}` },
    })
    expect(session.body).toMatchObject({ userId: 'ada', roles: ['user', 'auditor'] })
    expect((await api.inject('GET', '/api/v1/auth/session')).body).toEqual({ userId: null, roles: [], expiresAt: null })
  })

  test.each([
    ['empty', ''],
    ['blank', '  '],
    ['too long', 'x'.repeat(129)],
    ['a control character', 'a\u0000b'],
    ['a line break', 'a\nb'],
    ['the separator of stream names', 'a\u241Fb'],
    ['half of a surrogate pair', 'a\ud800'],
  ])('is refused for a user id that is or holds %s', async (_name, userId) => {
    expect(await api.inject('POST', '/api/v1/auth/dev-login', { body: { userId } })).toMatchObject({
      status: 422,
      body: { code: 'owner-id-invalid' },
    })
  })

  test.each(['Ada Lovelace', 'ada@example.org', '李雷', '👩‍🚀', "o'brien", 'x'.repeat(128)])(
    'works for %s, and keeps people apart',
    async (userId) => {
      const person = await api.signIn(userId)
      expect(
        (await person.send('POST', '/me/conversations', { conversationId: 'mine', title: userId.slice(0, 100) }))
          .status,
      ).toBe(201)
      expect((await person.get('/me/conversations')).body).toMatchObject({
        count: 1,
        results: [{ title: userId.slice(0, 100) }],
      })
    },
  )

  test('is refused for a role that does not exist', async () => {
    expect(
      await api.inject('POST', '/api/v1/auth/dev-login', { body: { userId: 'ada', roles: ['root'] } }),
    ).toMatchObject({ status: 422 })
  })
})

describe('an access token', () => {
  test('is believed when it is ours and fresh', async () => {
    expect(await statusWith(forgeToken(valid()))).toBe(200)
  })

  test.each<[string, () => string]>([
    ['nothing', () => ''],
    ['no token', () => 'nonsense'],
    ['expired', () => forgeToken({ ...valid(), exp: nowS() - 1 })],
    ['signed with another secret', () => forgeToken(valid(), 'another secret that is long enough')],
    ['without a signature', () => forgeToken(valid(), undefined, { alg: 'none' }).replace(/\.[^.]*$/, '.')],
    ['signed by another method', () => forgeToken(valid(), undefined, { alg: 'HS512' })],
    ['from another issuer', () => forgeToken({ ...valid(), iss: 'elsewhere' })],
    ['for another audience', () => forgeToken({ ...valid(), aud: 'elsewhere' })],
    ['without a person', () => forgeToken({ ...valid(), sub: undefined })],
    ['for a person who cannot be', () => forgeToken({ ...valid(), sub: 'a\nb' })],
    ['without an end', () => forgeToken({ ...valid(), exp: undefined })],
  ])('that is %s is not', async (_name, make) => {
    expect(await statusWith(make())).toBe(401)
  })

  test('with roles we do not know is that of a user', async () => {
    expect(await statusWith(forgeToken({ ...valid(), roles: ['root', 7] }))).toBe(200)
  })

  test('of an auditor alone reads nobody’s conversations as a user', async () => {
    const auditor = await api.signIn('auditor', ['auditor'])
    expect(await auditor.get('/me/conversations')).toMatchObject({ status: 403, body: { code: 'role-missing' } })
  })

  test('cannot be made with a short secret', () => {
    expect(() => createDevelopmentTokens({ jwtSecret: 'short', lifetimeMs: 1_000, clock: systemClock })).toThrow(
      'jwt-secret-too-short',
    )
  })
})

describe('the page’s cookie', () => {
  const cookieOf = async () => {
    const login = await api.inject('POST', '/api/v1/auth/dev-login', { body: { userId: 'ada' } })
    return String(login.headers['set-cookie'])
  }

  test('cannot be read by scripts nor sent from other sites', async () => {
    expect(await cookieOf()).toMatch(/^emberlog_session=[\w.-]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/)
  })

  test('signs requests of our own pages, and not of others', async () => {
    const cookie = (await cookieOf()).split(';')[0] ?? ''
    const send = (headers: Record<string, string>) =>
      api.inject('POST', '/api/v1/auth/ws-connection-token', { headers: { cookie, ...headers } })
    expect(await send({ host: 'chat.local', origin: 'http://chat.local' })).toMatchObject({ status: 200 })
    expect(await send({ host: 'chat.local', origin: 'http://evil.example' })).toMatchObject({
      status: 403,
      body: { code: 'origin-not-allowed' },
    })
  })

  test('does not help a bad bearer token', async () => {
    const cookie = (await cookieOf()).split(';')[0] ?? ''
    expect((await api.inject('GET', '/api/v1/me/conversations', { headers: { cookie } })).status).toBe(200)
    for (const authorization of ['Bearer nonsense', 'Basic YTpi', 'Bearer', '']) {
      expect(
        (await api.inject('GET', '/api/v1/me/conversations', { headers: { cookie, authorization } })).status,
        authorization,
      ).toBe(401)
    }
  })

  test('is taken back by signing out', async () => {
    const cookie = (await cookieOf()).split(';')[0] ?? ''
    const out = await api.inject('POST', '/api/v1/auth/logout', { headers: { cookie } })
    expect(out).toMatchObject({
      status: 204,
      headers: {
        'set-cookie': expect.stringContaining('emberlog_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0'),
      },
    })
    expect((await api.inject('GET', '/api/v1/me/conversations', { headers: { cookie } })).status).toBe(401)
  })
})

describe('an identity provider', () => {
  test('signs people in by tokens for us, signed with its published keys', async () => {
    const { publicKey, privateKey } = await generateKeyPair('RS256')
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }
    let isReachable = false
    const provider = createServer((request, response) => {
      const issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`
      const known: Record<string, unknown> = {
        '/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}/keys` },
        '/keys': { keys: [jwk] },
      }
      response.statusCode = isReachable ? 200 : 500
      response.setHeader('content-type', 'application/json').end(JSON.stringify(known[request.url ?? '']))
    })
    await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
    const issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`
    const trusting = await startApi({ settings: { auth: { mode: 'oidc', issuer, audience: 'emberlog' } } })
    try {
      const sign = (audience: string) =>
        new SignJWT({ roles: ['user', 'analyst'] })
          .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
          .setIssuer(issuer)
          .setAudience(audience)
          .setSubject('ada')
          .setExpirationTime('5m')
          .sign(privateKey)
      const session = async (token: string) =>
        trusting.inject('GET', '/api/v1/me/conversations', { headers: { authorization: `Bearer ${token}` } })
      expect(await session(await sign('emberlog'))).toMatchObject({
        status: 503,
        body: { code: 'identity-provider-unavailable' },
      })
      isReachable = true
      expect(await session(await sign('emberlog'))).toMatchObject({ status: 200 })
      expect(await session(await sign('somebody else'))).toMatchObject({ status: 401 })
      expect(await session(forgeToken({ ...valid(), iss: issuer }))).toMatchObject({ status: 401 })
      expect(await trusting.inject('POST', '/api/v1/auth/dev-login', { body: { userId: 'ada' } })).toMatchObject({
        status: 404,
        body: { code: 'route-unknown' },
      })
    } finally {
      await trusting.close()
      provider.closeAllConnections()
      await new Promise((resolve) => provider.close(resolve))
    }
  })
})
