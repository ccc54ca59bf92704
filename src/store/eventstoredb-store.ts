/** Reaches the record through the official EventStoreDB client; the only file that imports it. */
import type { Readable } from 'node:stream'
import {
  type AllStreamResolvedEvent,
  type AllStreamSubscription,
  ANY,
  type AppendExpectedRevision,
  CancelledError,
  type Position as ClientPosition,
  DeadlineExceededError,
  END,
  EventStoreDBClient,
  eventTypeFilter,
  jsonEvent,
  NO_STREAM,
  NotLeaderError,
  PersistentSubscriptionExistsError,
  persistentSubscriptionToAllSettingsFromDefaults,
  type RecordedEvent,
  type ResolvedEvent,
  START,
  StreamDeletedError,
  StreamNotFoundError,
  streamNameFilter,
  TimeoutError,
  UnavailableError,
  WrongExpectedVersionError,
} from '@eventstore/db-client'
import type { EncodedEvent, StoredEvent } from '../events/codec.ts'
import { Fault, isFault } from '../shared/failures.ts'
import { type Position, toPosition, toRevision } from '../shared/ids.ts'
import type { Logger } from '../shared/logger.ts'
import { pause, within } from '../shared/waiting.ts'
import type { AllSubscription, Delivery, EventStore, ExpectedRevision, StreamRange, WorkQueue } from './event-store.ts'

export interface EventStoreDbOptions {
  /** `esdb://…` or `kurrentdb://…`. */
  readonly connectionString: string
  readonly logger: Logger
  /** A call that takes longer has failed; whether it took effect is then unknown. */
  readonly callMsMax?: number
}

const CALL_MS_MAX = 10_000
const READ_PAGE_EVENTS = 512
const SUBSCRIPTION_BUFFER_EVENTS = 512
/** The server tells how far its filter has come every 32 × this many considered events. */
const CHECKPOINT_INTERVAL = 4
const CLOSE_MS_MAX = 250
const RECONNECT_DELAY_MS_MAX = 2_000
const RECONNECT_DELAY_MS_MIN = 50
/** After this many tries an event is parked: something about it cannot be handled. */
const DELIVERY_RETRIES_MAX = 10
/**
 * A delivery that is not answered for so long goes to another consumer: longer than an answer may take. A consumer that dies is
 * noticed by its connection, at once.
 */
const DELIVERY_MS_MAX = 300_000

/** Opens the record. Connects with the first call; reconnects by itself. */
export function openEventStoreDb(options: EventStoreDbOptions): EventStore & WorkQueue {
  const client = EventStoreDBClient.connectionString(asEsdb(options.connectionString))
  const callMsMax = options.callMsMax ?? CALL_MS_MAX

  return {
    async append(stream, events, expected) {
      const appended = client.appendToStream(stream, events.map(toClientEvent), {
        expectedRevision: toClientRevision(expected),
      })
      try {
        const result = await within(
          callMsMax,
          appended,
          () => new Fault('store-unavailable', { doing: 'appending', stream, waitedMs: callMsMax }),
        )
        if (result.position === undefined) throw new Fault('store-refused', { doing: 'appending', stream })
        return {
          kind: 'appended',
          revision: toRevision(result.nextExpectedRevision),
          position: toPosition(result.position.commit),
        }
      } catch (error) {
        if (error instanceof WrongExpectedVersionError) return { kind: 'conflict' }
        throw asFault(error, 'appending', stream)
      }
    },

    readStream: (stream, options) => readPages(client, stream, { ...options, callMsMax }),

    async readStreamBackwards(stream, limit) {
      const events: StoredEvent[] = []
      try {
        const page = client.readStream(stream, {
          direction: 'backwards',
          fromRevision: END,
          maxCount: limit,
          deadline: callMsMax,
        })
        for await (const { event } of page) if (event !== undefined) events.push(toStored(event))
      } catch (error) {
        if (!(error instanceof StreamNotFoundError)) throw asFault(error, 'reading', stream)
      }
      return events
    },

    async *subscribeToAll(subscription) {
      yield* followAll(client, subscription)
    },

    async *subscribeToStream(stream, { signal }) {
      const options = { highWaterMark: SUBSCRIPTION_BUFFER_EVENTS }
      const subscription = client.subscribeToStream(stream, { fromRevision: START }, options)
      for await (const { event } of follow<ResolvedEvent>(subscription, stream, signal)) {
        if (event !== undefined) yield toStored(event)
      }
    },

    async lastPosition() {
      try {
        const page = client.readAll({ direction: 'backwards', fromPosition: END, maxCount: 1, deadline: callMsMax })
        let last: Position | undefined
        // Read to the end, though there is one event at most: a read that is left early keeps the client from closing.
        for await (const { event } of page) if (event !== undefined) last = toPosition(event.position.commit)
        return last
      } catch (error) {
        throw asFault(error, 'reading the last position', '$all')
      }
    },

    setStreamMaxAge: (stream, maxAgeS) => setMetadata(stream, { maxAge: maxAgeS }),
    setStreamMaxCount: (stream, maxCount) => setMetadata(stream, { maxCount }),

    async deleteStream(stream) {
      try {
        const isLate = () => new Fault('store-unavailable', { doing: 'deleting', stream, waitedMs: callMsMax })
        await within(callMsMax, client.deleteStream(stream, { expectedRevision: ANY }), isLate)
      } catch (error) {
        const isGone = [StreamNotFoundError, StreamDeletedError, WrongExpectedVersionError].some(
          (kind) => error instanceof kind,
        )
        if (!isGone) throw asFault(error, 'deleting', stream)
      }
    },

    async consume(work) {
      let delayMs = RECONNECT_DELAY_MS_MIN
      let isGroupReady = false
      while (!work.signal.aborted) {
        try {
          // Changed once at most: two versions of us would else take turns, and drop each other's consumers each time.
          if (!isGroupReady) await ensureGroup(client, work.group, work.eventTypes)
          isGroupReady = true
          await consumeUntilDropped(client, work, () => {
            delayMs = RECONNECT_DELAY_MS_MIN
          })
        } catch (error) {
          if (!isFault(error, 'store-unavailable')) throw error
          options.logger.warn({ group: work.group, error: String(error), delayMs }, 'lost the work queue, reconnecting')
        }
        await pause(delayMs, work.signal)
        delayMs = Math.min(delayMs * 2, RECONNECT_DELAY_MS_MAX)
      }
    },

    async close() {
      // Nothing is left to be written. The client would wait for ever for the writing side of a group's stream.
      await Promise.race([client.dispose(), pause(CLOSE_MS_MAX)])
    },
  }

  async function setMetadata(stream: string, metadata: { maxAge?: number; maxCount?: number }): Promise<void> {
    try {
      const isLate = () => new Fault('store-unavailable', { doing: 'setting metadata', stream, waitedMs: callMsMax })
      await within(callMsMax, client.setStreamMetadata(stream, metadata), isLate)
    } catch (error) {
      throw asFault(error, 'setting metadata', stream)
    }
  }
}

/** Reads page by page: the client buffers a whole read, so an unbounded one would hold a whole stream in memory. */
async function* readPages(
  client: EventStoreDBClient,
  stream: string,
  options: StreamRange & { readonly callMsMax: number },
): AsyncGenerator<StoredEvent> {
  const { from, limit = Number.POSITIVE_INFINITY, signal, callMsMax } = options
  let next = from ?? toRevision(0)
  let left = limit
  let isFull = true
  while (isFull && left > 0 && !signal?.aborted) {
    const maxCount = Math.min(READ_PAGE_EVENTS, left)
    let read = 0
    try {
      const page = client.readStream(stream, { fromRevision: next, maxCount, deadline: callMsMax })
      for await (const { event } of page) {
        read += 1
        if (event === undefined) continue
        next = toRevision(event.revision + 1n)
        yield toStored(event)
      }
    } catch (error) {
      if (error instanceof StreamNotFoundError) return
      throw asFault(error, 'reading', stream)
    }
    isFull = read === maxCount
    left -= read
  }
}

async function* followAll(
  client: EventStoreDBClient,
  { after, streamPrefixes = [], streamPattern, signal }: AllSubscription,
): AsyncGenerator<Delivery> {
  const marks = {
    checkpointInterval: CHECKPOINT_INTERVAL,
    // Pushed into the subscription itself, so that checkpoints keep their place between the events.
    checkpointReached: (current: AllStreamSubscription, position: ClientPosition) => {
      current.push({ checkpoint: toPosition(position.commit) })
    },
  }
  const subscription = client.subscribeToAll(
    {
      fromPosition: after === 'start' ? START : after === 'end' ? END : toClientPosition(after),
      filter:
        streamPattern === undefined
          ? streamNameFilter({ prefixes: [...streamPrefixes], ...marks })
          : streamNameFilter({ regex: streamPattern, ...marks }),
    },
    { highWaterMark: SUBSCRIPTION_BUFFER_EVENTS },
  )
  subscription.on('caughtUp', () => subscription.push({ caughtUp: true }))
  for await (const item of follow<AllStreamResolvedEvent | Mark>(subscription, '$all', signal)) {
    if ('checkpoint' in item) yield { kind: 'checkpoint', position: item.checkpoint }
    else if ('caughtUp' in item) yield { kind: 'caught-up' }
    else if (item.event !== undefined) yield { kind: 'event', event: toStored(item.event) }
  }
}

type Mark = { checkpoint: Position } | { caughtUp: true }
type Work = Parameters<WorkQueue['consume']>[0]

/**
 * Hands out what a subscription brings until the signal aborts, and lets go of it in any case. Throws `store-unavailable`
 * when the subscription ends unasked.
 */
async function* follow<Item>(
  subscription: ClientSubscription,
  stream: string,
  signal: AbortSignal,
): AsyncGenerator<Item> {
  const readable = asReadable(subscription)
  const stop = () => {
    void letGo(subscription)
    readable.push(null) // The client does not end a subscription that it cancels.
  }
  readable.on('error', () => {}) // After the end nobody else listens for it.
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    // The usual `for await` would destroy the stream and leave the transport's side of it unread for ever.
    for await (const item of readable.iterator({ destroyOnReturn: false })) yield item as Item
  } catch (error) {
    if (!signal.aborted) throw asFault(error, 'following', stream)
  } finally {
    signal.removeEventListener('abort', stop)
    void letGo(subscription)
  }
  if (!signal.aborted) throw new Fault('store-unavailable', { doing: 'following', stream })
}

/** Cancels the call, then reads what is left of it, so that the client can end it. */
async function letGo(subscription: ClientSubscription): Promise<void> {
  await subscription.unsubscribe().catch(() => {}) // It never came to be: nothing to cancel.
  asReadable(subscription).resume()
}

interface ClientSubscription {
  readonly unsubscribe: () => Promise<void>
}

/** The client's subscriptions are streams; its own types for them leave most of a stream's methods out. */
function asReadable(subscription: ClientSubscription): Readable {
  return subscription as unknown as Readable
}

async function ensureGroup(client: EventStoreDBClient, group: string, eventTypes: readonly string[]): Promise<void> {
  const settings = persistentSubscriptionToAllSettingsFromDefaults({
    startFrom: START,
    maxRetryCount: DELIVERY_RETRIES_MAX,
    messageTimeout: DELIVERY_MS_MAX,
    checkPointAfter: 1_000,
    checkPointLowerBound: 1,
    consumerStrategyName: 'Pinned',
  })
  try {
    await client.createPersistentSubscriptionToAll(group, settings, {
      filter: eventTypeFilter({ prefixes: [...eventTypes] }),
    })
  } catch (error) {
    if (!(error instanceof PersistentSubscriptionExistsError)) throw asFault(error, 'creating a group', group)
    await updateGroup(client, group, settings)
  }
}

/** A group that an earlier version made gets the settings of this one; its place in the log stays. */
async function updateGroup(client: EventStoreDBClient, group: string, settings: GroupSettings): Promise<void> {
  try {
    const { settings: present } = await client.getPersistentSubscriptionToAllInfo(group)
    const names = ['maxRetryCount', 'messageTimeout', 'checkPointAfter', 'checkPointLowerBound'] as const
    const isSame =
      present.consumerStrategyName === settings.consumerStrategyName &&
      names.every((name) => Number(present[name]) === Number(settings[name]))
    if (!isSame) await client.updatePersistentSubscriptionToAll(group, settings)
  } catch (error) {
    throw asFault(error, 'updating a group', group)
  }
}

type GroupSettings = ReturnType<typeof persistentSubscriptionToAllSettingsFromDefaults>

async function consumeUntilDropped(client: EventStoreDBClient, work: Work, onDelivery: () => void): Promise<void> {
  const subscription = client.subscribeToPersistentSubscriptionToAll(work.group, { bufferSize: work.concurrency })
  const running = new Set<Promise<void>>()
  try {
    for await (const delivery of follow<GroupDelivery>(subscription, work.group, work.signal)) {
      onDelivery()
      const task = answerDelivery(subscription, delivery, work).finally(() => running.delete(task))
      running.add(task)
      // The server hands out at most `concurrency` unanswered events; this holds even if one does more.
      while (running.size >= work.concurrency) await Promise.race(running)
    }
  } finally {
    await Promise.allSettled(running)
  }
}

type GroupSubscription = ReturnType<EventStoreDBClient['subscribeToPersistentSubscriptionToAll']>
type GroupDelivery = GroupSubscription extends AsyncIterable<infer Item> ? Item : never

async function answerDelivery(subscription: GroupSubscription, delivery: GroupDelivery, work: Work): Promise<void> {
  if (delivery.event === undefined) return subscription.ack(delivery)
  try {
    await work.handle(toStored(delivery.event))
  } catch (error) {
    // Not answered on shutdown: the server gives the event to another consumer, or to us after the restart.
    if (!work.signal.aborted) await subscription.nack('retry', String(error).slice(0, 200), delivery)
    return
  }
  if (!work.signal.aborted) await subscription.ack(delivery)
}

function toStored(event: RecordedEvent | NonNullable<AllStreamResolvedEvent['event']>): StoredEvent {
  if (event.position === undefined) throw new Fault('store-too-old', { stream: event.streamId })
  return {
    stream: event.streamId,
    revision: toRevision(event.revision),
    position: toPosition(event.position.commit),
    eventId: event.id,
    type: event.type,
    created: event.created,
    data: event.data,
    metadata: event.metadata,
  }
}

function toClientEvent({ eventId, type, data, metadata }: EncodedEvent) {
  return jsonEvent({ id: eventId, type, data, metadata })
}

function toClientRevision(expected: ExpectedRevision): AppendExpectedRevision {
  if (expected === 'no-stream') return NO_STREAM
  return expected === 'any' ? ANY : expected
}

function toClientPosition(position: Position): ClientPosition {
  return { commit: position, prepare: position }
}

/** The client knows only the older of the two names of the scheme. */
function asEsdb(connectionString: string): string {
  return connectionString.replace(/^(kurrent|kurrentdb|kdb)(\+discover)?:\/\//, 'esdb$2://')
}

/** The store is away for a while; everything else is an answer that will not change by waiting. */
const awayErrors = [UnavailableError, DeadlineExceededError, CancelledError, TimeoutError, NotLeaderError]

/** Before the client knows its server, it passes on the transport's own errors: cancelled, deadline exceeded, unavailable. */
const awayStatuses: readonly unknown[] = [1, 4, 14]
type ServiceFailure = { readonly code?: unknown }

function asFault(error: unknown, doing: string, stream: string): unknown {
  if (error instanceof Fault) return error
  const isAway =
    awayErrors.some((kind) => error instanceof kind) || awayStatuses.includes((error as ServiceFailure).code)
  return new Fault(isAway ? 'store-unavailable' : 'store-refused', { doing, stream }, { cause: error })
}
