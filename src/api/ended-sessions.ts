/** Sessions that were ended before their time are remembered until they would have expired anyway. */
import type { Clock } from '../shared/clock.ts'
import type { Person } from './person.ts'
import type { EndedSession } from './session-marks.ts'

export interface EndedSessions {
  readonly add: (ended: EndedSession) => void
  readonly isEnded: (person: Person) => boolean
}

export interface EndedSessionsOptions {
  readonly clock: Clock
  /** Tokens remembered; past it the ones that have expired make room, then the oldest. */
  readonly tokensMax: number
}

export function createEndedSessions({ clock, tokensMax }: EndedSessionsOptions): EndedSessions {
  const expiryMsByToken = new Map<string, number>()
  /** People whose sessions before a moment are all ended. */
  const endedBeforeMs = new Map<string, number>()

  return {
    add(ended) {
      if (ended.kind === 'person') {
        const known = endedBeforeMs.get(ended.ownerId) ?? 0
        endedBeforeMs.set(ended.ownerId, Math.max(known, ended.begunBefore.getTime()))
        return
      }
      if (expiryMsByToken.size >= tokensMax) makeRoom(clock().getTime())
      expiryMsByToken.set(ended.tokenId, ended.expiresAt.getTime())
    },
    isEnded({ ownerId, tokenId, begunAt }) {
      return expiryMsByToken.has(tokenId) || begunAt.getTime() < (endedBeforeMs.get(ownerId) ?? 0)
    },
  }

  function makeRoom(nowMs: number): void {
    for (const [tokenId, expiryMs] of expiryMsByToken) if (expiryMs <= nowMs) expiryMsByToken.delete(tokenId)
    const [oldest] = expiryMsByToken.keys()
    if (expiryMsByToken.size >= tokensMax && oldest !== undefined) expiryMsByToken.delete(oldest)
  }
}
