/** What the parts of a node say of themselves to whoever asks whether it is ready. */
import type { ReadinessPart } from '../api/api-parts.ts'
import type { AnalystAccess } from '../projections/analytics/analytics-upkeep.ts'
import type { ProjectionWriter } from '../projections/projection-writer.ts'

export function recordReadiness(isReady: boolean): ReadinessPart {
  return { name: 'record', isReady, detail: isReady ? 'answers' : 'does not answer, trying again' }
}

export function projectorReadiness(writer: ProjectionWriter): ReadinessPart {
  const { state, behindMs, parkedStreams, reason } = writer.status()
  const details = [
    state,
    reason,
    behindMs > 0 && `${behindMs} ms behind`,
    parkedStreams > 0 && `${parkedStreams} streams parked`,
  ]
  const isReady = state === 'live' || state === 'standby' || state === 'catching up'
  return { name: 'projector', isReady, detail: details.filter(Boolean).join(', ') }
}

/** Analysts without a way in are no reason not to serve, but one to say so. */
export function analystReadiness(access: AnalystAccess): ReadinessPart[] {
  if (access === 'ready') return []
  const isRoleMissing = access === 'no role'
  const detail = isRoleMissing ? 'role emberlog_analyst is missing: docs/analytics.md' : 'views follow the next rebuild'
  return [{ name: 'analysts', isReady: true, detail }]
}
