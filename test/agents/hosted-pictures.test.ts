import { afterEach, describe, expect, it } from 'vitest'
import { svgDrawing } from '../../src/agents/offline/svg-drawing.ts'
import { ATTACHMENT_BYTES_MAX } from '../../src/commands/attachment-record.ts'
import { readConfig } from '../../src/config.ts'
import { buildImageModel } from '../../src/main/image-model.ts'
import { isFault } from '../../src/shared/failures.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { imageUsage, paints, paintsHalf, png, pointsTo, showsPicture } from '../support/image-server.ts'
import {
  answers,
  type Behaviour,
  hangsUp,
  type ModelServer,
  refuses,
  startModelServer,
} from '../support/model-server.ts'
import { createNotes } from './model-examples.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const SECRET = 'key-very-secret'
const silence: Behaviour = () => {}
const wish = { title: 'A fox', description: 'A red fox in the snow', form: 'picture', labels: [] } as const
const never = new AbortController().signal

async function startServer(...script: Behaviour[]): Promise<ModelServer> {
  const server = await startModelServer(...script)
  closing.push(server.stop)
  return server
}

/** What the program builds from such a configuration, over real connections. */
function imagesAt(server: ModelServer, settings: Record<string, string> = {}) {
  const config = readConfig({
    IMAGE_PROVIDER: 'openai-compatible',
    IMAGE_BASE_URL: server.url,
    IMAGE_MODEL: 'painter-1',
    IMAGE_API_KEY: SECRET,
    LLM_RETRIES_MAX: '1',
    ...settings,
  })
  const { lines, meter } = createNotes()
  if (config.imageModel === undefined) throw new Error('no image model is configured')
  const built = buildImageModel(config, config.imageModel, svgDrawing, { meter, logger: silentLogger })
  closing.push(built.close)
  return { ...built, lines }
}

const name = { provider: 'openai-compatible', id: 'painter-1' }
const drawn = (code: string) => ({
  mediaType: 'image/svg+xml',
  made: {
    origin: 'drawn',
    model: { provider: svgDrawing.provider, id: svgDrawing.id },
    insteadOf: [{ ...name, code }],
  },
})

describe('a hosted image model', () => {
  it('makes the picture, and its making is told with what the provider counted', async () => {
    const server = await startServer(paints())
    const { images, lines } = imagesAt(server, { IMAGE_SIZE: '512x256' })
    const picture = await images.draw(wish, never)
    expect(Buffer.from(picture.bytes)).toEqual(png())
    expect(picture).toMatchObject({
      mediaType: 'image/png',
      alt: 'A fox: A red fox in the snow',
      made: {
        origin: 'generated',
        model: name,
        insteadOf: [],
        usage: { inputTokens: imageUsage.input_tokens, outputTokens: imageUsage.output_tokens },
      },
    })
    expect(server.requests).toMatchObject([
      {
        path: '/v1/images/generations',
        headers: { authorization: `Bearer ${SECRET}` },
        body: {
          model: 'painter-1',
          prompt: 'A fox. A red fox in the snow',
          n: 1,
          size: '512x256',
          response_format: 'b64_json',
        },
      },
    ])
    expect(lines).toContain('painter-1 answered 1056')
  })

  it.each<[string, Buffer, string]>([
    ['JPEG', Buffer.from('ffd8ffe000104a464946', 'hex'), 'image/jpeg'],
    ['WebP', Buffer.from('RIFF\x1a\0\0\0WEBPVP8L', 'latin1'), 'image/webp'],
  ])('may send a %s, which is told by how it begins', async (_kind, bytes, mediaType) => {
    const { images } = imagesAt(await startServer(paints(bytes, null)))
    const picture = await images.draw(wish, never)
    expect(picture.mediaType).toBe(mediaType)
    expect(picture.made).not.toHaveProperty('usage')
  })

  it.each([{ input_tokens: 1.5, output_tokens: 7 }, { input_tokens: 3, output_tokens: -1 }, {}])(
    'is not believed what is no count of tokens: %j',
    async (counted) => {
      const { images } = imagesAt(await startServer(paints(png(), counted)))
      expect((await images.draw(wish, never)).made).not.toHaveProperty('usage')
    },
  )

  it('may answer with an address on the same server, which is fetched', async () => {
    const server = await startServer(pointsTo('/pictures/1.png'), showsPicture)
    const picture = await imagesAt(server).images.draw(wish, never)
    expect(Buffer.from(picture.bytes)).toEqual(png())
    expect(server.requests[1]).toMatchObject({ path: '/pictures/1.png' })
  })

  it('makes nobody fetch an address anywhere else', async () => {
    const inside = await startServer(showsPicture)
    const server = await startServer(pointsTo(`${inside.url}/secret.png`))
    expect(await imagesAt(server).images.draw(wish, never)).toMatchObject(drawn('model-answer-invalid'))
    expect(inside.requests).toEqual([])
  })

  it.each<[string, Behaviour]>([
    ['500', refuses(500)],
    ['429 with a short Retry-After', refuses(429, { 'retry-after-ms': '20' })],
    ['a connection that was closed', hangsUp],
    ['an answer cut off in its middle', paintsHalf],
    ['a page instead of a picture', answers('text/html', '<h1>Welcome</h1>')],
    ['something that is no picture', paints(Buffer.from('<svg onload="alert(1)"/>'))],
    ['an answer without a picture', answers('application/json', '{"created":1,"data":[]}')],
  ])('is asked again after %s', async (_what, behaviour) => {
    const server = await startServer(behaviour, paints())
    const picture = await imagesAt(server).images.draw(wish, never)
    expect(picture.made).toMatchObject({ origin: 'generated', insteadOf: [] })
    expect(server.requests).toHaveLength(2)
  })

  it.each<[string, Behaviour, string, number]>([
    ['500 again and again', refuses(500), 'model-overloaded', 2],
    ['429 with a long Retry-After', refuses(429, { 'retry-after': '3600' }), 'model-rate-limited', 1],
    ['401', refuses(401), 'model-unauthorized', 1],
    ['answers cut off in their middle', paintsHalf, 'model-connection-lost', 2],
    ['garbage', answers('application/json', '{"data":[{"b64_json":'), 'model-answer-invalid', 2],
    ['an SVG, which could run something', paints(Buffer.from('<svg onload="x"/>')), 'model-answer-invalid', 2],
    ['a picture larger than what is kept', paints(png(ATTACHMENT_BYTES_MAX)), 'model-answer-too-large', 1],
    ['an answer without end in sight', answers('application/json', ' '.repeat(7_000_000)), 'model-answer-too-large', 1],
  ])('is stood in for by a drawing that says so, after %s', async (_what, behaviour, code, requests) => {
    const server = await startServer(behaviour)
    const { images, lines } = imagesAt(server)
    expect(await images.draw(wish, never)).toMatchObject(drawn(code))
    expect(server.requests).toHaveLength(requests)
    expect(lines).toContain(`painter-1 -> ${svgDrawing.id}: ${code}`)
  })

  it('is not waited for longer than is configured, and hears of it', async () => {
    const server = await startServer(silence)
    const picture = await imagesAt(server, { IMAGE_TIMEOUT_MS: '200' }).images.draw(wish, never)
    expect(picture).toMatchObject(drawn('model-timeout'))
    expect(await server.disconnected()).toBeGreaterThan(0)
    expect(server.requests).toHaveLength(1)
  })

  it('hears at once of a stop, and nothing is drawn instead', async () => {
    const server = await startServer(silence)
    const stop = new AbortController()
    const { images, lines } = imagesAt(server)
    const drawing = images.draw(wish, stop.signal)
    await expect.poll(() => server.requests.length).toBe(1)
    const stoppedMs = performance.now()
    stop.abort(new Error('stopped by a person'))
    await expect(drawing).rejects.toThrow('stopped by a person')
    expect((await server.disconnected()) - stoppedMs).toBeLessThan(250)
    expect(lines.filter((line) => /failed|->/.test(line))).toEqual([])
  })

  it('may refuse what its filter does not like, and no drawing goes around that', async () => {
    const body = JSON.stringify({
      error: { message: 'no', type: 'user_error', code: 'moderation_blocked', param: null },
    })
    const server = await startServer(({ response }) => void response.writeHead(400).end(body))
    const failure = await imagesAt(server)
      .images.draw(wish, never)
      .catch((error: unknown) => error)
    expect(isFault(failure) && failure.code).toBe('model-answer-filtered')
    expect(server.requests).toHaveLength(1)
  })

  it('is left alone after failures in a row', async () => {
    const server = await startServer(refuses(401))
    const { images } = imagesAt(server, { LLM_BREAKER_FAILURES_MAX: '2' })
    for (const code of ['model-unauthorized', 'model-unauthorized', 'model-unavailable']) {
      expect(await images.draw(wish, never)).toMatchObject(drawn(code))
    }
    expect(server.requests).toHaveLength(2)
  })

  it('never lets the key or a provider’s words into a failure', async () => {
    const server = await startServer(refuses(400, {}, `bad key ${SECRET}`))
    const drawing = JSON.stringify((await imagesAt(server).images.draw(wish, never)).made)
    expect(drawing).toContain('model-request-refused')
    expect(drawing).not.toContain(SECRET)
  })
})

describe('the image models of other providers', () => {
  it('openai: speaks its own protocol', async () => {
    const server = await startServer(paints())
    const { images } = imagesAt(server, { IMAGE_PROVIDER: 'openai' })
    expect((await images.draw(wish, never)).made).toMatchObject({ origin: 'generated', model: { provider: 'openai' } })
    expect(server.requests[0]?.path).toBe('/v1/images/generations')
  })

  const gemini = (parts: object[], finishReason: string) =>
    answers(
      'application/json',
      JSON.stringify({
        candidates: [{ content: { role: 'model', parts }, finishReason, index: 0 }],
        usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 1_290, totalTokenCount: 1_299 },
      }),
    )
  const google = { IMAGE_PROVIDER: 'google', IMAGE_MODEL: 'gemini-image' }

  it('google: speaks its own protocol', async () => {
    const data = png().toString('base64')
    const server = await startServer(gemini([{ inlineData: { mimeType: 'image/png', data } }], 'STOP'))
    const { made } = await imagesAt(server, google).images.draw(wish, never)
    expect(made).toMatchObject({ origin: 'generated', usage: { inputTokens: 9, outputTokens: 1_290 } })
    expect(server.requests[0]?.path).toContain('/models/gemini-image:generateContent')
    expect(server.requests[0]?.headers['x-goog-api-key']).toBe(SECRET)
  })

  it('google: an answer that its filter left empty is a refusal', async () => {
    const server = await startServer(gemini([], 'IMAGE_SAFETY'))
    await expect(imagesAt(server, google).images.draw(wish, never)).rejects.toThrow('model-answer-filtered')
  })
})
