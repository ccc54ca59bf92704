/** Writes rows as CSV (RFC 4180): a line of names, CRLF, quotes where needed; nothing for null, "" for an empty text. */
import type { FileHandle } from 'node:fs/promises'
import type { AnalyticsView } from '../projections/analytics/analytics-view.ts'
import type { ViewRow } from '../projections/analytics/view-pages.ts'
import type { TableFile } from './table-file.ts'

const LINE_END = '\r\n'

export async function openCsvFile(file: FileHandle, view: AnalyticsView): Promise<TableFile> {
  const names = Object.keys(view.columns)
  await file.appendFile(`${names.join(',')}${LINE_END}`)
  return {
    write: async (rows) => {
      await file.appendFile(
        rows.map((row) => `${names.map((name) => cellOf(row, name)).join(',')}${LINE_END}`).join(''),
      )
    },
    finish: async () => {},
  }
}

function cellOf(row: ViewRow, name: string): string {
  const value = row[name]
  if (value === null || value === undefined) return ''
  const text = value instanceof Date ? value.toISOString() : String(value)
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
