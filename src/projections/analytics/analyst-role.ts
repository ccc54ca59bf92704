/** Keeps the role that analysts' logins are members of: it may read schema `analytics`, and nothing else. */
import { readFile } from 'node:fs/promises'
import type { Connection } from '../connection.ts'

export const ANALYST_ROLE = 'emberlog_analyst'

const MAKE_ROLE = new URL('../sql/analytics/role.sql', import.meta.url)

/** Makes the role unless it is there; false when it is not and this user may not make it. */
export async function ensureAnalystRole(connection: Connection): Promise<boolean> {
  if (await hasAnalystRole(connection)) return true
  await connection.script(await readFile(MAKE_ROLE, 'utf8'))
  return hasAnalystRole(connection)
}

/** True when the role can read every view there is. */
export async function isGrantedToAnalysts(connection: Pick<Connection, 'query'>): Promise<boolean> {
  const [found] = await connection.query<{ isGranted: boolean }>(
    `select has_schema_privilege($1, 'analytics', 'usage')
      and coalesce(
        (
          select bool_and(has_table_privilege($1, format('%I.%I', schemaname, viewname), 'select'))
          from pg_views
          where schemaname = 'analytics'
        ),
        true
      ) as "isGranted"`,
    [ANALYST_ROLE],
  )
  return found?.isGranted === true
}

/** Lets the role read what is there now; without the role, nothing. */
export async function grantToAnalysts(connection: Connection): Promise<void> {
  if (!(await hasAnalystRole(connection))) return
  await connection.script(
    `grant usage on schema analytics to ${ANALYST_ROLE};
    grant select on all tables in schema analytics to ${ANALYST_ROLE};
    grant execute on all functions in schema analytics to ${ANALYST_ROLE}`,
  )
}

async function hasAnalystRole(connection: Pick<Connection, 'query'>): Promise<boolean> {
  const [found] = await connection.query('select from pg_roles where rolname = $1', [ANALYST_ROLE])
  return found !== undefined
}
