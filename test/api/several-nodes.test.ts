import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RecordHarness, startRecord } from '../support/record-harness.ts'
import { type ApiFixture, startApi } from './api-fixture.ts'

let record: RecordHarness
let here: ApiFixture
let there: ApiFixture
beforeAll(async () => {
  record = await startRecord()
  ;[here, there] = await Promise.all([
    startApi({ record: record.connectionString }),
    startApi({ record: record.connectionString }),
  ])
})
afterAll(async () => {
  await Promise.all([here.close(), there.close()])
  await record.stop()
})

const isSignedIn = async (node: ApiFixture, token: string) =>
  (await node.inject('GET', '/api/v1/me/conversations', { headers: { authorization: `Bearer ${token}` } })).status ===
  200

describe('a connection token', () => {
  test('of one node opens a socket on another', async () => {
    const ada = await here.signIn()
    const socket = there.socket(`/ws/chat/c?token=${await ada.connectionToken()}`)
    expect(await socket.frame('connected')).toMatchObject({ conversationId: 'c' })
  })

  test('opens one socket, however many nodes are asked at once', async () => {
    const ada = await here.signIn()
    for (let round = 0; round < 10; round += 1) {
      const token = await ada.connectionToken()
      const sockets = [here, there, here, there].map((node) => node.socket(`/ws/chat/c?token=${token}`))
      const opened = await Promise.all(
        sockets.map((socket) => Promise.race([socket.frame('connected').then(() => true), socket.closed])),
      )
      expect(opened.toSorted()).toEqual([4401, 4401, 4401, true])
    }
  })
})

describe('signing out on one node', () => {
  test('closes the sockets on another, and ends the token there and on nodes that start later', async () => {
    const ada = await here.signIn()
    const socket = there.socket(`/ws/chat/c?token=${await ada.connectionToken()}`)
    await socket.frame('connected')
    expect((await ada.send('POST', '/auth/logout')).status).toBe(204)
    expect(await socket.closed).toBe(4401)
    expect([await isSignedIn(here, ada.token), await isSignedIn(there, ada.token)]).toEqual([false, false])

    const later = await startApi({ record: record.connectionString })
    try {
      const eve = await later.signIn()
      const known = later.socket(`/ws/chat/c?token=${await eve.connectionToken()}`)
      await known.frame('connected')
      await here.inject('POST', '/api/v1/auth/logout', { headers: { authorization: `Bearer ${eve.token}` } })
      expect(await known.closed).toBe(4401) // The feed has come past everything that ended before.
      expect(await isSignedIn(later, ada.token)).toBe(false)
    } finally {
      await later.close()
    }
  })

  test('leaves other sessions of the same person alone', async () => {
    const [first, second] = [await here.signIn('grace'), await here.signIn('grace')]
    await first.send('POST', '/auth/logout')
    expect(await isSignedIn(here, second.token)).toBe(true)
  })
})
