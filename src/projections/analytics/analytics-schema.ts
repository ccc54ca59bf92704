/** Puts the views and functions of schema `analytics` in place over the live read models, in the transaction that shows those. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Connection } from '../connection.ts'
import { quoted } from '../read-model.ts'
import { grantToAnalysts } from './analyst-role.ts'
import { analyticsFunctions, analyticsViews } from './analytics-catalogue.ts'
import type { AnalyticsFunction, AnalyticsView } from './analytics-view.ts'

/** Statements that make everything in an empty schema, and what tells them from those of another version. */
export interface AnalyticsDefinition {
  readonly statements: string
  readonly checksum: string
}

const DIRECTORY = new URL('../sql/analytics/', import.meta.url)

export async function readAnalyticsDefinition(): Promise<AnalyticsDefinition> {
  const parts = [
    readStatement('foundation'),
    ...analyticsViews.map(viewStatements),
    ...analyticsFunctions.map(functionStatements),
  ]
  const statements = (await Promise.all(parts)).join('\n')
  return { statements, checksum: createHash('sha256').update(statements).digest('hex') }
}

/** True when exactly this definition is in place, and nothing of it is missing. */
export async function isAnalyticsShown(
  connection: Pick<Connection, 'query'>,
  { checksum }: AnalyticsDefinition,
): Promise<boolean> {
  const [found] = await connection.query<{ views: bigint }>(
    `select count(*) as views
    from emberlog.shown_analytics
      join pg_views on schemaname = 'analytics'
    where checksum = $1
      and viewname = any ($2::text[])`,
    [checksum, analyticsViews.map(({ name }) => name)],
  )
  return found?.views === BigInt(analyticsViews.length)
}

/**
 * Removes what stands on the read models, so that they can take another shape. Takes with it what others built upon it, in
 * whatever schema. Inside a transaction that began migrating.
 */
export async function hideAnalytics(connection: Connection): Promise<void> {
  await connection.script(`do $$
    declare
      command text;
    begin
      for command in
        select format('drop view if exists %I.%I cascade', schemaname, viewname)
        from pg_views
        where schemaname = 'analytics'
          or (schemaname = 'emberlog' and viewname = 'turn_fact')
        union all
        select format('drop function if exists %s cascade', oid::regprocedure)
        from pg_proc
        where pronamespace = 'analytics'::regnamespace
      loop
        execute command;
      end loop;
    end
    $$;
    delete from emberlog.shown_analytics`)
}

/** Makes everything anew, on the read models as `chat` shows them. Inside a transaction that began migrating, after hiding. */
export async function showAnalytics(connection: Connection, definition: AnalyticsDefinition): Promise<void> {
  await connection.script(definition.statements)
  await connection.query('insert into emberlog.shown_analytics (checksum) values ($1)', [definition.checksum])
  await grantToAnalysts(connection)
}

async function viewStatements({ name, about, columns }: AnalyticsView): Promise<string> {
  return [
    `create view analytics.${name} as\n${await readStatement(name)};`,
    `comment on view analytics.${name} is ${quoted(about)};`,
    ...Object.entries(columns).map(
      ([column, described]) => `comment on column analytics.${name}.${column} is ${quoted(described.about)};`,
    ),
  ].join('\n')
}

async function functionStatements({ name, argumentTypes, about }: AnalyticsFunction): Promise<string> {
  const signature = `analytics.${name}(${argumentTypes})`
  return [
    await readStatement(name),
    `comment on function ${signature} is ${quoted(about)};`,
    `revoke execute on function ${signature} from public;`,
  ].join('\n')
}

function readStatement(name: string): Promise<string> {
  return readFile(new URL(`${name}.sql`, DIRECTORY), 'utf8')
}
