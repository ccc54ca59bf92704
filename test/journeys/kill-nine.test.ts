import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type Person, signIn } from '../support/chat-client.ts'
import { emberlog, makeDataDirectory, type Program, startProgram } from '../support/program.ts'

const ROUNDS = 20
const CONVERSATIONS = ['one', 'two', 'three']
/** From before the first append to well after the last answer of a burst. */
const KILL_AFTER_MS_MAX = 700

interface Acknowledged {
  readonly conversation: string
  readonly messageId: string
  readonly turnId: string
}

/** Sends messages as fast as they are acknowledged, until the program is gone. */
async function chatUntilDeath(person: Person, acknowledged: Acknowledged[]): Promise<void> {
  await Promise.all(
    CONVERSATIONS.map(async (conversation) => {
      try {
        const socket = await person.open(conversation)
        for (;;) {
          const { messageId, turnId } = await socket.say(`What is an embedding? ${randomUUID()}`)
          acknowledged.push({ conversation, messageId, turnId })
          await socket.ending(turnId)
        }
      } catch {
        // The program is dead; what was acknowledged until then counts.
      }
    }),
  )
}

/** Every acknowledged message is there once and answered once, and the list counts what is there. */
async function expectNothingLost(program: Program, acknowledged: readonly Acknowledged[]): Promise<void> {
  const ada = await signIn(program.url, 'ada')
  for (const conversation of CONVERSATIONS) {
    const mine = acknowledged.filter((message) => message.conversation === conversation)
    if (mine.length === 0) continue
    const socket = await ada.open(conversation)
    const last = await socket.say('Are you still there?')
    const { position } = await socket.ending(last.turnId)
    socket.close()
    const headers = { 'x-min-position': String(position) }
    const messages: { messageId: string; turnId: string; role: string; status: string }[] = []
    let next: string | null = ''
    while (next !== null) {
      const cursor: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`
      const page = await ada.get(`/api/v1/me/conversations/${conversation}/messages?limit=100${cursor}`, headers)
      messages.push(...page.body.results)
      next = page.body.next
    }
    const asked = messages.filter(({ role }) => role === 'user').map(({ messageId }) => messageId)
    expect(asked).toEqual([...new Set(asked)])
    for (const { messageId, turnId } of mine) {
      expect(asked).toContain(messageId)
      expect(messages.filter((message) => message.turnId === turnId).map(({ role }) => role)).toEqual([
        'user',
        'assistant',
      ])
    }
    const shown = await ada.get(`/api/v1/me/conversations/${conversation}`, headers)
    expect(shown.body.messageCount).toBe(messages.length)
  }
}

describe('kill -9 of every process at a random moment', () => {
  it(
    `loses nothing that was acknowledged, ${ROUNDS} times over, and every turn ends once`,
    async () => {
      const data = await makeDataDirectory()
      const acknowledged: Acknowledged[] = []
      try {
        for (let round = 0; round < ROUNDS; round += 1) {
          const program = await startProgram(data.directory, {
            LLM_DELTA_DELAY_MS: '1',
            EMBERLOG_MESSAGES_PER_MINUTE_MAX: '100000',
          })
          const ada = await signIn(program.url, 'ada')
          const chatting = chatUntilDeath(ada, acknowledged)
          // The moment is what is tested: anywhere between before the first append and after the last answer.
          await new Promise((resolve) => setTimeout(resolve, Math.random() * KILL_AFTER_MS_MAX))
          await program.killAll()
          await chatting
        }
        expect(acknowledged.length).toBeGreaterThan(ROUNDS)
        const program = await startProgram(data.directory, { LLM_DELTA_DELAY_MS: '1' })
        await expectNothingLost(program, acknowledged)
        expect(await program.stop()).toBe(0)
        await expectOneEndingEach(data.directory, acknowledged)
      } finally {
        await data.remove()
      }
    },
    10 * 60_000,
  )
})

async function expectOneEndingEach(directory: string, acknowledged: readonly Acknowledged[]): Promise<void> {
  for (const conversation of CONVERSATIONS) {
    const { output } = await emberlog(['audit', 'replay', conversation, '--owner', 'ada', '--json'], directory)
    const events = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; data: { turnId?: string } })
    const endings = events.filter(({ type }) =>
      ['ResponseCompleted', 'ResponseFailed', 'ResponseStopped'].includes(type),
    )
    const turns = endings.map(({ data }) => data.turnId)
    expect(turns).toEqual([...new Set(turns)])
    for (const message of acknowledged.filter((each) => each.conversation === conversation))
      expect(turns).toContain(message.turnId)
  }
}
