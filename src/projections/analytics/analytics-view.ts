/** Describes what analysts see, once: the comments in Postgres, the data dictionary and the export all work from it. */

export type AnalyticsType =
  | 'uuid'
  | 'text'
  | 'boolean'
  | 'integer'
  | 'bigint'
  | 'double precision'
  | 'numeric'
  | 'date'
  | 'timestamptz'

export interface AnalyticsColumn {
  readonly type: AnalyticsType
  /** One sentence for analysts. */
  readonly about: string
}

/** A view of schema `analytics`; its statement is in `sql/analytics/<name>.sql`. */
export interface AnalyticsView {
  readonly name: string
  readonly about: string
  /** The columns that name a row, never null; the order of an export. The first is a time or a day. */
  readonly key: readonly string[]
  readonly columns: Readonly<Record<string, AnalyticsColumn>>
}

/** A function of schema `analytics`; its statement is in `sql/analytics/<name>.sql`. */
export interface AnalyticsFunction {
  readonly name: string
  /** As Postgres names it: the types of its arguments tell it from others of the same name. */
  readonly argumentTypes: string
  /** How it is called, for people. */
  readonly usage: string
  readonly about: string
}

export const columnOf = (type: AnalyticsType, about: string): AnalyticsColumn => ({ type, about })

/** The keys that facts are joined by. */
export const keyColumns = {
  turn: columnOf('uuid', 'The turn, under a pseudonym that is the same in every view.'),
  conversation: columnOf('uuid', 'The conversation, under a pseudonym that is the same in every view.'),
  person: columnOf('uuid', 'The person, under a pseudonym that is the same in every view.'),
} as const

export const dayColumn = columnOf('date', 'The day on which the turns were asked, in UTC.')
