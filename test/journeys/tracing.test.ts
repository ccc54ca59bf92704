import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { signIn } from '../support/chat-client.ts'
import { makeDataDirectory, type Program, startProgram } from '../support/program.ts'

interface SentSpan {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
}

/** A receiver of OTLP over HTTP that keeps what it is sent. */
function startReceiver() {
  const spans: SentSpan[] = []
  const bodies: string[] = []
  let onSpans = () => {}
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    bodies.push(body)
    for (const { scopeSpans } of JSON.parse(body).resourceSpans)
      for (const scope of scopeSpans) spans.push(...scope.spans)
    response.setHeader('content-type', 'application/json').end('{}')
    onSpans()
  })
  return {
    spans,
    bodies,
    start: () =>
      new Promise<string>((resolve) => {
        server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
      }),
    until: (isThere: () => boolean) =>
      new Promise<void>((resolve) => {
        onSpans = () => isThere() && resolve()
        onSpans()
      }),
    stop: () => new Promise((resolve) => server.close(resolve)),
  }
}

const receiver = startReceiver()
let data: Awaited<ReturnType<typeof makeDataDirectory>>
let program: Program
beforeAll(async () => {
  data = await makeDataDirectory()
  program = await startProgram(data.directory, {
    OTEL_EXPORTER_OTLP_ENDPOINT: await receiver.start(),
    LLM_DELTA_DELAY_MS: '0',
  })
})
afterAll(async () => {
  await program?.stop()
  await data?.remove()
  await receiver.stop()
})

it('A trace leads from the request through the record to the answer, and holds nothing that was said', async () => {
  const ada = await signIn(program.url, 'ada')
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const text = 'What is RAG in AI? My secret is opensesame.'
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`
  const answer = await ada.send('POST', '/api/v1/me/conversations/c1/messages', { text }, { traceparent })
  expect(answer.status).toBe(202)
  const named = (start: string) =>
    receiver.spans.find(({ name, traceId: of }) => of === traceId && name.startsWith(start))
  await receiver.until(() => named('handle MessageSent') !== undefined && named('chat ') !== undefined)

  const command = named('command sendMessage')
  expect(command?.parentSpanId).toBe('b7ad6b7169203331')
  expect(named('append to conversation')?.parentSpanId).toBe(command?.spanId)
  expect(named('handle MessageSent')?.parentSpanId).toBe(command?.spanId)
  expect(named('chat ')?.parentSpanId).toBe(named('handle MessageSent')?.spanId)
  expect(receiver.bodies.join()).not.toContain('opensesame')
})
