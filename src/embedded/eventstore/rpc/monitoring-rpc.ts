/** Monitoring/Stats: figures about the node, now and then again after each period. */
import { setTimeout as wait } from 'node:timers/promises'
import type { AccessControl } from '../access/access-control.ts'
import { LIMITS } from '../limits.ts'
import { flatStatistics, type NodeStatistics } from '../operations/node-statistics.ts'
import { decodeStatsRequest, encodeStats } from '../protocol/operations-messages.ts'
import type { RpcHandler } from '../transport/grpc-call.ts'

export interface MonitoringContext {
  readonly access: AccessControl
  readonly statistics: () => NodeStatistics
}

export function statsRpc({ access, statistics }: MonitoringContext): RpcHandler {
  return async (call) => {
    const { periodMs = LIMITS.statsPeriodMs } = decodeStatsRequest(await call.request())
    access.authorizeNode(call.principal, 'monitoring/stats')
    const waitMs = Math.min(Math.max(periodMs, LIMITS.statsPeriodMsMin), LIMITS.statsPeriodMsMax)
    const over = new AbortController()
    call.onClose(() => over.abort())
    while (call.isOpen) {
      call.send(encodeStats(flatStatistics(statistics())))
      if (!(await call.writable())) return
      await wait(waitMs, undefined, { signal: over.signal, ref: false }).catch(() => {}) // Woken by the end of the call.
    }
  }
}
