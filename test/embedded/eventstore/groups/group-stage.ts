/** A store in a directory of its own with the official client, and consumers that keep a diary: what tests of groups work with. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  EventStoreDBClient,
  jsonEvent,
  type PersistentAction,
  type PersistentSubscriptionToAll,
  type PersistentSubscriptionToStream,
  type ResolvedEvent,
} from '@eventstore/db-client'
import { type EmbeddedEventStore, startEmbeddedEventStore } from '../../../../src/embedded/eventstore/start-embedded.ts'

const DELIVERY_MS_MAX = 10_000

export interface GroupStage {
  readonly client: EventStoreDBClient
  /** Appends one event for each word. */
  append(stream: string, words: string): Promise<void>
  /** The first event that can be read of a stream, with its link where it is one. */
  readFirst(stream: string): Promise<ResolvedEvent | undefined>
  /** Stops the store in good order and starts it again on the same directory; the client is a new one. */
  restart(): Promise<void>
  end(): Promise<void>
}

export async function openGroupStage(): Promise<GroupStage> {
  const dataDirectory = await mkdtemp(path.join(tmpdir(), 'emberlog-groups-'))
  let store: EmbeddedEventStore
  let client: EventStoreDBClient
  const begin = async () => {
    store = await startEmbeddedEventStore({ dataDirectory })
    client = EventStoreDBClient.connectionString(store.connectionString)
  }
  const pause = async () => {
    await client.dispose()
    await store.stop()
  }
  await begin()
  return {
    get client() {
      return client
    },
    async append(stream, words) {
      await client.appendToStream(stream, eventsOf(words))
    },
    async readFirst(stream) {
      for await (const resolved of client.readStream(stream, { resolveLinkTos: true, maxCount: 1 })) return resolved
      return undefined
    },
    async restart() {
      await pause()
      await begin()
    },
    async end() {
      await pause()
      await rm(dataDirectory, { recursive: true, force: true })
    },
  }
}

export function eventsOf(words: string) {
  return words.split(' ').map((label) => jsonEvent({ type: 'Noted', data: { label } }))
}

type Answer = 'ack' | 'hold' | PersistentAction
type Subscription = PersistentSubscriptionToStream | PersistentSubscriptionToAll

/** Consumes and answers each delivery as `decide` says, given its label and how often it came before. */
export class DiaryConsumer {
  readonly deliveries: string[] = []
  readonly failure: Promise<Error>
  readonly #subscription: Subscription
  readonly #held: Parameters<Subscription['ack']>[0][] = []
  #waiting: (() => void)[] = []

  constructor(subscription: Subscription, decide: (label: string, before: number) => Answer = () => 'ack') {
    this.#subscription = subscription
    const times = new Map<string, number>()
    this.failure = new Promise((resolve) => subscription.on('error', resolve))
    subscription.on('data', (resolved) => {
      const { event, link, retryCount } = resolved
      const label = (event?.data as { label?: string } | undefined)?.label ?? event?.type ?? 'nothing'
      const before = times.get(label) ?? 0
      times.set(label, before + 1)
      const answer = decide(label, before)
      this.deliveries.push(`${link ? 'link to ' : ''}${label}${retryCount > 0 ? `#${retryCount}` : ''} ${answer}`)
      if (answer === 'hold') this.#held.push(resolved)
      else if (answer === 'ack') void subscription.ack(resolved)
      else void subscription.nack(answer, 'test', resolved)
      for (const wake of this.#waiting.splice(0)) wake()
    })
  }

  /** Waits for so many deliveries and answers them as one line. */
  async delivered(count: number): Promise<string> {
    const giveUp = AbortSignal.timeout(DELIVERY_MS_MAX)
    while (this.deliveries.length < count) {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push(resolve)
        giveUp.addEventListener('abort', () => reject(new Error(`only: ${this.deliveries.join(', ')}`)), { once: true })
      })
    }
    return this.deliveries.join(', ')
  }

  /** Acknowledges what was held back. */
  async ackHeld(): Promise<void> {
    await this.#subscription.ack(...this.#held.splice(0))
  }

  async leave(): Promise<void> {
    await this.#subscription.unsubscribe()
  }
}

/** Asks again until the answer is as wanted; the store tells of checkpoints and parked messages only when asked. */
export async function eventually<Value>(
  ask: () => Promise<Value>,
  isWanted: (value: Value) => boolean,
): Promise<Value> {
  const giveUp = AbortSignal.timeout(DELIVERY_MS_MAX)
  for (;;) {
    const value = await ask()
    if (isWanted(value) || giveUp.aborted) return value
  }
}
