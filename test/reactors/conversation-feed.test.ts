import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createCommandHandler } from '../../src/commands/command-handler.ts'
import { conversationDecider, ownerOf } from '../../src/commands/conversation-decider.ts'
import { createConversationGateway } from '../../src/commands/conversation-handler.ts'
import { createCodec } from '../../src/events/codec.ts'
import type { LiveFact } from '../../src/events/live-facts.ts'
import { conversationIdOf, conversationStream } from '../../src/events/stream-names.ts'
import { followConversations, type StopRequest } from '../../src/reactors/conversation-feed.ts'
import { createLiveAnswers } from '../../src/reactors/live-answers.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { isRefusal } from '../../src/shared/failures.ts'
import type { Uuid } from '../../src/shared/ids.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { type RecordHarness, startRecord } from '../support/record-harness.ts'

let record: RecordHarness
const following = new AbortController()
let feed: Promise<void>

beforeAll(async () => {
  record = await startRecord()
})
afterAll(async () => {
  following.abort()
  await feed
  await record.stop()
})

test('what one process records is heard in another, past events that it cannot read', async () => {
  const codec = createCodec()
  const live = createLiveAnswers()
  const ended: string[] = []
  const requested: StopRequest[] = []
  const reader = record.another()
  feed = followConversations(
    {
      reader,
      codec,
      live,
      logger: silentLogger,
      onEnded: (id) => ended.push(id),
      onStopRequested: (request) => requested.push(request),
    },
    following.signal,
  )

  const owner = `owner-${randomUUID()}`
  const conversationId = conversationIdOf(owner, 'chat')
  const heard: LiveFact[] = []
  live.listen(conversationId, (fact) => heard.push(fact))
  const handler = createCommandHandler({
    store: record.store,
    codec,
    clock: systemClock,
    decider: conversationDecider,
    personOf: ownerOf,
  })
  const gateway = createConversationGateway(handler)
  const send = async (messageId: string) => {
    const request = { ownerId: owner, clientConversationId: 'chat' }
    const outcome = await gateway.sendMessage(request, { messageId, text: 'Hello', channel: 'rest' })
    if (isRefusal(outcome)) throw new Error(outcome.code)
    return outcome.turnId
  }

  // The feed begins at the log's end, wherever that is when it connects: sent until it hears.
  await expect.poll(() => send(randomUUID()).then(() => heard.length), { interval: 20 }).toBeGreaterThan(0)
  const strange = { eventId: randomUUID() as Uuid, type: 'MessageShouted', data: {}, metadata: {} }
  await record.store.append(conversationStream(conversationId), [strange], 'any')
  const other = conversationIdOf(owner, 'other')
  live.listen(other, (fact) => heard.push(fact))
  const after = await gateway.sendMessage(
    { ownerId: owner, clientConversationId: 'other' },
    { messageId: 'm1', text: 'Still here', channel: 'rest' },
  )
  await expect.poll(() => heard.at(-1)).toMatchObject({ type: 'message.sent', messageId: 'm1', text: 'Still here' })

  if (isRefusal(after)) throw new Error(after.code)
  await gateway.stop({ ownerId: owner, clientConversationId: 'other' }, { turnId: after.turnId })
  await expect.poll(() => ended).toEqual([after.turnId])
  expect(heard.at(-1)).toMatchObject({ type: 'response.stopped', turnId: after.turnId })
})
