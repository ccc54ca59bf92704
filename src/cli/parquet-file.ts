/** Writes rows as Apache Parquet, in groups of rows, each flushed to the file before the next is collected. */
import type { FileHandle } from 'node:fs/promises'
import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer'
import type { AnalyticsType, AnalyticsView } from '../projections/analytics/analytics-view.ts'
import type { ViewRow } from '../projections/analytics/view-pages.ts'
import type { TableFile } from './table-file.ts'

const GROUP_ROWS = 20_000

interface ColumnForm {
  /** Its kind in the file: how it is stored, and what that stands for. */
  readonly element: Pick<SchemaElement, 'type' | 'converted_type'>
  readonly toValue: (value: unknown) => unknown
}

const asIs = (value: unknown) => value

/** Amounts become double precision: enough for sums of money, and every tool reads it. */
const forms: Record<AnalyticsType, ColumnForm> = {
  uuid: { element: { type: 'BYTE_ARRAY', converted_type: 'UTF8' }, toValue: asIs },
  text: { element: { type: 'BYTE_ARRAY', converted_type: 'UTF8' }, toValue: asIs },
  boolean: { element: { type: 'BOOLEAN' }, toValue: asIs },
  integer: { element: { type: 'INT32' }, toValue: asIs },
  bigint: { element: { type: 'INT64' }, toValue: asIs },
  'double precision': { element: { type: 'DOUBLE' }, toValue: asIs },
  numeric: { element: { type: 'DOUBLE' }, toValue: Number },
  date: {
    element: { type: 'INT32', converted_type: 'DATE' },
    toValue: (day) => new Date(`${day}T00:00:00.000Z`),
  },
  timestamptz: { element: { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' }, toValue: asIs },
}

export async function openParquetFile(file: FileHandle, view: AnalyticsView): Promise<TableFile> {
  const columns = Object.entries(view.columns).map(([name, { type }]) => ({ name, ...forms[type] }))
  const schema: SchemaElement[] = [
    { name: 'root', num_children: columns.length },
    ...columns.map(({ name, element }) => ({ name, repetition_type: 'OPTIONAL' as const, ...element })),
  ]
  const bytes = new ByteWriter()
  const writer = new ParquetWriter({ writer: bytes, schema, createdBy: 'emberlog' })
  let group: ViewRow[] = []

  const flushBytes = async () => {
    await file.appendFile(new Uint8Array(bytes.buffer, 0, bytes.index))
    bytes.index = 0
  }
  const writeGroup = async () => {
    const columnData = columns.map(({ name, toValue }) => ({
      name,
      data: group.map((row) => (row[name] === null ? null : toValue(row[name]))),
    }))
    await writer.write({ columnData, rowGroupSize: GROUP_ROWS })
    group = []
    await flushBytes()
  }
  return {
    async write(rows) {
      group.push(...rows)
      if (group.length >= GROUP_ROWS) await writeGroup()
    },
    async finish() {
      if (group.length > 0) await writeGroup()
      await writer.finish()
      await flushBytes()
    },
  }
}
