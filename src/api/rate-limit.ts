/** Lets each key act at a steady rate with bursts, remembering one number a key (the generic cell rate algorithm). */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../shared/clock.ts'

export interface RateLimit {
  /** Takes one; 0 when it was granted, else the milliseconds until one would be. A denied try costs nothing. */
  readonly take: (key: string) => number
}

export interface RateLimitOptions {
  readonly perMinute: number
  /** Keys remembered; the least recently seen is forgotten first, which only ever is in its favour. */
  readonly keysMax: number
  readonly clock: Clock
}

/** A full burst is a whole minute's worth. */
export function createRateLimit({ perMinute, keysMax, clock }: RateLimitOptions): RateLimit {
  const msEach = 60_000 / perMinute
  const toleranceMs = 60_000 - msEach
  /** When each key's past takes would have been due at the steady rate. */
  const dueMs = new LRUCache<string, number>({ max: keysMax })
  return {
    take(key) {
      const nowMs = clock().getTime()
      const due = Math.max(dueMs.get(key) ?? nowMs, nowMs)
      const waitMs = Math.ceil(due - toleranceMs - nowMs)
      if (waitMs > 0) return waitMs
      dueMs.set(key, due + msEach)
      return 0
    },
  }
}
