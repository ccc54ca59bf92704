/** Access tokens that were signed out are remembered until they would have expired anyway. */
import type { Clock } from '../shared/clock.ts'
import type { Person } from './person.ts'

export interface EndedTokens {
  /** False when too many are remembered already; then the token is not ended, and the caller says so. */
  readonly end: (person: Person) => boolean
  readonly isEnded: (tokenId: string) => boolean
}

export function createEndedTokens({ clock, tokensMax }: { clock: Clock; tokensMax: number }): EndedTokens {
  const expiryMsByToken = new Map<string, number>()

  function forgetExpired(nowMs: number): void {
    for (const [tokenId, expiryMs] of expiryMsByToken) if (expiryMs <= nowMs) expiryMsByToken.delete(tokenId)
  }

  return {
    end({ tokenId, expiresAt }) {
      // Forgetting an ended token early would revive it: a full list refuses instead.
      if (expiryMsByToken.size >= tokensMax) forgetExpired(clock().getTime())
      if (expiryMsByToken.size >= tokensMax) return false
      expiryMsByToken.set(tokenId, expiresAt.getTime())
      return true
    },
    isEnded: (tokenId) => expiryMsByToken.has(tokenId),
  }
}
