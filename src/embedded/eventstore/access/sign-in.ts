/** Finds out who calls from the basic credentials of a call, without working on the same password twice. */
import { createHmac, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { LIMITS } from '../limits.ts'
import { GRPC_STATUS, GrpcError } from '../transport/grpc-error.ts'
import { NOBODY, type Principal, unauthenticated } from './access-control.ts'
import { isPassword, unmatchableHash } from './password-hash.ts'
import type { UserAccounts } from './user-accounts.ts'

/** What an authorization header came to, as long as the user's stream stands where it stood. */
interface Finding {
  readonly loginName: string
  readonly version: number | undefined
  /** Undefined for wrong credentials. */
  readonly principal: Principal | undefined
}

interface Credentials {
  readonly loginName: string
  readonly password: string
}

export class SignIn {
  readonly #users: UserAccounts
  /** Found by a keyed hash of the header, so that no password lies in memory. */
  readonly #findings = new LRUCache<string, Finding>({ max: LIMITS.signInsMax })
  readonly #key = randomBytes(32)
  readonly #underWay = new Map<string, Promise<Principal>>()
  /** Checked when there is no such user, so that the time taken does not tell. */
  readonly #decoy = unmatchableHash()
  #queue: Promise<unknown> = Promise.resolve()

  constructor(users: UserAccounts) {
    this.#users = users
  }

  /** Answers who a header names: nobody without one. Throws, or rejects with, UNAUTHENTICATED on wrong credentials. */
  authenticate(header: string | undefined): Principal | Promise<Principal> {
    if (header === undefined) return NOBODY
    const key = createHmac('sha256', this.#key).update(header).digest('base64')
    const finding = this.#findings.get(key)
    if (finding && finding.version === this.#users.version(finding.loginName)) return admitted(finding)
    const underWay = this.#underWay.get(key)
    if (underWay !== undefined) return underWay
    const credentials = parseBasic(header)
    if (!credentials) throw unauthenticated()
    if (this.#underWay.size >= LIMITS.signInQueueMax)
      throw new GrpcError(GRPC_STATUS.resourceExhausted, 'too many sign-ins at once')
    const checking = this.#inTurn(async () => {
      const finding = await this.#check(credentials)
      this.#findings.set(key, finding)
      return admitted(finding)
    }).finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, checking)
    return checking
  }

  /** One after the other: the threads that hash are the ones that write to disk. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#queue.then(work)
    this.#queue = result.catch(() => {})
    return result
  }

  async #check({ loginName, password }: Credentials): Promise<Finding> {
    const version = this.#users.version(loginName)
    const account = this.#users.find(loginName)
    const isRight = await isPassword(password, account ?? this.#decoy)
    const principal =
      account && isRight && !account.isDisabled ? { name: account.loginName, groups: account.groups } : undefined
    return { loginName, version, principal }
  }
}

function admitted({ principal }: Finding): Principal {
  if (!principal) throw unauthenticated()
  return principal
}

/** `Basic` and name and password in base64; only the first colon separates them. */
function parseBasic(header: string): Credentials | undefined {
  const [, encoded] = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(header) ?? []
  if (encoded === undefined) return undefined
  const decoded = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  return colon < 1 ? undefined : { loginName: decoded.slice(0, colon), password: decoded.slice(colon + 1) }
}
