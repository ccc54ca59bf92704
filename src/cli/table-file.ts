/** A file that rows are added to; they are in it, in the right form, once it is finished. */
import type { ViewRow } from '../projections/analytics/view-pages.ts'

export interface TableFile {
  readonly write: (rows: readonly ViewRow[]) => Promise<void>
  readonly finish: () => Promise<void>
}
