/** Lets few heavy queries run at a time, so that figures never take the connections that chatting people need. */
import { Fault } from '../../shared/failures.ts'

export interface GateLimits {
  readonly runningMax: number
  readonly waitingMax: number
}

export type Gate = <Value>(work: () => Promise<Value>) => Promise<Value>

/** In order of arrival; throws `database-busy` when too many wait already. */
export function createQueryGate({ runningMax, waitingMax }: GateLimits): Gate {
  const waiting: (() => void)[] = []
  let running = 0
  return async (work) => {
    if (running >= runningMax) {
      if (waiting.length >= waitingMax) throw new Fault('database-busy', { doing: 'waiting to count', waitingMax })
      await new Promise<void>((resolve) => waiting.push(resolve))
    } else running += 1
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next() // The place changes hands.
    }
  }
}
