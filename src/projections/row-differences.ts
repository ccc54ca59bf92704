/** Names the rows of one read model that are not the same in two schemas: key by key, and which columns. */
import type { Connection } from './connection.ts'
import { type Column, columnName, columnsOf, type ReadModel, streamColumn } from './read-model.ts'

export interface RowDifference {
  readonly table: string
  /** `changed`: other values than the record gives; `missing`: not there; `extra`: nothing in the record gives it. */
  readonly kind: 'changed' | 'missing' | 'extra'
  /** Names of columns, and their values as text. */
  readonly key: Readonly<Record<string, string>>
  /** Of a changed row. */
  readonly columns: readonly ColumnDifference[]
}

export interface ColumnDifference {
  readonly name: string
  /** As it stands in the live row, as text; null where it is empty. Left out with `isWithheld`. */
  readonly found?: string | null
  /** As the record gives it. */
  readonly expected?: string | null
  /** It holds somebody's words, and only what happened was asked for. */
  readonly isWithheld?: true
}

export interface ComparedSchemas {
  readonly live: string
  readonly record: string
}

/** Rows that are held in memory at once. */
const ROWS_AT_ONCE = 200
const CURSOR = 'row_difference'

/**
 * Yields in the order of the key. Both sides are joined and sorted by the server, which puts what is too large for memory into
 * files. Inside a transaction; values are compared as the text that the server writes, as digests are.
 */
export async function* differingRows(
  connection: Pick<Connection, 'query' | 'script'>,
  model: ReadModel,
  schemas: ComparedSchemas,
  { isContentShown }: { readonly isContentShown: boolean },
): AsyncGenerator<RowDifference> {
  await connection.script(`declare ${CURSOR} no scroll cursor for ${differenceQuery(model, schemas, isContentShown)}`)
  const columns = columnsOf(model)
  const keys = model.key.map(columnName)
  for (;;) {
    const rows = await connection.query<DifferingRow>(`fetch ${ROWS_AT_ONCE} from ${CURSOR}`)
    for (const row of rows) yield toDifference(model.name, keys, columns, row, isContentShown)
    if (rows.length < ROWS_AT_ONCE) break
  }
  await connection.script(`close ${CURSOR}`)
}

interface DifferingRow {
  readonly kind: RowDifference['kind']
  readonly key: readonly string[]
  /** By column, in order. */
  readonly differs: readonly boolean[]
  readonly found: readonly (string | null)[]
  readonly expected: readonly (string | null)[]
}

function differenceQuery(model: ReadModel, { live, record }: ComparedSchemas, isContentShown: boolean): string {
  const keys = model.key.map(columnName)
  const columns = columnsOf(model).map(([field, { isContent }]) => ({
    name: columnName(field),
    isShown: isContentShown || isContent !== true,
  }))
  const first = streamColumn(model)
  const differs = (name: string) => `live.${name}::text is distinct from record.${name}::text`
  const values = (side: string) =>
    columns.map(({ name, isShown }) => (isShown ? `case when ${differs(name)} then ${side}.${name}::text end` : 'null'))
  return `select
      case when record.${first} is null then 'extra' when live.${first} is null then 'missing' else 'changed' end as kind,
      array[${keys.map((key) => `${key}::text`).join(', ')}] as key,
      array[${columns.map(({ name }) => differs(name)).join(', ')}] as differs,
      array[${values('live').join(', ')}]::text[] as found,
      array[${values('record').join(', ')}]::text[] as expected
    from ${live}.${model.name} as live
      full join ${record}.${model.name} as record using (${keys.join(', ')})
    where ${columns.map(({ name }) => differs(name)).join('\n      or ')}
    order by ${keys.join(', ')}`
}

function toDifference(
  table: string,
  keys: readonly string[],
  columns: readonly [string, Column][],
  { kind, key, differs, found, expected }: DifferingRow,
  isContentShown: boolean,
): RowDifference {
  const changed = columns.flatMap(([field, { isContent }], index): ColumnDifference[] => {
    if (kind !== 'changed' || differs[index] !== true) return []
    const name = columnName(field)
    if (isContent === true && !isContentShown) return [{ name, isWithheld: true }]
    return [{ name, found: found[index] ?? null, expected: expected[index] ?? null }]
  })
  return { table, kind, key: Object.fromEntries(keys.map((name, index) => [name, key[index] ?? ''])), columns: changed }
}
