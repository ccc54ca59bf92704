/** The people and programs that may sign in, each kept in a stream of its own as EventStoreDB keeps them. */
import { randomUUID } from 'node:crypto'
import { LIMITS } from '../limits.ts'
import { decodeContent, type ProposedEvent } from '../protocol/recorded-event.ts'
import type { EventStore } from '../streams/event-store.ts'
import { EXPECT } from '../streams/expected-revision.ts'
import { METADATA_TYPE, metastreamOf } from '../streams/stream-metadata.ts'
import { hashPassword, type PasswordHash } from './password-hash.ts'
import { ADMINS, OPERATORS } from './stream-rights.ts'

export interface UserAccount extends PasswordHash {
  readonly loginName: string
  readonly fullName: string
  readonly groups: readonly string[]
  readonly isDisabled: boolean
  readonly updatedMs: number
  /** Of the last event about it: changes with every change. */
  readonly revision: number
}

export interface NewUser {
  readonly loginName: string
  readonly fullName: string
  readonly groups: readonly string[]
  readonly password: string
}

/** What came of a change. `conflict`: somebody else changed the account meanwhile. */
export type AccountOutcome = 'done' | 'missing' | 'exists' | 'conflict' | 'full'

export const USERS_STREAM = '$users'
export const userStreamOf = (loginName: string) => `$user-${loginName}`

const NO_BYTES = new Uint8Array(0)
/** Nobody but admins sees a hash. */
const ACCESS = { $r: ADMINS, $w: ADMINS, $d: ADMINS, $mr: ADMINS, $mw: ADMINS }

const DEFAULT_PASSWORD = 'changeit'
const DEFAULT_USERS: readonly NewUser[] = [
  { loginName: 'admin', fullName: 'Event Store Administrator', groups: [ADMINS], password: DEFAULT_PASSWORD },
  { loginName: 'ops', fullName: 'Event Store Operations', groups: [OPERATORS], password: DEFAULT_PASSWORD },
]

export class UserAccounts {
  readonly #store: EventStore

  constructor(store: EventStore) {
    this.#store = store
  }

  /** Makes the users that every secure node begins with; those that somebody deleted stay deleted. */
  async addDefaults(): Promise<void> {
    for (const user of DEFAULT_USERS) if (!this.#store.log.head(userStreamOf(user.loginName))) await this.create(user)
  }

  find(loginName: string): UserAccount | undefined {
    const record = this.#store.visibleEvent(userStreamOf(loginName), -1)
    return record && parseAccount(decodeContent(record.body).data, record)
  }

  /** Position of the last event about a user: as long as it stays, what was found out about the user holds. */
  version(loginName: string): number | undefined {
    return this.#store.log.durableHead(userStreamOf(loginName))?.position
  }

  list(): UserAccount[] {
    return this.#names().flatMap((name) => this.find(name) ?? [])
  }

  async create({ password, ...user }: NewUser): Promise<AccountOutcome> {
    const secret = await hashPassword(password)
    const names = this.#names()
    const isListed = names.includes(user.loginName)
    if (!isListed && names.length >= LIMITS.usersMax) return 'full'
    const stream = userStreamOf(user.loginName)
    const outcome = this.#store.append(stream, EXPECT.noStream, [accountEvent('$UserCreated', { ...user, ...secret })])
    if (outcome.kind !== 'done') return 'exists'
    const writes = [outcome.durable]
    // Whoever was deleted and comes back has rules from before, which keep the older events hidden.
    if (!this.#store.log.head(metastreamOf(stream)))
      writes.push(this.#store.appendOwn(metastreamOf(stream), [jsonEvent(METADATA_TYPE, { $acl: ACCESS })]))
    if (!isListed) writes.push(this.#store.appendOwn(USERS_STREAM, [nameEvent(user.loginName)]))
    await Promise.all(writes)
    return 'done'
  }

  /** Keeps the password. */
  update(loginName: string, change: Pick<UserAccount, 'fullName' | 'groups'>): Promise<AccountOutcome> {
    return this.#change(loginName, () => change)
  }

  setDisabled(loginName: string, isDisabled: boolean): Promise<AccountOutcome> {
    return this.#change(loginName, () => ({ isDisabled }))
  }

  async setPassword(loginName: string, password: string): Promise<AccountOutcome> {
    if (!this.find(loginName)) return 'missing'
    const secret = await hashPassword(password)
    return this.#change(loginName, () => secret)
  }

  async delete(loginName: string): Promise<AccountOutcome> {
    const account = this.find(loginName)
    if (!account) return 'missing'
    const outcome = this.#store.delete(userStreamOf(loginName), account.revision)
    if (outcome.kind !== 'done') return 'conflict'
    await outcome.durable
    return 'done'
  }

  async #change(loginName: string, change: (account: UserAccount) => Partial<UserAccount>): Promise<AccountOutcome> {
    const account = this.find(loginName)
    if (!account) return 'missing'
    const next = accountEvent('$UserUpdated', { ...account, ...change(account) })
    const outcome = this.#store.append(userStreamOf(loginName), account.revision, [next])
    if (outcome.kind !== 'done') return 'conflict'
    await outcome.durable
    return 'done'
  }

  /** Everybody who was ever made, once. */
  #names(): string[] {
    const names = new Set<string>()
    let from = 0
    for (;;) {
      const bounds = { countMax: LIMITS.sliceRecords, bytesMax: LIMITS.sliceBytes }
      const records = this.#store.log.readStream(USERS_STREAM, { from, direction: 'forwards', ...bounds })
      for (const { body } of records) names.add(decodeContent(body).data.toString('utf8'))
      const last = records.at(-1)
      if (!last) return [...names]
      from = last.revision + 1
    }
  }
}

type StoredAccount = Omit<UserAccount, 'updatedMs' | 'revision' | 'isDisabled'> & { readonly isDisabled?: boolean }

function accountEvent(type: string, account: StoredAccount): ProposedEvent {
  const { loginName, fullName, groups, salt, hash, isDisabled } = account
  return jsonEvent(type, { loginName, fullName, salt, hash, groups, ...(isDisabled ? { disabled: true } : {}) })
}

function jsonEvent(type: string, data: object): ProposedEvent {
  return { id: randomUUID(), type, isJson: true, data: Buffer.from(JSON.stringify(data)), metadata: NO_BYTES }
}

/** The list of users holds bare names. */
function nameEvent(loginName: string): ProposedEvent {
  return { id: randomUUID(), type: '$User', isJson: false, data: Buffer.from(loginName), metadata: NO_BYTES }
}

/** An account that somebody spoiled by writing to its stream is none. */
function parseAccount(data: Buffer, at: { createdMs: number; revision: number }): UserAccount | undefined {
  try {
    const stored = JSON.parse(data.toString('utf8')) as Readonly<Record<string, unknown>>
    const { loginName, fullName, salt, hash, groups, disabled } = stored
    if (typeof loginName !== 'string' || typeof salt !== 'string' || typeof hash !== 'string') return undefined
    return {
      loginName,
      fullName: typeof fullName === 'string' ? fullName : '',
      groups: Array.isArray(groups) ? groups.filter((group) => typeof group === 'string') : [],
      salt,
      hash,
      isDisabled: disabled === true,
      updatedMs: at.createdMs,
      revision: at.revision,
    }
  } catch {
    return undefined
  }
}
