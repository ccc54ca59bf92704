/** Writes views to files: each appears under its name when it is whole, and never in place of another by accident. */
import { type FileHandle, link, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import type { AnalyticsView } from '../projections/analytics/analytics-view.ts'
import { countViewRows, type ReadView, readViewPages } from '../projections/analytics/view-pages.ts'
import { Fault, isFault } from '../shared/failures.ts'
import { openCsvFile } from './csv-file.ts'
import { openParquetFile } from './parquet-file.ts'
import type { TableFile } from './table-file.ts'

export const exportFormats = ['csv', 'parquet'] as const
export type ExportFormat = (typeof exportFormats)[number]

export interface ExportParts extends Omit<ReadView, 'view'> {
  readonly directory: string
  readonly format: ExportFormat
  /** Take the place of files that are there. */
  readonly isForced: boolean
  readonly signal: AbortSignal
  readonly onProgress: (progress: ExportProgress) => void
}

export interface ExportProgress {
  readonly view: string
  readonly rows: number
  readonly rowsTotal: number
}

export interface ExportedFile {
  readonly view: string
  readonly file: string
  readonly rows: number
  readonly bytes: number
}

const opening: Record<ExportFormat, (file: FileHandle, view: AnalyticsView) => Promise<TableFile>> = {
  csv: openCsvFile,
  parquet: openParquetFile,
}

/** Makes the directory, and refuses before anything is read when a file is there: throws `export-exists` or `export-not-written`. */
export async function prepareExport(views: readonly AnalyticsView[], parts: ExportParts): Promise<void> {
  await onDisk(parts.directory, () => mkdir(parts.directory, { recursive: true }))
  if (parts.isForced) return
  for (const view of views) {
    const file = fileOf(view, parts)
    const isThere = await stat(file).then(
      () => true,
      () => false,
    )
    if (isThere) throw new Fault('export-exists', { file })
  }
}

/** Throws `export-stopped` when the signal aborts, besides what `prepareExport` throws; then no part of a file is left. */
export async function exportView(view: AnalyticsView, parts: ExportParts): Promise<ExportedFile> {
  const file = fileOf(view, parts)
  const partial = `${file}.${process.pid}.partial`
  const rowsTotal = await countViewRows({ ...parts, view })
  let rows = 0
  const report = () => parts.onProgress({ view: view.name, rows, rowsTotal: Math.max(rows, rowsTotal) })
  try {
    const handle = await onDisk(partial, () => open(partial, 'w'))
    try {
      const table = await onDisk(partial, () => opening[parts.format](handle, view))
      report()
      for await (const page of readViewPages({ ...parts, view })) {
        if (parts.signal.aborted) throw new Fault('export-stopped', { file })
        await onDisk(partial, () => table.write(page))
        rows += page.length
        report()
      }
      await onDisk(partial, () => table.finish())
      await onDisk(partial, () => handle.sync())
    } finally {
      await handle.close()
    }
    const { size: bytes } = await stat(partial)
    await appear(partial, file, parts.isForced)
    return { view: view.name, file, rows, bytes }
  } finally {
    await rm(partial, { force: true })
  }
}

/** A link, unlike a rename, does not replace what came into being meanwhile. */
async function appear(partial: string, file: string, isForced: boolean): Promise<void> {
  if (isForced) return onDisk(file, () => rename(partial, file))
  await link(partial, file).catch((cause: NodeJS.ErrnoException) => {
    throw new Fault(cause.code === 'EEXIST' ? 'export-exists' : 'export-not-written', { file }, { cause })
  })
}

function fileOf({ name }: AnalyticsView, { directory, format }: ExportParts): string {
  return path.join(directory, `${name}.${format}`)
}

async function onDisk<Value>(file: string, act: () => Promise<Value>): Promise<Value> {
  try {
    return await act()
  } catch (cause) {
    if (isFault(cause)) throw cause
    throw new Fault('export-not-written', { file }, { cause })
  }
}
