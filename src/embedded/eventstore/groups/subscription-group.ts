/** One group at work: reads on, hands out, takes answers, parks what cannot be handled, and writes down how far it has come. */
import { randomUUID } from 'node:crypto'
import { LIMITS } from '../limits.ts'
import type { OutgoingEvent } from '../protocol/read-messages.ts'
import type { LogRecord } from '../storage/event-log.ts'
import type { StoreLogger } from '../store-logger.ts'
import type { EventStore } from '../streams/event-store.ts'
import { CheckpointRule } from './checkpoint-rule.ts'
import type { Delivery, InFlight } from './delivery.ts'
import { pinOf, recordOf, resolve, toOutgoing } from './delivery-content.ts'
import { DeliveryQueue } from './delivery-queue.ts'
import { type EventSource, openSource } from './event-source.ts'
import { type ConsumerPort, GroupConsumer, ItemCount } from './group-consumer.ts'
import type { GroupDefinition, StrategyName } from './group-settings.ts'
import {
  hideParked,
  isCheckpoint,
  park,
  parkedStreamOf,
  readCheckpoint,
  readUnansweredReplay,
  writeCheckpoint,
} from './group-streams.ts'
import { ParkedReplay } from './parked-replay.ts'

export interface GroupOptions {
  readonly store: EventStore
  readonly definition: GroupDefinition
  readonly logger: StoreLogger
  readonly now: () => number
}

export interface Joining {
  readonly port: ConsumerPort
  readonly slots: number
  readonly username: string
  readonly connectionName: string
}

export type NackAction = 'park' | 'retry' | 'skip'

/** Deliveries prepared at once: what they carry is in memory until it is sent. */
const DISPATCH_BATCH = 32
/** Reads before others have their turn. */
const READS_PER_RUN = 16

export class SubscriptionGroup {
  readonly definition: GroupDefinition
  readonly items: ItemCount
  readonly #store: EventStore
  readonly #logger: StoreLogger
  readonly #now: () => number
  readonly #strategy: StrategyName
  readonly #queue: DeliveryQueue<GroupConsumer>
  readonly #source: EventSource
  readonly #rule: CheckpointRule
  readonly #replay = new ParkedReplay()
  readonly #stopListening: () => void
  /** Bytes of the records that deliveries hold on to. */
  #heldBytes = 0
  #isScheduled = false
  #isStopped = false
  #isWritingCheckpoint = false
  #replayNotedUpTo: number | undefined
  #timer: { readonly handle: NodeJS.Timeout; readonly atMs: number } | undefined

  /** Goes on where an earlier life of the group has come to. Throws UnusableFilter. */
  constructor({ store, definition, logger, now }: GroupOptions) {
    const { settings } = definition
    this.definition = definition
    this.items = new ItemCount(now())
    this.#store = store
    this.#logger = logger
    this.#now = now
    this.#strategy = settings.strategy as StrategyName
    this.#queue = new DeliveryQueue({ ...settings, strategy: this.#strategy })
    this.#source = openSource(store, definition)
    const checkpoint = readCheckpoint(store, definition)
    const place = checkpoint === undefined ? undefined : this.#source.parse(checkpoint)
    if (place !== undefined) this.#source.continueAfter(place)
    this.#rule = new CheckpointRule({ ...settings, passedMax: LIMITS.groupPassedMax }, place, now())
    this.#resumeReplay()
    this.#stopListening = this.#source.onMore(this.#wake)
    this.#wake()
  }

  get consumers(): readonly GroupConsumer[] {
    return this.#queue.consumers
  }

  get isFull(): boolean {
    const { subscribersMax } = this.definition.settings
    const max = subscribersMax > 0 ? Math.min(subscribersMax, LIMITS.consumersPerGroupMax) : LIMITS.consumersPerGroupMax
    return this.consumers.length >= max
  }

  /** Counts and places, as they are now. */
  get state() {
    const { freshCount, replayCount, retryCount, inFlightCount } = this.#queue
    const { isLive, lastKnown } = this.#source
    const format = (place: number | undefined) => (place === undefined ? '' : this.#source.format(place))
    const parked = this.#store.visible(parkedStreamOf(this.definition))
    return {
      status: isLive ? 'Live' : 'Behind',
      readBufferCount: isLive ? 0 : freshCount,
      liveBufferCount: isLive ? freshCount : 0,
      retryBufferCount: retryCount + replayCount,
      inFlightCount,
      parkedCount: parked.kind === 'found' ? Math.max(0, parked.last - parked.first + 1) : 0,
      lastCheckpointed: format(this.#rule.written),
      lastKnown: format(lastKnown),
    }
  }

  /** Takes a consumer in; the caller has looked whether there is a place for it. */
  join({ port, slots, username, connectionName }: Joining): GroupConsumer {
    const consumer = new GroupConsumer({
      identity: { id: randomUUID(), username, connectionName },
      port,
      slots,
      isMeasured: this.definition.settings.hasExtraStatistics,
      nowMs: this.#now(),
    })
    this.#queue.connect(consumer)
    this.#wake()
    return consumer
  }

  leave(consumer: GroupConsumer): void {
    this.#queue.disconnect(consumer)
    this.#wake()
  }

  ack(consumer: GroupConsumer, ids: Iterable<string>): void {
    for (const { delivery } of this.#answered(consumer, ids)) this.#handled(delivery)
    this.#wake()
  }

  nack(consumer: GroupConsumer, ids: Iterable<string>, action: NackAction, reason: string): void {
    if (action === 'skip') this.ack(consumer, ids)
    else if (action === 'retry') this.#giveUp(this.#queue.retry(consumer, ids))
    else {
      for (const { delivery } of this.#answered(consumer, ids))
        this.#park(delivery, `Client explicitly NAK'ed message.\n${reason}`)
    }
    this.#wake()
  }

  /** Hands out parked messages again, those before a revision of the parked stream if one is given. */
  async replayParked(stopAt = Number.POSITIVE_INFINITY): Promise<void> {
    const parked = this.#store.visible(parkedStreamOf(this.definition))
    if (parked.kind !== 'found') return
    const end = Math.min(stopAt, parked.last + 1)
    if (end <= parked.first) return
    this.#replay.extend(parked.first, end)
    this.#replayNotedUpTo = end
    this.#wake()
    await hideParked(this.#store, this.definition, end, this.#replay.firstUnanswered)
  }

  /** Ends at once; consumers are dropped, and what they have not answered is theirs no more. Repeatable. */
  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#stopListening()
    clearTimeout(this.#timer?.handle)
    this.#dropConsumers()
  }

  /** Ends in good order: how far it has come is written down first. */
  async close(): Promise<void> {
    this.stop()
    const place = this.#rule.unwritten
    if (place !== undefined) await writeCheckpoint(this.#store, this.definition, this.#source.format(place))
  }

  /** Many wakes within one turn of the event loop make one run. */
  readonly #wake = (): void => {
    if (this.#isScheduled || this.#isStopped) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      if (!this.#isStopped) this.#run()
    })
  }

  #run(): void {
    try {
      this.#giveUp(this.#queue.expire(this.#now()))
      this.#fillReplays()
      const hasMore = this.#fill()
      this.#dispatch()
      this.#checkpoint()
      this.#setTimer()
      if (hasMore) this.#wake()
    } catch (error) {
      // Such as a filter that takes too long. Whoever connects next makes it try again.
      this.#logger.error({ ...this.#name, error: String(error) }, 'a group cannot go on')
      this.#dropConsumers()
    }
  }

  /** Reads until the buffer is full. Answers whether there is more to read at once. */
  #fill(): boolean {
    const { historyBufferSize, readBatchSize } = this.definition.settings
    const capacity = Math.min(historyBufferSize, LIMITS.groupBufferEventsMax)
    const batch = Math.min(Math.max(1, readBatchSize), capacity)
    for (let reads = 0; this.#queue.freshCount + batch <= capacity; reads += 1) {
      if (reads === READS_PER_RUN) return true
      const slice = this.#source.read(Math.min(capacity - this.#queue.freshCount, LIMITS.sliceRecords))
      if (slice === 'deleted') {
        this.#dropConsumers()
        return false
      }
      for (const record of slice.records) this.#take(record)
      const passed = slice.considered - slice.records.length
      if (passed > 0 && slice.lastPlace !== undefined) this.#rule.pass(slice.lastPlace, passed)
      if (slice.isEnd) return false
    }
    return false
  }

  #take(record: LogRecord): void {
    const place = this.#source.placeOf(record)
    this.#rule.enter(place, !isCheckpoint(record))
    this.#queue.add(this.#delivery(record, place))
  }

  #delivery(record: LogRecord, place: number | undefined): Delivery {
    const { eventId: id, stream, revision } = record
    const isKept = this.consumers.length > 0 && this.#heldBytes < LIMITS.groupBufferBytesMax
    if (isKept) this.#heldBytes += record.body.byteLength
    const pin = pinOf(this.#store, this.#strategy, record)
    return { id, stream, revision, pin, place, retryCount: 0, record: isKept ? record : undefined }
  }

  #dispatch(): void {
    for (;;) {
      const sent = this.#queue.dispatch(this.#now(), DISPATCH_BATCH)
      if (sent.length === 0) return
      const outboxes = new Map<GroupConsumer, OutgoingEvent[]>()
      for (const { delivery, consumer } of sent) {
        const outgoing = this.#content(delivery)
        const outbox = outboxes.get(consumer)
        if (!outgoing) this.ack(consumer, [delivery.id])
        else if (outbox) outbox.push(outgoing)
        else outboxes.set(consumer, [outgoing])
      }
      for (const [consumer, events] of outboxes) this.#send(consumer, events)
    }
  }

  /** What goes out; undefined when there is nothing left of the event. */
  #content(delivery: Delivery): OutgoingEvent | undefined {
    const record = recordOf(this.#store, delivery)
    this.#letGo(delivery)
    if (!record) return undefined
    const { isResolvingLinks } = this.definition.settings
    return toOutgoing(resolve(this.#store, delivery, record, isResolvingLinks), delivery.retryCount)
  }

  #letGo(delivery: Delivery): void {
    this.#heldBytes -= delivery.record?.body.byteLength ?? 0
    delivery.record = undefined
  }

  #send(consumer: GroupConsumer, events: readonly OutgoingEvent[]): void {
    consumer.items.total += events.length
    this.items.total += events.length
    consumer.port.send(events)
    for (const { event, link } of events) consumer.unsentBytes += (event?.byteLength ?? 0) + (link?.byteLength ?? 0)
    if (consumer.unsentBytes < LIMITS.outputBytesMax || consumer.isCongested) return
    consumer.isCongested = true
    void consumer.port.writable().then(() => {
      consumer.isCongested = false
      consumer.unsentBytes = 0
      this.#wake()
    })
  }

  #answered(consumer: GroupConsumer, ids: Iterable<string>): readonly InFlight[] {
    const answered = this.#queue.take(consumer, ids)
    consumer.noteAnswered(answered, this.#now())
    return answered
  }

  #handled({ place, revision }: Delivery): void {
    if (place !== undefined) this.#rule.leave(place)
    else this.#replay.answered(revision)
    if (this.#replay.isDone) this.#forgetReplay()
  }

  #giveUp(deliveries: readonly Delivery[]): void {
    const { maxRetryCount } = this.definition.settings
    for (const delivery of deliveries) this.#park(delivery, `Reached retry count of ${maxRetryCount}`)
  }

  /** The event counts as handled once it is parked durably, not before. */
  #park(delivery: Delivery, reason: string): void {
    const original = recordOf(this.#store, delivery)
    if (!original) {
      this.#handled(delivery)
      return
    }
    const { event } = resolve(this.#store, delivery, original, this.definition.settings.isResolvingLinks)
    const done = () => {
      this.#handled(delivery)
      this.#wake()
    }
    park(this.#store, this.definition, { original, event, reason, nowMs: this.#now() }).then(done, (error) =>
      this.#warn(error, 'an event could not be parked and will be handed out again after a restart'),
    )
  }

  #fillReplays(): void {
    const stream = parkedStreamOf(this.definition)
    while (this.#replay.isWaiting && this.#queue.replayCount < REPLAY_BATCH) {
      const read = {
        from: this.#replay.next,
        direction: 'forwards',
        countMax: this.#replay.room(REPLAY_BATCH),
      } as const
      const records = this.#store.log.readStream(stream, { ...read, bytesMax: LIMITS.sliceBytes })
      const wanted = records.filter(({ revision }) => revision < this.#replay.end)
      if (wanted.length === 0) this.#replay.skipToEnd()
      for (const record of wanted) {
        this.#replay.handedOut(record.revision)
        this.#queue.add(this.#delivery(record, undefined))
      }
    }
    if (this.#replay.isDone) this.#forgetReplay()
  }

  /** What an earlier life had brought back and not heard of is brought back again. */
  #resumeReplay(): void {
    const unanswered = readUnansweredReplay(this.#store, this.definition)
    if (!unanswered) return
    this.#replay.extend(unanswered.from, unanswered.end)
    this.#replayNotedUpTo = unanswered.end
  }

  /** All of a replay is answered: the note of it has done its work. */
  #forgetReplay(): void {
    const end = this.#replayNotedUpTo
    if (end === undefined) return
    this.#replayNotedUpTo = undefined
    hideParked(this.#store, this.definition, end).catch((error) =>
      this.#warn(error, 'a replay could not be noted as done and will be repeated after a restart'),
    )
  }

  #checkpoint(): void {
    const place = this.#isWritingCheckpoint ? undefined : this.#rule.due(this.#now())
    if (place === undefined) return
    this.#isWritingCheckpoint = true
    this.#rule.noteWritten(place, this.#now())
    writeCheckpoint(this.#store, this.definition, this.#source.format(place))
      .catch((error) => this.#warn(error, 'a checkpoint could not be written'))
      .finally(() => {
        this.#isWritingCheckpoint = false
        this.#wake()
      })
  }

  /** Sets the clock for whatever comes first: an answer that is late, or a checkpoint that is due. */
  #setTimer(): void {
    const atMs = Math.min(this.#queue.nextTimeoutMs ?? Infinity, this.#rule.nextDueMs ?? Infinity)
    if (atMs === Infinity || (this.#timer && this.#timer.atMs <= atMs)) return
    clearTimeout(this.#timer?.handle)
    const delayMs = Math.min(Math.max(atMs - this.#now(), LIMITS.groupTickMs), TIMER_MS_MAX)
    const handle = setTimeout(() => {
      this.#timer = undefined
      this.#wake()
    }, delayMs)
    this.#timer = { handle, atMs }
  }

  #dropConsumers(): void {
    for (const consumer of [...this.consumers]) {
      this.#queue.disconnect(consumer)
      consumer.port.drop()
    }
  }

  get #name() {
    return { stream: this.definition.stream, group: this.definition.group }
  }

  #warn(error: unknown, message: string): void {
    if (!this.#isStopped) this.#logger.warn({ ...this.#name, error: String(error) }, message)
  }
}

const REPLAY_BATCH = 20
const TIMER_MS_MAX = 2 ** 31 - 1
