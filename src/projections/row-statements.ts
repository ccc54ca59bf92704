/** Reads and writes whole sets of rows in single statements. */

import type { Rows } from './batch-rows.ts'
import type { Connection } from './connection.ts'
import { readModels } from './projectors.ts'
import { type ColumnType, columnName, columnNames, columnsOf, type ReadModel } from './read-model.ts'

type Cell = string | number | boolean | null

/** Loads the stored rows that are wanted, each read model in one statement; what does not exist stays undefined. */
export async function loadRows(query: Connection['prepared'], schema: string, rows: Rows): Promise<void> {
  for (const model of readModels) {
    const ofModel = rows.of(model.name)
    const wanted = [...ofModel.wanted]
    if (wanted.length === 0) continue
    const found = await query<Record<string, unknown>>(loadStatement(schema, model), [
      wanted.map(({ streamId }) => streamId),
      ...(model.key.length > 1 ? [wanted.map(({ name }) => name)] : []),
    ])
    for (const columns of found) {
      const row = fromColumns(model, columns)
      const [streamId = '', name = ''] = model.key.map((field) => String(row[field]))
      ofModel.load(ofModel.at(streamId, name), row)
    }
  }
}

/** The part of a statement that stores rows of one read model; values are numbered from `firstValue`. */
export function storeClause(
  schema: string,
  model: ReadModel,
  rows: readonly object[],
  firstValue: number,
): { text: (from: string) => string; values: Cell[][] } {
  const fields = columnsOf(model).map(([field, { type }]) => ({ field, type, name: columnName(field) }))
  const keys = model.key.map(columnName)
  const names = fields.map(({ name }) => name)
  const arrays = fields.map(({ type }, index) => `$${firstValue + index}::${type}[]`)
  const changes = names.filter((name) => !keys.includes(name)).map((name) => `${name} = excluded.${name}`)
  return {
    text: (from) => `insert into ${schema}.${model.name} (${names.join(', ')})
      select new_row.*
      from ${from}, unnest(${arrays.join(', ')}) as new_row
      on conflict (${keys.join(', ')}) do update set ${changes.join(', ')}`,
    values: fields.map(({ field, type }) => rows.map((row) => toCell((row as Record<string, unknown>)[field], type))),
  }
}

/** Copies rows into a table that holds none of them yet. */
export function copyText(schema: string, model: ReadModel): string {
  return `copy ${schema}.${model.name} (${columnNames(model).join(', ')}) from stdin`
}

/** Rows as text for COPY, a line for each. */
export function copiedLines(model: ReadModel, rows: readonly object[]): string {
  const fields = columnsOf(model)
  const cells: string[] = []
  // Joined at once: adding piece by piece makes a tree of pieces, which costs more than the text.
  const lineOf = (row: Readonly<Record<string, unknown>>) => {
    let index = 0
    for (const [field, { type }] of fields) {
      cells[index] = toCopied(toCell(row[field], type))
      index += 1
    }
    return cells.join('\t')
  }
  return `${rows.map((row) => lineOf(row as Readonly<Record<string, unknown>>)).join('\n')}\n`
}

const COPIED_SPECIALS = /[\\\n\r\t]/
const copiedSpecials: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function toCopied(cell: Cell): string {
  if (cell === null) return '\\N'
  if (typeof cell !== 'string') return String(cell)
  return COPIED_SPECIALS.test(cell)
    ? cell.replaceAll(/[\\\n\r\t]/g, (special) => copiedSpecials[special] ?? special)
    : cell
}

function loadStatement(schema: string, model: ReadModel): string {
  const types = Object.fromEntries(columnsOf(model).map(([field, { type }]) => [field, type]))
  const keys = model.key.map(columnName).join(', ')
  const arrays = model.key.map((field, index) => `$${index + 1}::${types[field]}[]`).join(', ')
  return `select ${columnNames(model).join(', ')}
    from ${schema}.${model.name}
    where (${keys}) in (select * from unnest(${arrays}))`
}

function fromColumns(model: ReadModel, columns: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(model.columns).map((field) => {
      const value = columns[columnName(field)]
      return [field, value instanceof Date ? value.toISOString() : value]
    }),
  )
}

function toCell(value: unknown, type: ColumnType): Cell {
  if (value === null || value === undefined) return null
  if (type === 'jsonb') return JSON.stringify(value)
  return typeof value === 'bigint' ? value.toString() : (value as Cell)
}
