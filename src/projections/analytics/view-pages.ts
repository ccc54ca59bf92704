/** Reads a view of schema `analytics` from beginning to end, page by page; no connection is held between two pages. */
import type { Database } from '../database.ts'
import type { AnalyticsColumn, AnalyticsType, AnalyticsView } from './analytics-view.ts'

/** A row as read: bigint as `bigint`, times as `Date`, days as text, amounts as text, null as null. */
export type ViewRow = Readonly<Record<string, unknown>>

export interface ReadView {
  readonly database: Pick<Database, 'queries'>
  readonly view: AnalyticsView
  /** Rows whose first key column, a time or the beginning of a day in UTC, is not before this. */
  readonly from?: Date
  /** And before this. */
  readonly to?: Date
}

const PAGE_ROWS = 5_000

/** In the order of the view's key. Each page is one statement, without a limit of time: a summary counts every turn. */
export async function* readViewPages(options: ReadView): AsyncGenerator<readonly ViewRow[]> {
  const { database, view } = options
  let last: ViewRow | undefined
  for (;;) {
    const { text, values } = pageStatement(options, last)
    const rows = await database.queries.withConnection((connection) =>
      connection.transaction(() => connection.query<ViewRow>(text, values), { mayTakeLong: true }),
    )
    if (rows.length > 0) yield rows
    if (rows.length < PAGE_ROWS) return
    last = rows.at(-1)
    if (last === undefined || view.key.some((column) => last?.[column] === null)) return
  }
}

/** How many rows there are now; for showing how far an export has come. */
export async function countViewRows({ database, view, from, to }: ReadView): Promise<number> {
  const values: unknown[] = []
  const text = `select count(*)::integer as count from analytics.${view.name} ${whereOf(rangeConditions(view, { from, to }, values))}`
  const [row] = await database.queries.withConnection((connection) =>
    connection.transaction(() => connection.query<{ count: number }>(text, values), { mayTakeLong: true }),
  )
  return row?.count ?? 0
}

function pageStatement({ view, from, to }: ReadView, last: ViewRow | undefined): { text: string; values: unknown[] } {
  const values: unknown[] = []
  const conditions = rangeConditions(view, { from, to }, values)
  if (last !== undefined) {
    const places = view.key.map((column) => `$${values.push(sent(last[column]))}::${typeOf(view, column)}`)
    conditions.push(`(${view.key.join(', ')}) > (${places.join(', ')})`)
  }
  const columns = Object.entries(view.columns).map(([name, { type }]) => readable(name, type))
  return {
    text: `select ${columns.join(', ')}
      from analytics.${view.name}
      ${whereOf(conditions)}
      order by ${view.key.map((column) => `${view.name}.${column}`).join(', ')}
      limit ${PAGE_ROWS}`,
    values,
  }
}

function rangeConditions(
  view: AnalyticsView,
  { from, to }: { readonly from: Date | undefined; readonly to: Date | undefined },
  values: unknown[],
): string[] {
  const [time] = view.key as [string]
  // A day is compared by its number, so that the session's time zone has no say.
  const place = (moment: Date) => {
    const isDay = typeOf(view, time) === 'date'
    return isDay ? `$${values.push(dayFrom(moment))}::date` : `$${values.push(moment)}::timestamptz`
  }
  return [
    ...(from === undefined ? [] : [`${time} >= ${place(from)}`]),
    ...(to === undefined ? [] : [`${time} < ${place(to)}`]),
  ]
}

const DAY_MS = 86_400_000

/** The first day that begins at this moment or later. */
function dayFrom(moment: Date): string {
  return new Date(Math.ceil(moment.getTime() / DAY_MS) * DAY_MS).toISOString().slice(0, 10)
}

function whereOf(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`
}

function typeOf(view: AnalyticsView, column: string): AnalyticsType {
  return (view.columns[column] as AnalyticsColumn).type
}

/** A day as text: the driver would make it midnight somewhere. */
function readable(name: string, type: AnalyticsType): string {
  return type === 'date' ? `${name}::text as ${name}` : name
}

function sent(value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
