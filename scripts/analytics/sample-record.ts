/** A made-up month of a small service, the same in every run: what the worked queries of analysts are asked of. */
import type { StoredEvent } from '../../src/events/codec.ts'
import type { ConversationEvent, DataOf, Intent } from '../../src/events/conversation-events.ts'
import { conversationIdOf, conversationStream, responseMessageIdOf, turnIdOf } from '../../src/events/stream-names.ts'
import { seededRandom } from '../../src/routing/seeded-random.ts'
import { recordOf, type TimedEvent } from './timed-record.ts'

const SEED = 20_261_102
const FIRST_MONDAY = Date.parse('2026-11-02T00:00:00.000Z')
const WEEKS = 4
const DAY_MS = 86_400_000
const PEOPLE = 24

const intentsByWeight: readonly (readonly [Intent, number])[] = [
  ['learning', 0.52],
  ['creation', 0.16],
  ['discovery', 0.12],
  ['image', 0.08],
  ['support', 0.07],
  ['smalltalk', 0.05],
]
const confusions: Partial<Record<Intent, Intent>> = { discovery: 'learning', learning: 'support', creation: 'image' }
const offline = { provider: 'offline', id: 'emberlog-knowledge-1' }
const hosted = { provider: 'acme', id: 'large-2' }
const pictures = { provider: 'acme', id: 'pictures-1' }
/** From then on creations and pictures are answered by hosted models. */
const HOSTED_FROM = FIRST_MONDAY + 14 * DAY_MS

/** About 600 turns of 24 people in November 2026. */
export function sampleRecord(): StoredEvent[] {
  const random = seededRandom(SEED)
  const events: TimedEvent[] = []
  for (let person = 0; person < PEOPLE; person += 1) {
    const joinedWeek = Math.floor(random() * random() * WEEKS)
    for (let week = joinedWeek; week < WEEKS; week += 1) {
      // Each further week keeps fewer people.
      if (week > joinedWeek && random() > 0.8 - 0.08 * (week - joinedWeek)) continue
      const conversations = 1 + Math.floor(random() * 3)
      for (let index = 0; index < conversations; index += 1) {
        const day = Math.min(6, Math.floor(random() * 8))
        const at = FIRST_MONDAY + (week * 7 + day) * DAY_MS + Math.floor((8 + random() * 11) * 3_600_000)
        events.push(...conversation(`person-${person}`, `chat-${week}-${index}`, at, random))
      }
    }
  }
  return recordOf(events)
}

function conversation(ownerId: string, name: string, startedAt: number, random: () => number): TimedEvent[] {
  const conversationId = conversationIdOf(ownerId, name)
  const stream = conversationStream(conversationId)
  const events: TimedEvent[] = []
  const add = (at: number, event: ConversationEvent) =>
    events.push({ at: new Date(at).toISOString(), stream, ownerId, event })
  const start = { conversationId, clientConversationId: name, ownerId, kind: 'ember_chat', retention: 'kept' } as const
  add(startedAt, { type: 'ConversationStarted', data: start })
  const turns = 1 + Math.floor(random() * random() * 9)
  let at = startedAt
  for (let turn = 1; turn <= turns; turn += 1) {
    for (const [afterMs, event] of turnEvents(conversationId, `m${turn}`, at, random)) add(at + afterMs, event)
    at += 60_000 + Math.floor(random() * 240_000)
  }
  return events
}

type Conversation = ReturnType<typeof conversationIdOf>

/** The events of one turn, with the milliseconds after its question. */
function turnEvents(
  id: Conversation,
  messageId: string,
  at: number,
  random: () => number,
): [number, ConversationEvent][] {
  const turnId = turnIdOf(id, messageId)
  const answerId = responseMessageIdOf(turnId)
  const intent = weighted(random())
  const isFallback = random() < 0.06
  const confidence = Math.round((isFallback ? 0.3 + random() * 0.3 : 0.75 + random() * 0.24) * 1_000) / 1_000
  const model = modelFor(intent, at)
  const firstTokenMs = Math.round((model === offline ? 20 : 350) * (1 + random() * random() * 4))
  const totalMs = firstTokenMs + Math.round((model === offline ? 180 : 2_500) * (0.5 + random() * 2))
  const routed: DataOf<'IntentRouted'> = {
    ...{ turnId, intent, agent: intent, method: isFallback ? 'fallback' : 'model', confidence },
    ...{ candidates: [], rules: [], evidence: [], context: null, guard: 'clear', routerVersion: '1', tookMs: 0.4 },
  }
  const events: [number, ConversationEvent][] = [
    [0, { type: 'MessageSent', data: { messageId, turnId, text: 'A question.', attachments: [], channel: 'socket' } }],
    [2, { type: 'IntentRouted', data: routed }],
  ]
  const ending = random()
  if (ending < 0.02) {
    const data = { turnId, code: 'model-timeout', partialText: '', retryable: true }
    events.push([totalMs + 2, { type: 'ResponseFailed', data }])
  } else if (ending < 0.04) {
    events.push([totalMs + 2, { type: 'ResponseStopped', data: { turnId, partialText: 'An', by: 'somebody' } }])
  } else {
    const usage = { inputTokens: 200 + Math.floor(random() * 800), outputTokens: 50 + Math.floor(random() * 400) }
    const data = {
      ...{ turnId, messageId: answerId, parentMessageId: messageId, text: 'An answer.', agent: intent, model, usage },
      ...{ finishReason: 'stop' as const, toolCalls: [], citations: [], attachments: [], firstTokenMs, totalMs },
    }
    events.push([totalMs + 2, { type: 'ResponseCompleted', data }])
    const opinion = random()
    if (opinion < 0.14) {
      const rating = opinion < 0.1 ? 'up' : 'down'
      events.push([totalMs + 20_000, { type: 'ResponseRated', data: { messageId: answerId, rating } }])
    }
  }
  const correct = confusions[intent]
  if (correct !== undefined && random() < (isFallback ? 0.3 : 0.03)) {
    events.push([totalMs + 40_000, { type: 'IntentCorrected', data: { turnId, intent: correct, by: 'somebody' } }])
  }
  return events
}

function modelFor(intent: Intent, at: number) {
  if (at < HOSTED_FROM) return offline
  if (intent === 'creation') return hosted
  return intent === 'image' ? pictures : offline
}

function weighted(share: number): Intent {
  let sum = 0
  for (const [intent, weight] of intentsByWeight) {
    sum += weight
    if (share < sum) return intent
  }
  return 'learning'
}
