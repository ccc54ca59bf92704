import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isEndingOf, type Person, signIn } from '../support/chat-client.ts'
import { imageUsage, paints, png } from '../support/image-server.ts'
import { type ModelServer, refuses, startModelServer } from '../support/model-server.ts'
import { emberlog, makeDataDirectory, type Program, startProgram } from '../support/program.ts'

const SECRET = 'sk-picture-secret-0123456789'

let data: Awaited<ReturnType<typeof makeDataDirectory>>
let painter: ModelServer
let program: Program

beforeAll(async () => {
  painter = await startModelServer()
  data = await makeDataDirectory()
  program = await startProgram(data.directory, {
    IMAGE_PROVIDER: 'openai-compatible',
    IMAGE_BASE_URL: painter.url,
    IMAGE_MODEL: 'painter-1',
    IMAGE_API_KEY: SECRET,
    LLM_RETRIES_MAX: '0',
    LLM_DELTA_DELAY_MS: '0',
    LOG_LEVEL: 'debug',
  })
})
afterAll(async () => {
  await program?.stop()
  await data?.remove()
  await painter?.stop()
})

const model = { provider: 'openai-compatible', id: 'painter-1' }
const newPerson = () => signIn(program.url, `ada-${randomUUID().slice(0, 8)}`)

async function wishFor(who: Person, text: string) {
  const socket = await who.open('pictures')
  const { turnId } = await socket.say(text)
  return await socket.ending(turnId)
}

async function signedIn(userId: string) {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ userId }) }
  const answer = await fetch(`${program.url}/api/v1/auth/dev-login`, init)
  const { accessToken } = (await answer.json()) as { accessToken: string }
  return { authorization: `Bearer ${accessToken}` }
}

const attachmentsOf = (ending: object) =>
  (ending as { attachments?: { attachmentId: string; mediaType: string; made: object }[] }).attachments ?? []

describe('a turn that asks for a picture', () => {
  it('gets one of the image model: shown to its owner alone, recorded with who made it and what it took', async () => {
    const picture = png(700_000)
    painter.script(paints(picture))
    const who = await newPerson()
    const ending = await wishFor(who, 'Draw a red fox in the snow')
    const usage = { inputTokens: imageUsage.input_tokens, outputTokens: imageUsage.output_tokens }
    const made = { origin: 'generated', model, insteadOf: [], usage }
    const [attachment] = attachmentsOf(ending)
    expect(attachment).toMatchObject({ mediaType: 'image/png', made })
    expect(ending['text']).not.toContain('not a generated picture')

    const address = `${program.url}/api/v1/me/attachments/${attachment?.attachmentId}`
    const seen = await fetch(address, { headers: await signedIn(who.userId) })
    expect(seen.headers.get('content-type')).toBe('image/png')
    expect(Buffer.from(await seen.arrayBuffer()).equals(picture)).toBe(true)
    const other = await newPerson()
    expect((await other.get(`/api/v1/me/attachments/${attachment?.attachmentId}`)).status).toBe(404)

    const page = await who.get('/api/v1/me/conversations/pictures/messages', {
      'x-min-position': String(ending['position']),
    })
    expect(page.body.results.at(-1).attachments).toMatchObject([{ mediaType: 'image/png', made }])
    const replay = await emberlog(['audit', 'replay', 'pictures', '--owner', who.userId, '--json'], data.directory)
    const answered = replay.output.split('\n').find((line) => line.includes('"ResponseCompleted"')) ?? '{}'
    expect(JSON.parse(answered)).toMatchObject({ data: { attachments: [{ made }] } })
  })

  it('gets a drawing when the image model is not well, and is told so in words and in the record', async () => {
    painter.script(refuses(500))
    const ending = await wishFor(await newPerson(), 'Draw a lighthouse at night')
    expect(attachmentsOf(ending)).toMatchObject([
      {
        mediaType: 'image/svg+xml',
        made: { origin: 'drawn', model: { provider: 'offline' }, insteadOf: [{ ...model, code: 'model-overloaded' }] },
      },
    ])
    expect(ending['text']).toContain('the image model did not make one just now')
  })

  it('that is stopped meanwhile ends the work at the provider within 250 ms', async () => {
    const asked = Promise.withResolvers<void>()
    painter.script(() => asked.resolve())
    const who = await newPerson()
    const socket = await who.open('pictures')
    const { turnId } = await socket.say('Draw a slow snail')
    await asked.promise
    const gone = painter.disconnected()
    const stoppedMs = performance.now()
    socket.write({ type: 'response.stop', turnId })
    expect((await gone) - stoppedMs).toBeLessThan(250)
    expect(await socket.frame(isEndingOf(turnId))).toMatchObject({ type: 'response.stopped', partialText: '' })
  })

  it('leaves neither the key nor a word in the logs', () => {
    expect(program.complaints()).toContain('an image model did not answer')
    expect(program.complaints()).not.toContain(SECRET)
    expect(program.complaints()).not.toMatch(/lighthouse|red fox/)
  })
})
