import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiFixture, startApi } from './api-fixture.ts'

let api: ApiFixture
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

describe('the overview for operators', () => {
  test('names parts, generations, parked events and connections', async () => {
    const olga = await api.signIn('olga', ['operator'])
    const { status, body } = await olga.get('/operate/overview')
    expect(status).toBe(200)
    expect(body.parts).toEqual([{ name: 'event store', isReady: true, detail: 'connected' }])
    expect(body.generations).toMatchObject([{ number: 1, state: 'live' }])
    expect(body.generations[0].position).toMatch(/^-?\d+$/)
    expect(body.parked).toEqual([])
    expect(body.connections.map(({ name }: { name: string }) => name)).toContain('queries')
  })

  test.each([[['user']], [['auditor']], [['analyst']]])('is not for %j', async (roles) => {
    const somebody = await api.signIn('eve', roles)
    expect(await somebody.get('/operate/overview')).toMatchObject({ status: 403, body: { code: 'role-missing' } })
  })

  test('is not for strangers', async () => {
    expect((await api.inject('GET', '/api/v1/operate/overview')).status).toBe(401)
  })
})
