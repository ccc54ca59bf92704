/** A record of a given size for benchmarks: conversations of realistic shape, few of them long, most of them short. */
import { createCodec } from '../src/events/codec.ts'
import type { ConversationEvent } from '../src/events/conversation-events.ts'
import type { Envelope } from '../src/events/envelope.ts'
import { conversationIdOf, conversationStream, responseMessageIdOf, turnIdOf } from '../src/events/stream-names.ts'
import type { EventStore } from '../src/store/event-store.ts'

const codec = createCodec()
const FIRST_SECOND = Date.parse('2026-01-01T00:00:00.000Z')
const PARALLEL_APPENDS = 64
const TURNS_MAX = 400

const sentences = [
  'What is retrieval-augmented generation, and when is it better than a larger context?',
  'A vector index finds the entries that are nearest in meaning; the model then reads them before it answers.',
  'Could you show me an example in Python, please? I would like to try it on my own documents.',
  'An embedding is a list of numbers that stands for the meaning of a text: near texts have near numbers.',
  'Danke, das hilft. Wie kann ich das mit deutschen Texten machen?',
  'Begin with a small set of documents, split them into passages, and measure whether the right one is found.',
]

/** Numbers that look random and are the same in every run. */
export function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296
    return state / 4_294_967_296
  }
}

export interface LoadedConversation {
  readonly stream: string
  readonly events: readonly ConversationEvent[]
}

/** Conversations with `eventsMin` events in all; their numbers of turns follow Zipf's law. */
export function* conversations(eventsMin: number, seed = 7): Generator<LoadedConversation> {
  const random = randomNumbers(seed)
  let events = 0
  for (let index = 0; events < eventsMin; index += 1) {
    const turns = Math.min(TURNS_MAX, Math.ceil(1 / (random() + 1 / TURNS_MAX)))
    const next = conversation(`person-${index % 1_000}`, `chat-${seed}-${index}`, turns, random)
    events += next.events.length
    yield next
  }
}

function conversation(ownerId: string, name: string, turns: number, random: () => number): LoadedConversation {
  const conversationId = conversationIdOf(ownerId, name)
  const events: ConversationEvent[] = [
    {
      type: 'ConversationStarted',
      data: { conversationId, clientConversationId: name, ownerId, kind: 'ember_chat', retention: 'kept' },
    },
  ]
  const say = (count: number) =>
    Array.from({ length: count }, () => sentences[Math.floor(random() * sentences.length)]).join(' ')
  for (let turn = 0; turn < turns; turn += 1) {
    const messageId = `m${turn}`
    const turnId = turnIdOf(conversationId, messageId)
    events.push(
      { type: 'MessageSent', data: { messageId, turnId, text: say(1), attachments: [], channel: 'socket' } },
      {
        type: 'IntentRouted',
        data: {
          turnId,
          intent: 'learning',
          agent: 'learning',
          method: 'model',
          confidence: 0.97,
          candidates: [
            { intent: 'learning', probability: 0.97 },
            { intent: 'support', probability: 0.02 },
            { intent: 'smalltalk', probability: 0.01 },
          ],
          rules: [],
          evidence: [{ kind: 'feature', name: 'what is', weight: 1.5 }],
          context: null,
          guard: null,
          routerVersion: '1+sha256:0123456789ab',
          tookMs: 0.4,
        },
      },
      {
        type: 'ResponseCompleted',
        data: {
          turnId,
          messageId: responseMessageIdOf(turnId),
          parentMessageId: messageId,
          text: say(1 + Math.floor(random() * 6)),
          agent: 'learning',
          model: { provider: 'offline', id: 'emberlog-knowledge-1' },
          finishReason: 'stop',
          toolCalls: [],
          citations: [],
          attachments: [],
          usage: { inputTokens: 20, outputTokens: 80 },
          firstTokenMs: 3,
          totalMs: 40,
        },
      },
    )
  }
  return { stream: conversationStream(conversationId), events }
}

let commands = 0

export function encode(stream: string, events: readonly ConversationEvent[]) {
  commands += 1
  const envelope: Envelope = {
    schemaVersion: 1,
    occurredAt: new Date(FIRST_SECOND + commands).toISOString(),
    actor: { kind: 'user', id: 'person' },
    $correlationId: `command-${commands}`,
    $causationId: `command-${commands}`,
    commandId: `command-${commands}`,
  }
  return Promise.all(events.map((event, index) => codec.encode(stream, event, envelope, { index, person: 'person' })))
}

/** Appends about so many events, conversations side by side; returns how many there are. */
export async function fillRecord(store: EventStore, eventsMin: number): Promise<number> {
  let count = 0
  const source = conversations(eventsMin)
  const appending = async () => {
    for (const { stream, events } of source) {
      const encoded = await encode(stream, events)
      count += encoded.length
      for (let from = 0; from < encoded.length; from += 200) {
        await store.append(stream, encoded.slice(from, from + 200), 'any')
      }
    }
  }
  await Promise.all(Array.from({ length: PARALLEL_APPENDS }, appending))
  return count
}
