/** Keeps the keys of people: hands out the one that seals, opens what was sealed before, and unwraps each key once. */
import { createSecretKey, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../shared/clock.ts'
import { Fault, isFault } from '../shared/failures.ts'
import { mintId } from '../shared/ids.ts'
import {
  addKeys,
  endSealing,
  findOpeningRows,
  findSealingRows,
  type NewDataKey,
  type NewPersonKey,
  type OpeningRow,
  type SealingRow,
  type Wanted,
} from './key-rows.ts'
import { KEY_BYTES, wrapWith } from './key-wrapping.ts'
import type { MasterKeys } from './master-keys.ts'
import type { SealingKey } from './value-sealing.ts'
import type { VaultDatabase } from './vault-database.ts'

/** Data keys in memory, unwrapped; a few hundred bytes each. */
const KEYS_CACHED_MAX = 20_000
const PEOPLE_CACHED_MAX = 10_000
/** A destroyed key that this process was not told of is still used for so long at most. */
const KEY_CACHED_MS_MAX = 5 * 60_000
/** A key takes new values for so long: at 1,000 values a second it seals 2.6 · 10⁹ of them, fewer than 2³². */
const KEY_LIFETIME_MS = 30 * 24 * 60 * 60_000
/** Keys asked for at the same moment that are found or made with one statement. */
const BATCH_MAX = 500
const OPENING_BATCH_MAX = 5_000
/** Other processes may make the same keys at the same time; one more round then finds theirs. */
const ROUNDS_MAX = 5
const SEPARATOR = '\u241F'

export interface KeyVault {
  /**
   * The key that seals new values of a person in a scope; it is in the vault, durably, before anything is sealed with it. Throws
   * `vault-unavailable`, and `person-being-erased` while an erasure is under way.
   */
  readonly sealingKey: (person: string, scope: string) => Promise<SealingKey>
  /** Keys by id; a destroyed one says so, one that the vault never knew is left out. Throws `vault-unavailable` or `master-key-unknown`. */
  readonly openingKeys: (ids: readonly string[]) => Promise<Map<string, OpeningKey>>
  /** Looks every key up again when it is needed next: some may have been destroyed. */
  readonly forgetCached: () => void
}

export interface KeyVaultParts {
  readonly database: VaultDatabase
  readonly masterKeys: MasterKeys
  readonly clock: Clock
}

type PersonWrapping = ReturnType<typeof wrapWith>
type Deferred = ReturnType<typeof Promise.withResolvers<SealingKey>>
type OpeningKey = SealingKey | 'destroyed'
type OpeningDeferred = ReturnType<typeof Promise.withResolvers<OpeningKey | undefined>>

export function createKeyVault({ database, masterKeys, clock }: KeyVaultParts): KeyVault {
  const sealing = new LRUCache<string, { readonly key: SealingKey; readonly endsAtMs: number }>({
    max: KEYS_CACHED_MAX,
    ttl: KEY_CACHED_MS_MAX,
  })
  const opening = new LRUCache<string, OpeningKey>({ max: KEYS_CACHED_MAX, ttl: KEY_CACHED_MS_MAX })
  const people = new LRUCache<string, PersonWrapping>({ max: PEOPLE_CACHED_MAX, ttl: KEY_CACHED_MS_MAX })
  const wanted = new Map<string, Wanted & { readonly deferred: Deferred }>()
  const wantedOpenings = new Map<string, OpeningDeferred>()
  let isProviding = false
  /** Counts how often everything was forgotten: what was asked for before that is not remembered after it. */
  let forgottenTimes = 0

  return {
    async sealingKey(person, scope) {
      const name = nameOf({ person, scope })
      const cached = sealing.get(name)
      if (cached !== undefined && cached.endsAtMs > clock().getTime()) return cached.key
      const asked = wanted.get(name) ?? { person, scope, deferred: Promise.withResolvers<SealingKey>() }
      wanted.set(name, asked)
      if (!isProviding) void provideWanted()
      return asked.deferred.promise
    },

    async openingKeys(ids) {
      const found = new Map<string, OpeningKey>()
      const unknown: { readonly id: string; readonly key: Promise<OpeningKey | undefined> }[] = []
      for (const id of new Set(ids)) {
        const key = opening.get(id)
        if (key === undefined) unknown.push({ id, key: askToOpen(id) })
        else found.set(id, key)
      }
      if (unknown.length > 0 && !isProviding) void provideWanted()
      const keys = await Promise.all(unknown.map(({ key }) => key))
      for (const [index, { id }] of unknown.entries()) {
        const key = keys[index]
        if (key !== undefined) found.set(id, key)
      }
      return found
    },

    forgetCached() {
      forgottenTimes += 1
      sealing.clear()
      opening.clear()
      people.clear()
    },
  }

  function askToOpen(id: string): Promise<OpeningKey | undefined> {
    const asked = wantedOpenings.get(id) ?? Promise.withResolvers<OpeningKey | undefined>()
    wantedOpenings.set(id, asked)
    return asked.promise
  }

  /**
   * One statement after the other, so that keys never wait for a connection of each other: all that is wanted while one runs is
   * provided by the next.
   */
  async function provideWanted(): Promise<void> {
    isProviding = true
    while (wanted.size > 0 || wantedOpenings.size > 0) {
      if (wanted.size > 0) await provideSealing()
      if (wantedOpenings.size > 0) await provideOpening()
    }
    isProviding = false
  }

  async function provideSealing(): Promise<void> {
    const batch = [...wanted].slice(0, BATCH_MAX)
    for (const [name] of batch) wanted.delete(name)
    const missing = new Map(batch)
    try {
      for (let round = 1; round <= ROUNDS_MAX && missing.size > 0; round += 1) await provide(missing)
      for (const { deferred, person } of missing.values()) {
        deferred.reject(new Fault('person-being-erased', { person }))
      }
    } catch (error) {
      for (const { deferred } of missing.values()) deferred.reject(error)
    }
  }

  async function provideOpening(): Promise<void> {
    const batch = new Map([...wantedOpenings].slice(0, OPENING_BATCH_MAX))
    for (const id of batch.keys()) wantedOpenings.delete(id)
    const times = forgottenTimes
    try {
      const rows = await reaching('opening sealed values', () => findOpeningRows(database, [...batch.keys()]))
      for (const row of rows) {
        const key = await openingKeyOf(row)
        if (times === forgottenTimes) remember(row, key)
        batch.get(row.dataKeyId)?.resolve(key)
        batch.delete(row.dataKeyId)
      }
      for (const { resolve } of batch.values()) resolve(undefined) // The vault never knew them.
    } catch (error) {
      for (const { reject } of batch.values()) reject(error)
    }
  }

  /** Whoever reads a conversation is likely to answer in it: a key that still seals is not looked up twice. */
  function remember(row: OpeningRow, key: OpeningKey): void {
    opening.set(row.dataKeyId, key)
    if (key === 'destroyed' || !row.isSealing) return
    sealing.set(nameOf(row), { key, endsAtMs: row.createdAt.getTime() + KEY_LIFETIME_MS })
  }

  /** Takes what it finds or makes out of `missing`. */
  async function provide(missing: Map<string, Wanted & { readonly deferred: Deferred }>): Promise<void> {
    const times = forgottenTimes
    const rows = await reaching('finding keys', () => findSealingRows(database, [...missing.values()]))
    const now = clock()
    const oldestMs = now.getTime() - KEY_LIFETIME_MS
    const ended = rows.flatMap(({ dataKeyId, createdAt }) =>
      dataKeyId !== null && createdAt !== null && createdAt.getTime() <= oldestMs ? [dataKeyId] : [],
    )
    const toMake: SealingRow[] = []
    for (const row of rows) {
      if (row.dataKeyId === null || row.createdAt === null || ended.includes(row.dataKeyId)) toMake.push(row)
      else settle(row, await sealingKeyOf(row), row.createdAt)
    }
    if (toMake.length === 0) return
    await reaching('ending the time of keys', () => endSealing(database, ended))
    const made = await makeKeys(toMake)
    const added = await reaching('adding keys', () => addKeys(database, { ...made, now }))
    for (const { row, key } of made.keys) if (added.has(key.id)) settle(row, key, now)
    if (added.size < made.keys.length) await reaching('asking for the master key', () => masterKeys.refresh())

    function settle(row: Wanted, key: SealingKey, createdAt: Date): void {
      const name = nameOf(row)
      if (times === forgottenTimes) {
        sealing.set(name, { key, endsAtMs: createdAt.getTime() + KEY_LIFETIME_MS })
        opening.set(key.id, key)
      }
      missing.get(name)?.deferred.resolve(key)
      missing.delete(name)
    }
  }

  async function makeKeys(rows: readonly SealingRow[]): Promise<{
    readonly people: NewPersonKey[]
    readonly data: NewDataKey[]
    readonly keys: { readonly row: SealingRow; readonly key: SealingKey }[]
  }> {
    const newPeople = new Map<string, NewPersonKey & { readonly wrapping: PersonWrapping }>()
    const data: NewDataKey[] = []
    const keys: { row: SealingRow; key: SealingKey }[] = []
    for (const row of rows) {
      let { personKeyId } = row
      let wrapping: PersonWrapping
      if (personKeyId === null) {
        const person = newPeople.get(row.person) ?? (await makePersonKey(row.person))
        newPeople.set(row.person, person)
        personKeyId = person.id
        wrapping = person.wrapping
      } else wrapping = await personWrappingOf(row as SealingRow & { readonly personKeyId: string })
      const id = mintId()
      const secret = randomBytes(KEY_BYTES)
      data.push({ id, personKeyId, scope: row.scope, wrapped: wrapping.wrap(secret, dataKeyContext(id, row.scope)) })
      keys.push({ row, key: { id, secret: createSecretKey(secret) } })
    }
    return { people: [...newPeople.values()], data, keys }
  }

  async function makePersonKey(person: string): Promise<NewPersonKey & { readonly wrapping: PersonWrapping }> {
    const id = mintId()
    const secret = randomBytes(KEY_BYTES)
    const { masterKeyId, wrap } = masterKeys.current()
    const wrapped = await unwrapping(() => wrap(secret, personKeyContext(id, person)))
    return { id, person, masterKeyId, wrapped, wrapping: wrapWith(secret) }
  }

  async function sealingKeyOf(row: SealingRow): Promise<SealingKey> {
    const key = await openingKeyOf(row as SealingRow & Omit<OpeningRow, 'isSealing'>)
    // Both rows are alive: the statement that found them asks for nothing else.
    if (key === 'destroyed') throw new Fault('vault-unavailable', { doing: 'finding keys' })
    return key
  }

  async function openingKeyOf(row: Omit<OpeningRow, 'isSealing' | 'createdAt'>): Promise<OpeningKey> {
    if (row.dataWrapped === null || row.personWrapped === null) return 'destroyed'
    const wrapping = await personWrappingOf(row)
    const secret = wrapping.unwrap(row.dataWrapped, dataKeyContext(row.dataKeyId, row.scope))
    return { id: row.dataKeyId, secret: createSecretKey(secret) }
  }

  async function personWrappingOf(
    row: Pick<OpeningRow, 'person'> & {
      readonly personKeyId: string
      readonly personWrapped: Buffer | null
      readonly masterKeyId: string | null
    },
  ): Promise<PersonWrapping> {
    const cached = people.get(row.personKeyId)
    if (cached !== undefined) return cached
    const { personWrapped, masterKeyId } = row
    const master = masterKeys.byId(masterKeyId ?? '')
    if (master === undefined || personWrapped === null) throw new Fault('master-key-unknown', { masterKeyId })
    const secret = await unwrapping(() => master.unwrap(personWrapped, personKeyContext(row.personKeyId, row.person)))
    const wrapping = wrapWith(secret)
    people.set(row.personKeyId, wrapping)
    return wrapping
  }
}

/** What binds a wrapped key to its row: a key copied to another row does not unwrap. */
export function personKeyContext(id: string, person: string): string {
  return ['person key', id, person].join(SEPARATOR)
}

function dataKeyContext(id: string, scope: string): string {
  return ['data key', id, scope].join(SEPARATOR)
}

function nameOf({ person, scope }: Wanted): string {
  return `${scope}${SEPARATOR}${person}`
}

/** Whatever keeps us from the vault, those who need it can only come back later. */
export async function reaching<Value>(doing: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work()
  } catch (cause) {
    if (!isFault(cause) || cause.code === 'vault-unavailable' || cause.code === 'master-key-unknown') throw cause
    throw new Fault('vault-unavailable', { doing }, { cause })
  }
}

/** A service that wraps keys may be away; a key that it does not unwrap is another matter. */
async function unwrapping<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work()
  } catch (cause) {
    if (isFault(cause, 'key-not-unwrapped')) throw cause
    throw new Fault('vault-unavailable', { doing: 'using the master key' }, { cause })
  }
}
