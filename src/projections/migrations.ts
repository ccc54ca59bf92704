/** Brings the fixed part of the database, everything that no rebuild touches, to the state this program needs; forward only. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { Fault } from '../shared/failures.ts'
import type { Logger } from '../shared/logger.ts'
import { migrationLock } from './advisory-locks.ts'
import type { Connection, TransactionOptions } from './connection.ts'

interface Migration {
  readonly number: number
  readonly name: string
  readonly text: string
  readonly checksum: string
}

/** A schema that no rebuild touches, and the directory of numbered files that makes it. */
export interface MigrationSet {
  readonly schema: string
  readonly directory: URL
}

export const CONTROL_MIGRATIONS: MigrationSet = {
  schema: 'emberlog',
  directory: new URL('./sql/control/', import.meta.url),
}
const FILE_NAME = /^(\d{4})-[a-z0-9-]+\.sql$/

/**
 * Applies what is missing, all or nothing; processes that start together wait for each other.
 * Throws `migration-changed` when an applied file is not what it was, `database-newer` when this program is too old.
 */
export async function migrate(
  connection: Connection,
  logger: Logger,
  { schema, directory }: MigrationSet,
): Promise<void> {
  const migrations = await readMigrations(directory)
  await connection.transaction(async () => {
    await beginMigrating(connection)
    await connection.script(
      `create schema if not exists ${schema};
      create table if not exists ${schema}.migration (
        number integer primary key,
        name text not null,
        checksum text not null,
        applied_at timestamptz(3) not null default now()
      )`,
    )
    const applied = await connection.query<Omit<Migration, 'text'>>(
      `select number, name, checksum from ${schema}.migration order by number`,
    )
    refuseForeign(applied, migrations)
    for (const { number, name, text, checksum } of migrations.slice(applied.length)) {
      logger.info({ schema, migration: name }, 'migrating')
      await connection.script(text)
      await connection.query(`insert into ${schema}.migration (number, name, checksum) values ($1, $2, $3)`, [
        number,
        name,
        checksum,
      ])
      logger.info({ schema, migration: name }, 'migrated')
    }
  }, MIGRATING)
}

/** Options of a transaction that changes the schema. */
export const MIGRATING: TransactionOptions = { mayTakeLong: true }

/** For a transaction that changes the schema: one at a time, and as long as it takes. */
export async function beginMigrating(connection: Connection): Promise<void> {
  await connection.script('set local lock_timeout = 0')
  await connection.query('select pg_advisory_xact_lock($1, $2)', migrationLock)
}

/** The statements of a directory's numbered files, in order. */
async function readMigrations(directory: URL): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => FILE_NAME.test(name)).sort()
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(new URL(name, directory), 'utf8')
      const checksum = createHash('sha256').update(text).digest('hex')
      return { number: Number(name.slice(0, 4)), name, text, checksum }
    }),
  )
}

function refuseForeign(applied: readonly Omit<Migration, 'text'>[], known: readonly Migration[]): void {
  for (const [index, { number, name, checksum }] of applied.entries()) {
    const file = known[index]
    if (file === undefined) throw new Fault('database-newer', { migration: name })
    if (file.number !== number || file.checksum !== checksum) throw new Fault('migration-changed', { migration: name })
  }
}
