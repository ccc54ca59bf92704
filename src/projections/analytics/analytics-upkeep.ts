/** Brings schema `analytics` and its role up to this program's version when it starts, without waiting for a rebuild. */
import { isFault } from '../../shared/failures.ts'
import type { Logger } from '../../shared/logger.ts'
import { pause } from '../../shared/waiting.ts'
import type { Connection } from '../connection.ts'
import { findLiveGeneration } from '../generations.ts'
import { beginMigrating, MIGRATING } from '../migrations.ts'
import { PROJECTORS_VERSION } from '../projectors.ts'
import { ANALYST_ROLE, ensureAnalystRole, grantToAnalysts, isGrantedToAnalysts } from './analyst-role.ts'
import {
  type AnalyticsDefinition,
  hideAnalytics,
  isAnalyticsShown,
  readAnalyticsDefinition,
  showAnalytics,
} from './analytics-schema.ts'

const ATTEMPTS_MAX = 5
const RETRY_MS = 200
const LOCK_MS_MAX = 100

/**
 * What analysts find. `waiting` while the live read models are of other projectors: the views follow when they are replaced.
 * `no role`: this database user may not make roles, so that an administrator has to.
 */
export type AnalystAccess = 'ready' | 'waiting' | 'no role'

export async function ensureAnalytics(connection: Connection, logger: Logger): Promise<AnalystAccess> {
  const hasRole = await ensureAnalystRole(connection)
  if (!hasRole) {
    logger.warn(
      { role: ANALYST_ROLE },
      'may not make the role of analysts; an administrator can, see docs/analytics.md',
    )
  }
  const definition = await readAnalyticsDefinition()
  for (let attempt = 1; ; attempt += 1) {
    try {
      return (await bringUpToDate(connection, definition, hasRole)) ? (hasRole ? 'ready' : 'no role') : 'waiting'
    } catch (error) {
      // Somebody reads the old views for long: no reason not to start.
      if (!isFault(error, 'database-busy')) throw error
      logger.warn({ attempt, reason: String(error) }, 'the views of analysts are in use, leaving the old ones in place')
      if (attempt === ATTEMPTS_MAX) return 'waiting'
      await pause(RETRY_MS)
    }
  }
}

/** False while the live read models are of other projectors. */
async function bringUpToDate(
  connection: Connection,
  definition: AnalyticsDefinition,
  hasRole: boolean,
): Promise<boolean> {
  const isCurrent = async () => isAnalyticsShown(connection, definition)
  if ((await isCurrent()) && (!hasRole || (await isGrantedToAnalysts(connection)))) return true
  return connection.transaction(async () => {
    await beginMigrating(connection)
    await connection.script(`set local lock_timeout = ${LOCK_MS_MAX}`)
    const live = await findLiveGeneration(connection)
    if (live?.projectorsVersion !== PROJECTORS_VERSION) return false
    if (!(await isCurrent())) {
      await hideAnalytics(connection)
      await showAnalytics(connection, definition)
    }
    await grantToAnalysts(connection)
    return true
  }, MIGRATING)
}
