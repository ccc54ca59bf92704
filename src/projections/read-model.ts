/** Describes a read model's table once: the writer, the data dictionary and the digests all work from it. */
export type ColumnType =
  | 'uuid'
  | 'text'
  | 'boolean'
  | 'integer'
  | 'bigint'
  | 'double precision'
  | 'timestamptz'
  | 'jsonb'

export interface Column {
  readonly type: ColumnType
  /** One sentence for analysts. */
  readonly about: string
  /** Holds what people or models wrote, in their words: shown to auditors only where they ask for content. */
  readonly isContent?: true
}

/** Columns are named like the fields of the row, in snake case. Times are ISO 8601 text in UTC with milliseconds. */
export interface ReadModel<Row extends object = object> {
  readonly name: string
  readonly about: string
  /** The fields that name a row; the first is always the id of the conversation or the person, which stands in the stream's name. */
  readonly key: readonly (keyof Row & string)[]
  readonly columns: { readonly [Field in keyof Row & string]: Column }
  /** Columns that Postgres itself derives from the others, by their names in Postgres. */
  readonly derived?: Readonly<Record<string, Omit<Column, 'type'> & { readonly type: 'tsvector' }>>
}

export function columnName(field: string): string {
  return field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** The column that holds the id of the conversation or the person. */
export function streamColumn(model: ReadModel): string {
  const [first] = model.key.map(columnName)
  return first as string
}

export function columnNames(model: ReadModel): string[] {
  return Object.keys(model.columns).map(columnName)
}

/** All columns that readers see: name, type and meaning, in order. */
export function shownColumns(model: ReadModel): { name: string; type: string; about: string }[] {
  return [
    ...columnsOf(model).map(([field, column]) => ({ name: columnName(field), ...column })),
    ...Object.entries(model.derived ?? {}).map(([name, column]) => ({ name, ...column })),
  ]
}

/** Fields and their columns, in order. */
export function columnsOf(model: ReadModel): [string, Column][] {
  return Object.entries(model.columns) as [string, Column][]
}

/** As a text in a statement that takes no values, such as a comment. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
