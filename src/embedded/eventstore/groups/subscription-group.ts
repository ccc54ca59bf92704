/** One group at work: reads on, hands out, takes answers, parks what cannot be handled, and keeps count of how far it is. */
import { randomUUID } from 'node:crypto'
import { LIMITS } from '../limits.ts'
import type { OutgoingEvent } from '../protocol/read-messages.ts'
import type { LogRecord } from '../storage/event-log.ts'
import type { StoreLogger } from '../store-logger.ts'
import type { EventStore } from '../streams/event-store.ts'
import { AlarmClock } from './alarm-clock.ts'
import { CheckpointWriter } from './checkpoint-writer.ts'
import type { Delivery, InFlight } from './delivery.ts'
import { pinOf, recordOf, resolve, toOutgoing } from './delivery-content.ts'
import { DeliveryQueue } from './delivery-queue.ts'
import { type EventSource, openSource } from './event-source.ts'
import { type ConsumerPort, GroupConsumer, ItemCount } from './group-consumer.ts'
import type { GroupDefinition, StrategyName } from './group-settings.ts'
import { ParkedMessages } from './parked-messages.ts'

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

/** Reads before others have their turn. */
const READS_PER_RUN = 16
/** Parked messages held ready while they are replayed. */
const REPLAY_BATCH = 20

export class SubscriptionGroup {
  readonly definition: GroupDefinition
  readonly items: ItemCount
  readonly #store: EventStore
  readonly #logger: StoreLogger
  readonly #now: () => number
  readonly #strategy: StrategyName
  readonly #queue: DeliveryQueue<GroupConsumer>
  readonly #source: EventSource
  readonly #checkpoints: CheckpointWriter
  readonly #parked: ParkedMessages
  readonly #alarm: AlarmClock
  readonly #stopListening: () => void
  /** Bytes of the records that deliveries hold on to. */
  #heldBytes = 0
  #isScheduled = false
  #isHalted = false
  /** Something about it cannot be done, such as a filter that takes too long: it rests until somebody joins. */
  #isBroken = false

  /** Goes on where an earlier life of the group has come to. Throws UnusableFilter. */
  constructor({ store, definition, logger, now }: GroupOptions) {
    const strategy = definition.settings.strategy as StrategyName
    this.definition = definition
    this.items = new ItemCount(now())
    this.#store = store
    this.#logger = logger
    this.#now = now
    this.#strategy = strategy
    this.#queue = new DeliveryQueue({ ...definition.settings, strategy, inFlightMax: LIMITS.groupInFlightMax })
    this.#source = openSource(store, definition)
    const onFailed = (error: unknown) => this.#warn(error, 'a checkpoint could not be written')
    const checkpointing = { store, definition, source: this.#source, now, onWritten: this.#wake, onFailed }
    this.#checkpoints = new CheckpointWriter(checkpointing)
    this.#parked = new ParkedMessages(store, definition)
    this.#alarm = new AlarmClock(this.#wake, now)
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
    return {
      status: isLive ? 'Live' : 'Behind',
      readBufferCount: isLive ? 0 : freshCount,
      liveBufferCount: isLive ? freshCount : 0,
      retryBufferCount: retryCount + replayCount,
      inFlightCount,
      parkedCount: this.#parked.count,
      lastCheckpointed: format(this.#checkpoints.durable),
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
    this.#isBroken = false
    this.#wake()
    return consumer
  }

  /** What it had not answered goes to others, unless the group itself is at its end: then nobody has failed. */
  leave(consumer: GroupConsumer): void {
    const givenUp = this.#queue.disconnect(consumer)
    if (!this.#isHalted) this.#giveUp(givenUp)
    this.#wake()
  }

  ack(consumer: GroupConsumer, ids: Iterable<string>): void {
    for (const { delivery } of this.#answered(consumer, ids)) this.#handled(delivery)
    this.#goOn()
  }

  nack(consumer: GroupConsumer, ids: Iterable<string>, action: NackAction, reason: string): void {
    if (action === 'skip') this.ack(consumer, ids)
    else if (this.#isHalted) return
    else if (action === 'retry') this.#giveUp(this.#queue.retry(consumer, ids))
    else {
      for (const { delivery } of this.#answered(consumer, ids))
        this.#park(delivery, `Client explicitly NAK'ed message.\n${reason}`)
    }
    this.#goOn()
  }

  /** Hands out parked messages again, those before a revision of the parked stream if one is given. */
  async replayParked(stopAt = Number.POSITIVE_INFINITY): Promise<void> {
    const isNoted = this.#parked.bringBack(stopAt)
    this.#wake()
    await isNoted
  }

  /** Hands out nothing more. Answers still count. Repeatable. */
  halt(): void {
    this.#isHalted = true
    this.#stopListening()
    this.#alarm.stop()
  }

  /** Ends; consumers are dropped, and what they have not answered is theirs no more. */
  stop(): void {
    this.halt()
    this.#dropConsumers()
  }

  /** Ends in good order: how far it has come is written down. */
  async close(): Promise<void> {
    this.halt()
    await Promise.all([this.#checkpoints.flush(), this.#parked.settle()])
  }

  /** Many wakes within one turn of the event loop make one run. */
  readonly #wake = (): void => {
    if (this.#isScheduled || this.#isHalted || this.#isBroken) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      if (!this.#isHalted) this.#run()
    })
  }

  /** The room that an answer makes is filled before the next answer is looked at: else what failed would overtake. */
  #goOn(): void {
    if (!this.#isHalted && !this.#isBroken) this.#orBreak(() => this.#dispatch())
    this.#wake()
  }

  #run(): void {
    this.#orBreak(() => {
      this.#giveUp(this.#queue.expire(this.#now()))
      this.#fillReplays()
      const hasMore = this.#fill()
      this.#dispatch()
      this.#checkpoints.writeIfDue()
      this.#alarm.set(this.#queue.nextTimeoutMs, this.#checkpoints.nextDueMs)
      if (hasMore) this.#wake()
    })
  }

  #orBreak(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#logger.error({ ...this.#name, error: String(error) }, 'a group cannot go on')
      this.#isBroken = true
      this.#dropConsumers()
    }
  }

  #fillReplays(): void {
    while (this.#queue.replayCount < REPLAY_BATCH) {
      const records = this.#parked.next(REPLAY_BATCH)
      if (records.length === 0) return
      for (const record of records) this.#queue.add(this.#delivery(record, undefined))
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
      for (const record of slice.records) this.#queue.add(this.#delivery(record, this.#checkpoints.enter(record)))
      const passed = slice.considered - slice.records.length
      if (passed > 0 && slice.lastPlace !== undefined) this.#checkpoints.pass(slice.lastPlace, passed)
      if (slice.isEnd) return false
    }
    return false
  }

  #delivery(record: LogRecord, place: number | undefined): Delivery {
    const { eventId: id, stream, revision } = record
    const isKept = this.consumers.length > 0 && this.#heldBytes < LIMITS.groupBufferBytesMax
    if (isKept) this.#heldBytes += record.body.byteLength
    const pin = pinOf(this.#store, this.#strategy, record)
    return { id, stream, revision, pin, place, retryCount: 0, record: isKept ? record : undefined }
  }

  #dispatch(): void {
    const outboxes = new Map<GroupConsumer, OutgoingEvent[]>()
    const vanished: { delivery: Delivery; consumer: GroupConsumer }[] = []
    this.#queue.dispatch(this.#now(), (delivery, consumer) => {
      const outgoing = this.#content(delivery)
      if (!outgoing) {
        vanished.push({ delivery, consumer })
        return
      }
      consumer.noteSent(outgoing, this.#wake)
      this.items.total += 1
      const outbox = outboxes.get(consumer)
      if (outbox) outbox.push(outgoing)
      else outboxes.set(consumer, [outgoing])
    })
    for (const [consumer, events] of outboxes) consumer.port.send(events)
    for (const { delivery, consumer } of vanished) this.ack(consumer, [delivery.id])
  }

  /** What goes out; undefined when there is nothing left of the event. */
  #content(delivery: Delivery): OutgoingEvent | undefined {
    const record = recordOf(this.#store, delivery)
    this.#heldBytes -= delivery.record?.body.byteLength ?? 0
    delivery.record = undefined
    if (!record) return undefined
    const { isResolvingLinks } = this.definition.settings
    return toOutgoing(resolve(this.#store, delivery, record, isResolvingLinks), delivery.retryCount)
  }

  #answered(consumer: GroupConsumer, ids: Iterable<string>): readonly InFlight[] {
    const answered = this.#queue.take(consumer, ids)
    consumer.noteAnswered(answered, this.#now())
    return answered
  }

  #handled({ place, revision }: Delivery): void {
    if (place !== undefined) {
      this.#checkpoints.leave(place)
      return
    }
    this.#parked.answered(revision)
    if (this.#isHalted) return
    this.#parked
      .settle()
      .catch((error) => this.#warn(error, 'a replay could not be noted as done and will be repeated after a restart'))
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
    this.#parked
      .park({ original, event, reason, nowMs: this.#now() })
      .then(done, (error) =>
        this.#warn(error, 'an event could not be parked and will be handed out again after a restart'),
      )
  }

  #dropConsumers(): void {
    for (const consumer of [...this.consumers]) {
      consumer.port.drop()
      this.leave(consumer)
    }
  }

  get #name() {
    return { stream: this.definition.stream, group: this.definition.group }
  }

  #warn(error: unknown, message: string): void {
    if (!this.#isHalted) this.#logger.warn({ ...this.#name, error: String(error) }, message)
  }
}
