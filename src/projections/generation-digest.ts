/** One short text for all rows of each read model of a generation: equal digests mean equal rows. */
import type { Connection } from './connection.ts'
import { readModels } from './projectors.ts'
import { columnNames } from './read-model.ts'

export interface ReadModelDigest {
  readonly rows: bigint
  /** All rows' hashes combined by exclusive or: independent of their order; no two rows are equal, as each has a key. */
  readonly hash: string
}

/** A hash of 64 bits for each of these seeds. */
const HALVES = [0, 1]

/** By the name of the read model. */
export type GenerationDigest = Readonly<Record<string, ReadModelDigest>>

/**
 * Reads every row once, and no value as text: that would take most of the time. Run it in one snapshot, or while nothing is written,
 * to compare generations at the same position. A read model that another version of the projectors shaped otherwise has no digest,
 * so it differs from every other.
 */
export async function digestOfGeneration(
  connection: Pick<Connection, 'query'>,
  schema: string,
): Promise<GenerationDigest> {
  const digest: Record<string, ReadModelDigest> = {}
  const columns = await columnsIn(connection, schema)
  for (const model of readModels) {
    const names = columnNames(model)
    if (!names.every((name) => columns.has(`${model.name}.${name}`))) continue
    const row = `row(${names.join(', ')})`
    const [found] = await connection.query<ReadModelDigest>(
      `select count(*) as rows, ${HALVES.map((half) => `coalesce(bit_xor(hash_record_extended(${row}, ${half})), 0)`).join(" || '/' || ")} as hash
      from ${schema}.${model.name}`,
    )
    digest[model.name] = found ?? { rows: 0n, hash: '0/0' }
  }
  return digest
}

/** As `table.column`. */
async function columnsIn(connection: Pick<Connection, 'query'>, schema: string): Promise<ReadonlySet<string>> {
  const columns = await connection.query<{ name: string }>(
    `select model || '.' || attname as name
    from unnest($1::text[]) as model
      join pg_attribute on attrelid = to_regclass($2 || '.' || model)
    where attnum > 0
      and not attisdropped`,
    [readModels.map(({ name }) => name), schema],
  )
  return new Set(columns.map(({ name }) => name))
}

/** The read models whose rows differ. */
export function differingModels(one: GenerationDigest, other: GenerationDigest): string[] {
  return readModels
    .map(({ name }) => name)
    .filter(
      (name) => one[name] === undefined || one[name].hash !== other[name]?.hash || one[name].rows !== other[name].rows,
    )
}
