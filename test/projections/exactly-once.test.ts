import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { StoredEvent } from '../../src/events/codec.ts'
import type { ConversationEvent } from '../../src/events/conversation-events.ts'
import type { RecordEvent } from '../../src/events/event-catalogue.ts'
import {
  conversationIdOf,
  conversationStream,
  responseMessageIdOf,
  turnIdOf,
  userStream,
} from '../../src/events/stream-names.ts'
import type { UserEvent } from '../../src/events/user-events.ts'
import type { Database } from '../../src/projections/database.ts'
import { GenerationFeeder } from '../../src/projections/generation-feeder.ts'
import { writerLimits } from '../../src/projections/generation-writer.ts'
import type { Position } from '../../src/shared/ids.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import type { Delivery } from '../../src/store/event-store.ts'
import {
  archived,
  completed,
  corrected,
  deleted,
  failed,
  noted,
  rated,
  removed,
  renamed,
  requested,
  restored,
  routed,
  sent,
  started,
  stopped,
  unarchived,
} from '../support/examples.ts'
import { digest, emptyReadModels, handleBatches, liveGeneration, rowsOf } from './support/projection.ts'
import { codec, TestRecord } from './support/record.ts'
import { startTestPostgres, type TestPostgres } from './support/test-postgres.ts'

let postgres: TestPostgres
let database: Database
beforeAll(async () => {
  postgres = await startTestPostgres()
  database = await postgres.open()
})
afterAll(() => postgres.stop())
beforeEach(() => emptyReadModels(database))

const STREAMS = 4
const MODELS = ['conversation', 'message', 'turn', 'routing_decision', 'feedback', 'profile_fact']

interface Happening {
  readonly stream: string
  readonly event: RecordEvent
}

/** Whatever can happen to one conversation, in any order, sense or nonsense. */
function happenings(index: number): fc.Arbitrary<Happening[]> {
  const owner = `owner-${index % 2}`
  const id = conversationIdOf(owner, `c${index}`)
  const stream = conversationStream(id)
  const turn = (messageId: string) => ({ turnId: turnIdOf(id, messageId) })
  const answer = (messageId: string) => responseMessageIdOf(turnIdOf(id, messageId))
  const event = fc
    .tuple(fc.constantFrom('m1', 'm2', 'm3'), fc.string({ unit: 'grapheme', maxLength: 12 }))
    .chain(([m, text]) =>
      fc.constantFrom<ConversationEvent>(
        sent(m, { ...turn(m), text: text.replaceAll('\0', '') }),
        routed(m, turn(m)),
        completed(m, { ...turn(m), messageId: answer(m), parentMessageId: m }),
        failed(m, turn(m)),
        stopped(m, turn(m)),
        requested(m, turnIdOf(id, `again ${m}`)),
        rated(answer(m), 'down'),
        { ...corrected(m), data: { ...turn(m), intent: 'image', by: owner } } as ConversationEvent,
        renamed(`About ${m}`),
        archived(),
        unarchived(),
        deleted(),
        restored(),
      ),
    )
  const retention = fc.constantFrom<'kept' | 'transient'>('kept', 'kept', 'kept', 'transient')
  return fc.tuple(retention, fc.array(event, { maxLength: 14 })).map(([kept, events]) => {
    const start = started({ conversationId: id, ownerId: owner, clientConversationId: `c${index}`, retention: kept })
    return [start, ...events].map((each) => ({ stream, event: each }))
  })
}

/** Facts noted and removed, repeated and unknown ones included. */
function factsOf(owner: string): fc.Arbitrary<Happening[]> {
  const event = fc.nat(3).chain((place) => {
    const fact = noted({ ownerId: owner, span: { from: place, to: place + 5 } })
    return fc.constantFrom<UserEvent>(fact, removed(fact.data.factId))
  })
  return fc
    .array(event, { maxLength: 8 })
    .map((events) => events.map((each) => ({ stream: userStream(owner), event: each })))
}

/** Merges streams in the order that the numbers say, keeping each stream's own order. */
function interleave(streams: readonly Happening[][], choices: readonly number[]): Happening[] {
  const rest = streams.map((events) => [...events])
  const merged: Happening[] = []
  for (let turn = 0; rest.some((events) => events.length > 0); turn += 1) {
    const open = rest.filter((events) => events.length > 0)
    const next = open[(choices[turn % choices.length] ?? 0) % open.length]?.shift()
    if (next !== undefined) merged.push(next)
  }
  return merged
}

const world = fc.record({
  streams: fc.tuple(...Array.from({ length: STREAMS }, (_, index) => happenings(index)), factsOf('owner-0')),
  choices: fc.array(fc.nat(STREAMS), { minLength: 1, maxLength: 40 }),
  otherChoices: fc.array(fc.nat(STREAMS), { minLength: 1, maxLength: 40 }),
  batchSizes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 12 }),
  /** After which delivery an earlier one comes once more, and how far back that is. */
  repeats: fc.array(fc.record({ at: fc.nat(60), back: fc.nat(20) }), { maxLength: 12 }),
})

function recordOf(order: readonly Happening[]): TestRecord {
  const record = new TestRecord()
  for (const { stream, event } of order) record.append([event], stream)
  return record
}

function withRepeats(events: readonly StoredEvent[], repeats: readonly { at: number; back: number }[]): Delivery[] {
  return events.flatMap((event, index) => {
    const again = repeats
      .filter(({ at }) => at % events.length === index)
      .map(({ back }) => events[Math.max(0, index - back)] as StoredEvent)
    return [event, ...again].map((delivered): Delivery => ({ kind: 'event', event: delivered }))
  })
}

/** Projects deliveries through the whole pipeline, at most `eventsMax` in a batch. */
async function follow(deliveries: readonly Delivery[], until: Position, eventsMax: number): Promise<void> {
  const generation = await liveGeneration(database)
  const reader = {
    async *subscribeToAll(): AsyncGenerator<Delivery> {
      yield* deliveries
    },
  }
  await database.writer.withConnection(async (connection) => {
    const parts = { reader, codec, logger: silentLogger, limits: { ...writerLimits, eventsMax } }
    const feeder = await GenerationFeeder.open(parts, connection, generation)
    await feeder.follow(new AbortController().signal, until)
  })
}

describe('the rows', () => {
  test('are the same for any boundaries of batches and any events delivered twice', async () => {
    const property = fc.asyncProperty(world, async ({ streams, choices, batchSizes, repeats }) => {
      const record = recordOf(interleave(streams, choices))
      await emptyReadModels(database)
      await handleBatches(
        database,
        record.events.map((event) => [event]),
      )
      const oneByOne = await digest(database)
      await emptyReadModels(database)
      await follow(withRepeats(record.events, repeats), record.last, batchSizes[0] ?? 1)
      expect(await digest(database)).toEqual(oneByOne)
      await emptyReadModels(database)
      const batches: StoredEvent[][] = []
      for (let from = 0; from < record.events.length; from += batches.at(-1)?.length ?? 1) {
        batches.push(record.events.slice(from, from + (batchSizes[batches.length % batchSizes.length] ?? 1)))
      }
      await handleBatches(database, batches)
      expect(await digest(database)).toEqual(oneByOne)
    })
    await fc.assert(property, { numRuns: 12 })
  })

  test('are the same for any interleaving of streams, but for their positions and times', async () => {
    const withoutPlace = (row: Record<string, unknown>) =>
      Object.fromEntries(Object.entries(row).filter(([name]) => !/_at$|position$/.test(name)))
    const everything = async () => {
      const all = await Promise.all(MODELS.map((model) => rowsOf(database, model)))
      return all.map((rows) => rows.map(withoutPlace))
    }
    const property = fc.asyncProperty(world, async ({ streams, choices, otherChoices, batchSizes }) => {
      const eventsMax = batchSizes[0] ?? 1
      const results = []
      for (const order of [choices, otherChoices]) {
        const record = recordOf(interleave(streams, order))
        await emptyReadModels(database)
        await follow(withRepeats(record.events, []), record.last, eventsMax)
        results.push(await everything())
      }
      expect(results[0]).toEqual(results[1])
    })
    await fc.assert(property, { numRuns: 12 })
  })

  test('of a conversation never count fewer messages than there are', async () => {
    const property = fc.asyncProperty(world, async ({ streams, choices }) => {
      const record = recordOf(interleave(streams, choices))
      await emptyReadModels(database)
      await handleBatches(database, [record.events])
      const wrong = await database.queries.query(
        `select conversation_id, message_count, count(message_id)
        from chat.conversation
          left join chat.message using (conversation_id)
        group by conversation_id, message_count
        having message_count < count(message_id)`,
      )
      expect(wrong).toEqual([])
    })
    await fc.assert(property, { numRuns: 15 })
  })
})
