import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isEndingOf, type Person, signIn, textOfDeltas } from '../support/chat-client.ts'
import { emberlog, makeDataDirectory, type Program, startProgram } from '../support/program.ts'

let data: Awaited<ReturnType<typeof makeDataDirectory>>
let program: Program

beforeAll(async () => {
  data = await makeDataDirectory()
  program = await startProgram(data.directory, { LLM_DELTA_DELAY_MS: '1' })
})
afterAll(async () => {
  await program?.stop()
  await data?.remove()
})

const person = (name: string) => signIn(program.url, `${name}-${randomUUID().slice(0, 8)}`)

/** Reads a conversation once the read models have come as far as `position`. */
async function messagesOf(who: Person, conversation: string, position: unknown) {
  const answer = await who.get(`/api/v1/me/conversations/${conversation}/messages?limit=100`, {
    'x-min-position': String(position),
  })
  expect(answer.status).toBe(200)
  return answer.body.results as {
    messageId: string
    turnId: string
    role: string
    text: string
    status: string
    agent: string | null
  }[]
}

describe('a recorded chat turn', () => {
  it('is accepted, routed, streamed, completed, and there after a reload', async () => {
    const ada = await person('ada')
    const socket = await ada.open('ember-chat-ada')
    const { turnId, messageId } = await socket.say('What is RAG in AI?')
    const ending = await socket.ending(turnId)

    const ofTurn = socket.frames.filter((frame) => frame['turnId'] === turnId).map(({ type }) => type)
    expect(ofTurn[0]).toBe('message.accepted')
    expect(ofTurn[1]).toBe('intent.routed')
    expect(ofTurn.slice(2, -1).every((type) => type === 'response.delta')).toBe(true)
    expect(ofTurn.at(-1)).toBe('response.completed')
    expect(ending).toMatchObject({ agent: 'learning', model: { provider: 'offline' } })
    expect(textOfDeltas(socket.frames, turnId)).toBe(ending['text'])
    expect(ending['text']).toMatch(/retriev/i)

    const messages = await messagesOf(ada, 'ember-chat-ada', ending['position'])
    expect(messages).toMatchObject([
      { messageId, role: 'user', text: 'What is RAG in AI?', turnId },
      { role: 'assistant', text: ending['text'], status: 'completed', agent: 'learning', turnId },
    ])
    const list = await ada.get('/api/v1/me/conversations', { 'x-min-position': String(ending['position']) })
    expect(list.body.results).toMatchObject([
      { conversationId: 'ember-chat-ada', kind: 'ember_chat', title: 'Ember Chat', messageCount: 2 },
    ])
    socket.close()
  })

  it('numbers its deltas without gaps', async () => {
    const ada = await person('ada')
    const socket = await ada.open('gapless')
    const { turnId } = await socket.say('What is a vector database?')
    await socket.ending(turnId)
    const numbers = socket.frames.filter(({ type }) => type === 'response.delta').map((frame) => frame['delta'])
    expect(numbers.length).toBeGreaterThan(5)
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
    socket.close()
  })

  it('keeps the conversations of two people apart, though they use the same id', async () => {
    const [ada, bob] = [await person('ada'), await person('bob')]
    const [adas, bobs] = [await ada.open('shared-id'), await bob.open('shared-id')]
    const asked = await adas.say('Hello, this is Ada')
    const ending = await adas.ending(asked.turnId)
    expect(bobs.frames.map(({ type }) => type)).toEqual(['connected'])
    const foreign = await bob.get('/api/v1/me/conversations/shared-id', {
      'x-min-position': String(ending['position']),
    })
    expect(foreign.status).toBe(404)
    const turn = await bobs.say('Hello, this is Bob')
    const bobsEnding = await bobs.ending(turn.turnId)
    expect((await messagesOf(bob, 'shared-id', bobsEnding['position'])).map(({ text }) => text)[0]).toBe(
      'Hello, this is Bob',
    )
    expect(turn.turnId).not.toBe(asked.turnId)
    adas.close()
    bobs.close()
  })

  it('is one turn, however often the same message is sent at once', async () => {
    const ada = await person('ada')
    for (const times of [1, 2, 50]) {
      const conversation = `once-${times}`
      const messageId = randomUUID()
      const path = `/api/v1/me/conversations/${conversation}/messages`
      const answers = await Promise.all(
        Array.from({ length: times }, () => ada.send('POST', path, { messageId, text: 'Hello!' })),
      )
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
      expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
      const replay = await emberlog(['audit', 'replay', conversation, '--owner', ada.userId, '--json'], data.directory)
      const types = replay.output
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).type)
      expect(types.filter((type) => type === 'MessageSent')).toHaveLength(1)
    }
  })

  it('waits its turn: three messages sent 500 ms apart are answered in order, each once', async () => {
    const ada = await person('ada')
    const socket = await ada.open('three')
    const turns: string[] = []
    for (const [index, text] of ['What is a token?', 'What is an embedding?', 'What is a transformer?'].entries()) {
      if (index > 0) await new Promise((resolve) => setTimeout(resolve, 500)) // The pause is what is tested, not a wait.
      turns.push((await socket.say(text)).turnId)
    }
    for (const turnId of turns) await socket.ending(turnId)
    const endings = socket.frames.filter((frame) => turns.some((turnId) => isEndingOf(turnId)(frame)))
    expect(endings.map((frame) => frame['turnId'])).toEqual(turns)
    expect(endings.every(({ type }) => type === 'response.completed')).toBe(true)
    socket.close()
  })

  it('can be stopped, and keeps what was written', async () => {
    const ada = await person('ada')
    const socket = await ada.open('stopped')
    const { turnId } = await socket.say('Explain how transformers work, please')
    await socket.frame((frame) => frame.type === 'response.delta' && frame['turnId'] === turnId)
    socket.write({ type: 'response.stop', turnId })
    const ending = await socket.ending(turnId)
    expect(ending.type).toBe('response.stopped')
    expect(ending['partialText']).toBe(textOfDeltas(socket.frames, turnId))
    const messages = await messagesOf(ada, 'stopped', ending['position'])
    expect(messages[1]).toMatchObject({ role: 'assistant', status: 'stopped', text: ending['partialText'] })
    socket.close()
  })

  it('shows the same thing on every socket of its owner, in the same order', async () => {
    const ada = await person('ada')
    const [one, two] = [await ada.open('twice'), await ada.open('twice')]
    const { turnId, messageId } = await one.say('What is fine-tuning?')
    await Promise.all([one.ending(turnId), two.ending(turnId)])
    expect(two.frames.find(({ type }) => type === 'message.sent')).toMatchObject({
      messageId,
      turnId,
      text: 'What is fine-tuning?',
    })
    expect(one.frames.some(({ type }) => type === 'message.sent')).toBe(false)
    const ofTurn = (frames: readonly { type: string }[]) =>
      frames.filter(({ type }) => /^(intent|response)\./.test(type))
    expect(ofTurn(two.frames)).toEqual(ofTurn(one.frames))
    one.close()
    two.close()
  })

  it('is answered once more beside its first answer', async () => {
    const ada = await person('ada')
    const socket = await ada.open('again')
    const first = await socket.say('What is RAG in AI?')
    await socket.ending(first.turnId)
    socket.write({ type: 'response.regenerate', turnId: first.turnId })
    const second = await socket.frame(
      (frame) => frame.type === 'response.completed' && frame['turnId'] !== first.turnId,
    )
    const messages = await messagesOf(ada, 'again', second['position'])
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'assistant'])
    socket.close()
  })

  it('remembers what was said: a follow-up is about the same thing', async () => {
    const ada = await person('ada')
    const socket = await ada.open('follow-up')
    await socket.ending((await socket.say('What is RAG in AI?')).turnId)
    const ending = await socket.ending((await socket.say('How do I implement it in my project?')).turnId)
    expect(ending['text']).toMatch(/retriev|RAG/i)
    socket.close()
  })
})
