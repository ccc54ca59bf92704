/** All groups of the store: made, changed, found and removed here, and there again after a restart. */
import { LIMITS } from '../limits.ts'
import type { FilterRequest } from '../protocol/read-messages.ts'
import { POSITION_STEP } from '../protocol/recorded-event.ts'
import type { StoreLogger } from '../store-logger.ts'
import { createEventFilter } from '../streams/event-filter.ts'
import type { EventStore } from '../streams/event-store.ts'
import { ALL } from '../streams/stream-names.ts'
import { loadGroups, saveGroups } from './group-config.ts'
import {
  type GroupDefinition,
  type GroupKey,
  type GroupSettings,
  type GroupStart,
  refusalOf,
} from './group-settings.ts'
import { deleteGroupStreams, parkedStreamOf } from './group-streams.ts'
import { SubscriptionGroup } from './subscription-group.ts'

/** What a group is to be. */
export interface GroupWish extends GroupKey {
  readonly settings: GroupSettings
  readonly startFrom: GroupStart
  readonly filter?: FilterRequest | undefined
}

export type GroupOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'exists' }
  | { readonly kind: 'missing' }
  /** It cannot be as it is wished. */
  | { readonly kind: 'refused'; readonly reason: string }

export interface RegistryOptions {
  readonly store: EventStore
  readonly logger: StoreLogger
  readonly now?: () => number
}

const DONE: GroupOutcome = { kind: 'done' }
const MISSING: GroupOutcome = { kind: 'missing' }

export class GroupRegistry {
  readonly #store: EventStore
  readonly #logger: StoreLogger
  readonly #now: () => number
  readonly #groups = new Map<string, SubscriptionGroup>()
  /** Groups whose streams are being deleted: a new one of the same name must not find the old one's checkpoint. */
  readonly #leaving = new Map<string, Promise<void>>()

  /** Takes up the groups that were saved. */
  constructor({ store, logger, now = Date.now }: RegistryOptions) {
    this.#store = store
    this.#logger = logger
    this.#now = now
    this.#load()
  }

  find(key: GroupKey): SubscriptionGroup | undefined {
    return this.#groups.get(nameOf(key))
  }

  /** All groups, or those on one stream. */
  list(stream?: string): SubscriptionGroup[] {
    const groups = [...this.#groups.values()]
    return stream === undefined ? groups : groups.filter(({ definition }) => definition.stream === stream)
  }

  /** Resolves when the group is durable. Throws UnusableFilter. */
  async create(wish: GroupWish, by: string): Promise<GroupOutcome> {
    await this.#leaving.get(nameOf(wish))
    if (this.find(wish)) return { kind: 'exists' }
    const reason = this.#refusal(wish)
    if (reason !== undefined) return { kind: 'refused', reason }
    this.#open(this.#define(wish))
    await this.#save(by)
    return DONE
  }

  /** Consumers are dropped and have to connect anew. The filter stays as it was. Resolves when the change is durable. */
  async update(wish: GroupWish, by: string): Promise<GroupOutcome> {
    const group = this.find(wish)
    if (!group) return MISSING
    const reason = this.#refusal(wish)
    if (reason !== undefined) return { kind: 'refused', reason }
    group.stop()
    this.#open(this.#define({ ...wish, filter: group.definition.filter }))
    await this.#save(by)
    return DONE
  }

  /** The group goes with its checkpoint and its parked messages. Resolves when that is durable. */
  async delete(key: GroupKey, by: string): Promise<GroupOutcome> {
    const name = nameOf(key)
    const group = this.#groups.get(name)
    if (!group) return MISSING
    group.stop()
    this.#groups.delete(name)
    const gone = Promise.all([this.#save(by), deleteGroupStreams(this.#store, key)]).then(() => {})
    this.#leaving.set(name, gone)
    await gone.finally(() => this.#leaving.delete(name))
    return DONE
  }

  /** Drops every consumer; every group goes on from its last checkpoint. */
  restart(): void {
    const groups = [...this.#groups.values()]
    for (const group of groups) group.stop()
    this.#takeUp(groups.map(({ definition }) => definition))
  }

  /** Hands out nothing more, so that consumers that are broken off count as nobody's failure. Repeatable. */
  halt(): void {
    for (const group of this.#groups.values()) group.halt()
  }

  /** Writes down how far the groups have come. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#groups.values()].map((group) => group.close()))
  }

  #load(): void {
    const { definitions, unreadable } = loadGroups(this.#store)
    if (unreadable > 0) this.#logger.warn({ unreadable }, 'some groups could not be read and are left out')
    this.#takeUp(definitions)
  }

  #takeUp(definitions: readonly GroupDefinition[]): void {
    for (const definition of definitions) {
      try {
        this.#open(definition)
      } catch (error) {
        const { stream, group } = definition
        this.#logger.warn({ stream, group, error: String(error) }, 'a group could not be taken up')
      }
    }
  }

  #open(definition: GroupDefinition): void {
    const group = new SubscriptionGroup({ store: this.#store, definition, logger: this.#logger, now: this.#now })
    this.#groups.set(nameOf(definition), group)
  }

  #save(by: string): Promise<void> {
    const definitions = [...this.#groups.values()].map(({ definition }) => definition)
    return saveGroups(this.#store, definitions, by)
  }

  #refusal(wish: GroupWish): string | undefined {
    if (!this.find(wish) && this.#groups.size >= LIMITS.groupsMax) return `there are ${LIMITS.groupsMax} groups already`
    if (Buffer.byteLength(parkedStreamOf(wish)) > LIMITS.groupNameBytesMax) return 'the names are too long'
    if (wish.stream === ALL && typeof wish.startFrom === 'number' && wish.startFrom > this.#endOfAll)
      return 'the position to start from lies beyond the end'
    return refusalOf(wish.settings)
  }

  /** Throws UnusableFilter. */
  #define({ stream, group, settings, startFrom, filter }: GroupWish): GroupDefinition {
    if (filter) createEventFilter(filter)
    return { stream, group, settings, startFrom, filter, beginsAt: this.#beginning(stream, startFrom) }
  }

  #beginning(stream: string, startFrom: GroupStart): number {
    const { log } = this.#store
    if (startFrom === 'start') return 0
    if (stream === ALL) return startFrom === 'end' ? log.durableEnd : Math.ceil(startFrom / POSITION_STEP)
    return startFrom === 'end' ? (log.durableHead(stream)?.revision ?? -1) + 1 : startFrom
  }

  get #endOfAll(): number {
    return this.#store.log.durableEnd * POSITION_STEP
  }
}

/** Two groups whose own streams would have one name are one group. */
function nameOf(key: GroupKey): string {
  return parkedStreamOf(key)
}
