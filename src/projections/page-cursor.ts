/** Where a page ended: opaque to clients, checked when it comes back. */
import type { z } from 'zod'
import { Fault } from '../shared/failures.ts'

const CURSOR_CHARACTERS_MAX = 512

export function writeCursor(place: Record<string, string>): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url')
}

/** Throws `cursor-invalid` for anything that `writeCursor` did not make for this query. */
export function readCursor<Schema extends z.ZodType>(cursor: string, schema: Schema): z.infer<Schema> {
  const parsed = cursor.length > CURSOR_CHARACTERS_MAX ? undefined : schema.safeParse(parseJson(cursor))
  if (parsed?.success !== true) throw new Fault('cursor-invalid')
  return parsed.data
}

function parseJson(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}
