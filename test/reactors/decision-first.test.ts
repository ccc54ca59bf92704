import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { AgentTools } from '../../src/agents/agent-tools.ts'
import { createCodec } from '../../src/events/codec.ts'
import type { DataOf } from '../../src/events/conversation-events.ts'
import { conversationIdOf, conversationStream } from '../../src/events/stream-names.ts'
import { Fault, isRefusal } from '../../src/shared/failures.ts'
import * as the from '../support/examples.ts'
import { type RecordHarness, startRecord } from '../support/record-harness.ts'
import {
  type AnsweringNode,
  finish,
  type NodeOptions,
  type Script,
  startAnsweringNode,
  textOfDeltas,
} from './support/answering-node.ts'

let record: RecordHarness
const nodes: AnsweringNode[] = []
beforeAll(async () => {
  record = await startRecord()
})
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()))
})
afterAll(() => record.stop())

async function start(options: NodeOptions): Promise<AnsweringNode> {
  const node = await startAnsweringNode(record, options)
  nodes.push(node)
  return node
}

/** Routing decisions of a node wait, before they go to the record, until they are let go. */
function heldDecisions() {
  const arrived = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  return {
    arrived: arrived.promise,
    letGo: held.resolve,
    async beforeAppend(types: readonly string[]) {
      if (!types.includes('IntentRouted')) return
      arrived.resolve()
      await held.promise
    },
  }
}

/** A model that tells when it is asked, and when it is ended before it has written everything. */
function watchedModel(words: readonly string[] = ['one ', 'two']) {
  const asked = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<void>()
  const seen = { asked: 0, wordsWanted: 0 }
  const script: Script = async function* (_request, signal) {
    seen.asked += 1
    signal.addEventListener('abort', () => ended.resolve(), { once: true })
    asked.resolve()
    for (const text of words) {
      seen.wordsWanted += 1
      yield { type: 'text', text }
    }
    yield finish
  }
  return { script, seen, asked: asked.promise, ended: ended.promise }
}

/** Everything that could happen now has happened. */
async function nothingMoves() {
  for (let turns = 0; turns < 5; turns += 1) await new Promise((resolve) => setImmediate(resolve))
}

function newChat() {
  const request = { ownerId: `owner-${randomUUID()}`, clientConversationId: 'chat' }
  const conversationId = conversationIdOf(request.ownerId, 'chat')
  return { request, conversationId, stream: conversationStream(conversationId) }
}

type Chat = ReturnType<typeof newChat>

async function send(node: AnsweringNode, { request }: Chat) {
  const outcome = await node.gateway.sendMessage(request, { messageId: randomUUID(), text: 'Tell me', channel: 'rest' })
  if (isRefusal(outcome)) throw new Error(outcome.code)
  return outcome.turnId
}

async function typesOf({ stream }: Chat): Promise<string[]> {
  const types: string[] = []
  for await (const { type } of record.store.readStream(stream)) types.push(type)
  return types
}

const context = (commandId: string) => ({
  ...{ commandId, correlationId: commandId, causationId: commandId },
  actor: { kind: 'agent', id: 'responder' } as const,
})

describe('a model', () => {
  it.each([true, false])(
    'is asked while the decision is on its way; nobody sees a word before it is recorded (reproducible: %s)',
    async (isReproducible) => {
      const decisions = heldDecisions()
      const model = watchedModel()
      const node = await start({ script: model.script, isReproducible, beforeAppend: decisions.beforeAppend })
      const chat = newChat()
      const { heard } = await node.hear(chat.conversationId)
      await send(node, chat)
      await Promise.all([decisions.arrived, model.asked])
      await nothingMoves()
      expect(heard.map(({ type }) => type).filter((type) => type !== 'message.sent')).toEqual([])
      expect(await typesOf(chat)).toEqual(['ConversationStarted', 'MessageSent'])
      expect(model.seen).toEqual({ asked: 1, wordsWanted: 1 })
      decisions.letGo()
      await expect.poll(() => heard.at(-1)?.type).toBe('response.completed')
      expect(heard.map(({ type }) => type).slice(0, 3)).toEqual(['message.sent', 'intent.routed', 'response.delta'])
      expect(textOfDeltas(heard)).toBe('one two')
      expect(model.seen).toEqual({ asked: 1, wordsWanted: 2 })
      expect(await typesOf(chat)).toEqual(['ConversationStarted', 'MessageSent', 'IntentRouted', 'ResponseCompleted'])
    },
  )

  it('has no tool used before the decision is recorded', async () => {
    const decisions = heldDecisions()
    const asked = Promise.withResolvers<void>()
    let typesAtUse: string[] | undefined
    const chat = newChat()
    const tools: AgentTools = {
      definitionsFor: () => [
        { name: 'clock', description: 'Tells the time.', parameters: z.object({}), timeoutMs: 60_000 },
      ],
      async execute() {
        typesAtUse = await typesOf(chat)
        return { outcome: 'succeeded', result: 'noon', attachments: [], citations: [] }
      },
    }
    const script: Script = async function* ({ rounds = [] }) {
      asked.resolve()
      if (rounds.length > 0) yield { type: 'text', text: 'Noon.' }
      else yield { type: 'tool-call', toolCallId: '1', tool: 'clock', arguments: {} }
      yield finish
    }
    const node = await start({ script, tools, beforeAppend: decisions.beforeAppend })
    const { heard } = await node.hear(chat.conversationId)
    await send(node, chat)
    await Promise.all([decisions.arrived, asked.promise])
    await nothingMoves()
    expect(typesAtUse).toBeUndefined()
    decisions.letGo()
    await expect.poll(() => heard.at(-1)?.type).toBe('response.completed')
    expect(typesAtUse).toEqual(['ConversationStarted', 'MessageSent', 'IntentRouted'])
  })

  it('is asked once though the record is away for a moment', async () => {
    let failures = 1
    const model = watchedModel()
    const node = await start({
      script: model.script,
      async beforeAppend(types) {
        if (types.includes('IntentRouted') && failures-- > 0) throw new Fault('store-unavailable')
      },
    })
    const chat = newChat()
    const { heard } = await node.hear(chat.conversationId)
    await send(node, chat)
    await expect.poll(() => heard.at(-1)?.type).toBe('response.completed')
    expect(failures).toBe(-1)
    expect(model.seen.asked).toBe(1)
  })

  it('is ended, and its words never shown, when another node has routed the turn first', async () => {
    const decisions = heldDecisions()
    const model = watchedModel(['first ', 'attempt'])
    let attempts = 0
    const script: Script = (request, signal) => {
      attempts += 1
      return attempts === 1 ? model.script(request, signal) : watchedModel(['second ', 'one']).script(request, signal)
    }
    const node = await start({ script, beforeAppend: decisions.beforeAppend })
    const other = await start({ ...model, isResponder: false })
    const chat = newChat()
    const { heard } = await node.hear(chat.conversationId)
    const turnId = await send(node, chat)
    await Promise.all([decisions.arrived, model.asked])
    const data = the.routed('m1', { turnId, intent: 'support', agent: 'support' }).data as DataOf<'IntentRouted'>
    await other.handler.handle(chat.stream, { type: 'RouteIntent', data }, context(`RouteIntent:${turnId}:other`))
    decisions.letGo()
    await model.ended
    await expect.poll(() => heard.at(-1)?.type).toBe('response.completed')
    expect(textOfDeltas(heard)).toBe('second one')
    expect(heard.at(-1)).toMatchObject({ agent: 'support', text: 'second one' })
    expect(await typesOf(chat)).toEqual(['ConversationStarted', 'MessageSent', 'IntentRouted', 'ResponseCompleted'])
  })

  it('is ended, and its words never shown, when the turn was stopped before it was routed', async () => {
    const decisions = heldDecisions()
    const model = watchedModel()
    const node = await start({ script: model.script, beforeAppend: decisions.beforeAppend })
    const other = await start({ ...model, isResponder: false })
    const chat = newChat()
    const { heard } = await node.hear(chat.conversationId)
    const turnId = await send(node, chat)
    await Promise.all([decisions.arrived, model.asked])
    await other.gateway.stop(chat.request, { turnId })
    decisions.letGo()
    await model.ended
    await expect.poll(() => heard.at(-1)?.type).toBe('response.stopped')
    expect(textOfDeltas(heard)).toBe('')
    await expect.poll(() => node.responder.isWriting(turnId)).toBe(false)
    expect(await typesOf(chat)).toEqual(['ConversationStarted', 'MessageSent', 'ResponseStopped'])
    expect((await createCodec().decodeAll(await record.store.readStreamBackwards(chat.stream, 1)))[0]).toMatchObject({
      data: { turnId, partialText: '' },
    })
  })
})
