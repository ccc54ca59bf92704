import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ApiFixture, startApi } from './api-fixture.ts'

let api: ApiFixture

beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

test.each([
  ['no HTTP at all', 'HELLO\r\n\r\n', 400, 'request-unreadable'],
  [
    'headers that are too large',
    `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    431,
    'headers-too-large',
  ],
])('%s is answered as a problem with a code', async (_, bytes, status, code) => {
  const [head, body] = (await answerTo(bytes)).split('\r\n\r\n')
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  expect(head).toContain('Content-Type: application/problem+json')
  expect(JSON.parse(body ?? '')).toMatchObject({ type: `/docs/errors#${code}`, status, code })
})

/** Everything the server says before it closes the connection. */
async function answerTo(bytes: string): Promise<string> {
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
  await once(socket, 'connect')
  socket.write(bytes)
  return text(socket)
}
