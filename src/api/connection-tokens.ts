/** Tokens that open one socket each: short-lived, single use, taken atomically, bound to the person who asked. */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../shared/clock.ts'
import type { Person } from './person.ts'

export interface ConnectionTokens {
  readonly issue: (person: Person) => Promise<{ readonly connectionToken: string; readonly expiresInS: number }>
  /** The person it was issued to, once; undefined for a token that is unknown, expired or taken already. */
  readonly take: (connectionToken: string) => Promise<Person | undefined>
}

export interface ConnectionTokensOptions {
  readonly clock: Clock
  readonly lifetimeMs: number
  /** All tokens remembered at once; past it the oldest is forgotten. */
  readonly tokensMax: number
  /** One person's tokens remembered at once; past it that person's oldest is forgotten. */
  readonly tokensPerPersonMax: number
}

interface Issued {
  readonly person: Person
  readonly expiresAtMs: number
}

const TOKEN_BYTES = 32

/** For one process: several nodes need an implementation over a shared store (docs/api.md says which). */
export function createConnectionTokensInMemory(options: ConnectionTokensOptions): ConnectionTokens {
  const { clock, lifetimeMs, tokensMax, tokensPerPersonMax } = options
  // All tokens live equally long, so both maps are in the order in which their tokens expire.
  const issued = new Map<string, Issued>()
  const tokensOfPeople = new Map<string, Set<string>>()

  function forget(connectionToken: string): Issued | undefined {
    const entry = issued.get(connectionToken)
    if (entry === undefined) return undefined
    issued.delete(connectionToken)
    const ownTokens = tokensOfPeople.get(entry.person.ownerId)
    ownTokens?.delete(connectionToken)
    if (ownTokens?.size === 0) tokensOfPeople.delete(entry.person.ownerId)
    return entry
  }

  function forgetExpired(nowMs: number): void {
    for (const [token, { expiresAtMs }] of issued) {
      if (expiresAtMs > nowMs) return
      forget(token)
    }
  }

  return {
    async issue(person) {
      const nowMs = clock().getTime()
      forgetExpired(nowMs)
      const ownTokens = tokensOfPeople.get(person.ownerId) ?? new Set()
      if (ownTokens.size >= tokensPerPersonMax) forget(first(ownTokens))
      if (issued.size >= tokensMax) forget(first(issued.keys()))
      const connectionToken = randomBytes(TOKEN_BYTES).toString('base64url')
      issued.set(connectionToken, { person, expiresAtMs: nowMs + lifetimeMs })
      tokensOfPeople.set(person.ownerId, ownTokens.add(connectionToken))
      return { connectionToken, expiresInS: Math.floor(lifetimeMs / 1000) }
    },
    async take(connectionToken) {
      // Looking it up and forgetting it are one step, so two handshakes cannot both win.
      const entry = forget(connectionToken)
      return entry !== undefined && entry.expiresAtMs > clock().getTime() ? entry.person : undefined
    },
  }
}

function first(tokens: Iterable<string>): string {
  const [token = ''] = tokens
  return token
}
